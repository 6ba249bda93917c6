import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { UsageError } from "../../plan/errors.ts";
import { bundlePath } from "../bundles.ts";
import { GARBAGE_FLAGS } from "../garbage-flags.ts";
import type { Launch } from "../job.ts";
import { addonObstacle } from "./addon.ts";

/** What the library asks of the environment of all ranks, where the user says nothing else. */
export const LIBRARY_DEFAULTS = {
  // Receives of 8 KiB make a put of 8 MiB take 46 ms where the receiver looks every 50 µs, of 256 KiB 3 ms.
  UCX_TCP_RX_SEG_SIZE: "256k",
  UCX_TCP_TX_SEG_SIZE: "256k",
  // Open MPI maps the symmetric heap at a fixed address, by default 16 MiB below 4 GiB, over whatever V8 has there. This one
  // lies above where V8 looks for memory and below where the system does.
  OMPI_MCA_sshmem_base_start_address: `${0x6000_0000_0000}`,
  // UCX and Open MPI rewrite the code of brk and mmap while other threads of Node call them: 5 of 70 starts crashed, none
  // of 70 without. It serves caches of registered memory; the symmetric heap is registered once.
  UCX_MEM_EVENTS: "n",
  UCX_MEM_MMAP_HOOK_MODE: "none",
  UCX_MEM_MALLOC_HOOKS: "n",
  OMPI_MCA_memory: "^patcher",
  // Shared memory of Open MPI's own start-up data is refused in many containers.
  PMIX_MCA_gds: "hash",
};

/** Handed on to all ranks. `TOROID_PRELOAD` names a library that they load first: the runtime of a sanitizer. */
const HANDED_ON = /^(UCX_|PMIX_MCA_|SHMEM_|SMA_|MALLOC_|TOROID_)/;

/** Room in the symmetric heap for the library's own use. */
const SPARE_BYTES = 16 * 2 ** 20;

export interface CommandLine {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** The command that starts `ranks` processes of `pe`, symmetric memory of `bytes` each. */
export function commandLine(launch: Launch, ranks: number, bytes: number, launcherAddress: string): CommandLine {
  const env = {
    ...LIBRARY_DEFAULTS,
    ...process.env,
    SHMEM_SYMMETRIC_SIZE: `${bytes + SPARE_BYTES}`,
    TOROID_LAUNCHER: launcherAddress,
  };
  const { command, args } = nodeCommand(bundlePath("pe"));
  const node = [command, ...args];
  if (launch.launcher === "srun") {
    const hosts = launch.hosts.length === 0 ? [] : [`--nodelist=${launch.hosts.map(({ name }) => name).join(",")}`];
    const perNode = launch.hosts.length === 0 ? [] : [`--ntasks-per-node=${launch.hosts[0]!.slots}`];
    return {
      program: "srun",
      args: [
        ...["--mpi=pmix", "--export=ALL", "--kill-on-bad-exit=1", "--overcommit", `--ntasks=${ranks}`],
        ...[...perNode, ...hosts, ...node],
      ],
      env,
    };
  }
  const hosts = launch.hosts.map(({ name, slots }) => `${name}:${slots}`).join(",");
  return {
    program: "oshrun",
    args: [
      ...(process.getuid?.() === 0 ? ["--allow-run-as-root"] : []),
      ...["--oversubscribe", "--bind-to", "none", "--map-by", "slot", "--np", `${ranks}`],
      ...(hosts === "" ? [] : ["--host", hosts]),
      ...["--mca", "oob_tcp_keepalive_time", "2", "--mca", "oob_tcp_keepalive_intvl", "1"],
      ...["--mca", "oob_tcp_keepalive_probes", "3"],
      ...Object.keys(env)
        .filter((name) => HANDED_ON.test(name))
        .flatMap((name) => ["-x", name]),
      ...node,
    ],
    env,
  };
}

/** What runs a bundle as the process of a rank. */
export function nodeCommand(bundle: string): { readonly command: string; readonly args: readonly string[] } {
  const preload = process.env["TOROID_PRELOAD"];
  const args = [...GARBAGE_FLAGS, bundle];
  if (preload === undefined) return { command: process.execPath, args };
  return { command: "env", args: [`LD_PRELOAD=${preload}`, process.execPath, ...args] };
}

/** Throws a UsageError that says what is missing for the backend, and how to get it. */
export function requireOpenshmem({ launcher }: Launch): void {
  const obstacle = addonObstacle();
  if (obstacle !== null) {
    throw new UsageError("not-found", `expected a build of the OpenSHMEM backend, ${obstacle}`, {
      path: "--backend",
      hint: "Run npm run build:native; on Debian it needs: apt-get install g++ cmake openmpi-bin libopenmpi-dev.",
    });
  }
  const program = launcher === "srun" ? "srun" : "oshrun";
  if (launcher === "joined" || isOnPath(program)) return;
  throw new UsageError("not-found", `expected ${program}, which starts the ranks, on the path`, {
    path: "--launcher",
    hint: program === "oshrun" ? "Install Open MPI: apt-get install openmpi-bin." : "Run inside a Slurm allocation.",
  });
}

function isOnPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
