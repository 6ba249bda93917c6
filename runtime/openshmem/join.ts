import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundlePath } from "../bundles.ts";
import { LIBRARY_DEFAULTS, nodeCommand } from "./launch.ts";
import type { JoiningAddress } from "./pe-messages.ts";

/** What tells the program of rank 0 where to write the address at which its ranks reach it. */
export const ADDRESS_FILE = "TOROID_ADDRESS_FILE";

/** Symmetric memory of a rank where the user asks for no other, bytes. Only what is used takes memory. */
const DEFAULT_HEAP = "4G";

/** How long a rank whose process is gone waits for the others to be told so, ms. */
const LAST_MS = 12_000;

/** What a process knows that another launcher has started as one of several ranks. */
export interface JoinedRank {
  readonly rank: number;
  readonly ranks: number;
  /** Hosts that they are on, where the launcher says it; else 1. */
  readonly hosts: number;
}

/** The rank that the environment makes this process, or null. Open MPI and Slurm's PMIx say it. */
export function joinedRank(env: NodeJS.ProcessEnv): JoinedRank | null {
  const number = (...names: string[]) => {
    const name = names.find((one) => /^\d+$/.test(env[one] ?? ""));
    return name === undefined ? null : Number(env[name]);
  };
  const rank = number("OMPI_COMM_WORLD_RANK", "PMIX_RANK");
  const ranks = number("OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS");
  if (rank === null || ranks === null || ranks < 1) return null;
  const perHost = number("OMPI_COMM_WORLD_LOCAL_SIZE");
  const hosts = perHost === null ? number("SLURM_STEP_NUM_NODES", "SLURM_NNODES") : Math.ceil(ranks / perHost);
  return { rank, ranks, hosts: Math.max(1, hosts ?? 1) };
}

/**
 * Takes part as the rank that another launcher has made this process: starts the process of the rank, and on rank 0 the
 * program again, which plans, supervises and says how it went. Returns this process's exit code; the launcher's job ends
 * with that of rank 0.
 */
export async function takePart({ rank }: JoinedRank, argv: readonly string[]): Promise<number> {
  const folder = rank === 0 ? mkdtempSync(join(tmpdir(), "toroid-")) : null;
  const file = folder === null ? null : join(folder, "address");
  const address: JoiningAddress = { isJoining: true, file };
  const { command, args } = nodeCommand(bundlePath("pe"));
  const env = {
    ...LIBRARY_DEFAULTS,
    SHMEM_SYMMETRIC_SIZE: DEFAULT_HEAP,
    ...process.env,
    TOROID_LAUNCHER: JSON.stringify(address),
  };
  // It finishes, and with it the launcher's job, once its input ends.
  const pe = spawn(command, args, { env, stdio: [rank === 0 ? "pipe" : "ignore", "ignore", "inherit"] });
  try {
    if (file === null) {
      if ((await exitCode(pe)) === 0) return 0;
      await new Promise((resolve) => setTimeout(resolve, LAST_MS));
      return 5;
    }
    const program = spawn(process.execPath, argv, { env: { ...process.env, [ADDRESS_FILE]: file }, stdio: "inherit" });
    const code = await exitCode(program);
    if (code !== 0) {
      pe.kill("SIGKILL");
      return code;
    }
    pe.stdin?.end();
    return await exitCode(pe);
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}

function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("error", () => resolve(5));
    child.once("exit", (code) => resolve(code ?? 5));
  });
}
