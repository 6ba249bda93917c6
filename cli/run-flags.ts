import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { UsageError } from "../plan/errors.ts";
import {
  BACKENDS,
  type Backend,
  type Inputs,
  KERNELS,
  type KernelName,
  type Launch,
  LAUNCHERS,
} from "../runtime/job.ts";
import { ADDRESS_FILE, joinedRank } from "../runtime/openshmem/join.ts";
import { readFile } from "./files.ts";
import { integerFlag, numberFlag } from "./numbers.ts";

/** Where ranks are started. */
export interface LaunchFlags {
  readonly hosts?: string;
  readonly hostfile?: string;
  readonly launcher: string;
}

export interface RunFlags extends LaunchFlags {
  readonly backend: string;
  readonly kernel: string;
  readonly q?: string;
  readonly k?: string;
  readonly v?: string;
  readonly out?: string;
  readonly seed: number;
  readonly repeat: number;
  readonly emulate?: boolean;
  readonly timeout: number;
  readonly check: boolean;
}

/** Ranks of a run on threads that says nothing of its topology. */
const maxDefaultRanks = 8;

/** Seconds without progress after which a run is given up. */
const defaultTimeout = 30;

/** Adds the flags of a run, beside those of a plan. */
export function addRunFlags(command: Command): Command {
  command
    .option("--backend <backend>", `what runs it: ${BACKENDS.join(", ")}`, "threads")
    .option("--kernel <kernel>", "what computes: onnx (onnxruntime) or plain (slow loops in float64)", "onnx")
    .option("--q <file>", "Q of shape [B, L, H, D] from a .npy or .safetensors file (then also --k and --v)")
    .option("--k <file>", "K of shape [B, L, Hkv, D]; <file>:<name> picks a tensor of a safetensors file")
    .option("--v <file>", "V, as --k")
    .option("--out <file>", "write the output [B, L, H, D] as .npy or .safetensors")
    .option("--seed <n>", "seed of random Q, K and V", integerFlag("--seed", 0), 1)
    .option(
      "--repeat <n>",
      "timed runs after some to warm up; the median counts",
      integerFlag("--repeat", 1, 10_000),
      5,
    );
  return addLaunchFlags(command)
    .option("--emulate", "slow transfers between machines down to the topology's links, in real time")
    .option("--timeout <seconds>", "give up after so long without progress", numberFlag("--timeout"), defaultTimeout)
    .option("--no-check", "do not compare the output with attention in float64");
}

/** Adds the flags that say where ranks are started. */
export function addLaunchFlags(command: Command): Command {
  return command
    .option("--hosts <list>", "openshmem: hosts and their ranks, such as h0:2,h1:2")
    .option("--hostfile <file>", "openshmem: the same from a file, a host and `slots=<n>` on each line")
    .option("--launcher <launcher>", "openshmem: what starts the ranks, oshrun (Open MPI) or srun (Slurm)", "oshrun");
}

export function backendOf({ backend }: Pick<RunFlags, "backend">): Backend {
  const found = BACKENDS.find((one) => one === backend);
  if (found !== undefined) return found;
  throw new UsageError("usage", `expected ${BACKENDS.join(" or ")}, got ${JSON.stringify(backend.slice(0, 80))}`, {
    path: "--backend",
    hint: "Use --backend threads: it runs everywhere.",
  });
}

/** Which hosts ranks are started on. */
export function launchOf(backend: Backend, { hosts, hostfile, launcher }: LaunchFlags): Launch {
  if (backend === "threads" && (hosts !== undefined || hostfile !== undefined)) {
    throw new UsageError("usage", "expected --backend openshmem beside hosts: threads are of this machine", {
      path: hosts === undefined ? "--hostfile" : "--hosts",
      hint: "Add --backend openshmem, or leave the flag out.",
    });
  }
  const addressFile = process.env[ADDRESS_FILE];
  if (addressFile !== undefined) {
    const flag = hosts === undefined ? hostfile : hosts;
    if (flag === undefined) return { launcher: "joined", hosts: [], addressFile };
    throw new UsageError("usage", "expected no hosts where another launcher has started the ranks", {
      path: hosts === undefined ? "--hostfile" : "--hosts",
      hint: "Give them to oshrun or srun.",
    });
  }
  const found = LAUNCHERS.find((one) => one === launcher);
  if (found === undefined) {
    throw new UsageError("usage", `expected ${LAUNCHERS.join(" or ")}, got ${JSON.stringify(launcher.slice(0, 80))}`, {
      path: "--launcher",
    });
  }
  if (hosts !== undefined && hostfile !== undefined)
    throw new UsageError("usage", "expected --hosts or --hostfile, got both", { path: "--hostfile" });
  if (hostfile !== undefined) return { launcher: found, hosts: readHostFile(hostfile) };
  return { launcher: found, hosts: hosts === undefined ? [] : hosts.split(",").map((part) => hostOf(part, "--hosts")) };
}

function readHostFile(path: string): Launch["hosts"] {
  return new TextDecoder()
    .decode(readFile(path))
    .split("\n")
    .flatMap((line, index) => {
      const text = line.replace(/#.*/, "").trim();
      return text === ""
        ? []
        : [hostOf(text.replace(/\s+(slots|max_slots)\s*=\s*/, ":"), `${path}, line ${index + 1}`)];
    });
}

function hostOf(text: string, path: string): Launch["hosts"][number] {
  const [, name, slots = "1"] = /^([\w.-]+)(?::([1-9]\d{0,4}))?$/.exec(text) ?? [];
  if (name !== undefined) return { name, slots: Number(slots) };
  throw new UsageError("usage", `expected a host and its number of ranks, got ${JSON.stringify(text.slice(0, 80))}`, {
    path,
    hint: "Write h0:2 (in a host file: h0 slots=2).",
  });
}

export function kernelOf({ kernel }: RunFlags): KernelName {
  const found = KERNELS.find((one) => one === kernel);
  if (found !== undefined) return found;
  throw new UsageError("usage", `expected ${KERNELS.join(" or ")}, got ${JSON.stringify(kernel.slice(0, 80))}`, {
    path: "--kernel",
  });
}

/** Files for all three of Q, K and V, or random numbers. */
export function inputsOf({ q, k, v, seed }: RunFlags): Inputs {
  if (q !== undefined && k !== undefined && v !== undefined) return { q, k, v };
  const missing = Object.entries({ q, k, v }).filter(([, file]) => file === undefined);
  if (missing.length === 3) return { seed };
  const names = missing.map(([name]) => `--${name}`).join(" and ");
  throw new UsageError("usage", `expected files for all of Q, K and V, ${names} is missing`, {
    path: names,
    hint: "Give --q, --k and --v, or none of them for random tensors.",
  });
}

export function timeoutOf({ timeout }: RunFlags): number {
  if (timeout > 0 && timeout <= 86_400) return timeout;
  throw new UsageError("usage", `expected seconds above 0 and up to 86400, got ${timeout}`, { path: "--timeout" });
}

/** Throws a UsageError where the hosts have room for fewer ranks. */
export function requireRoom({ hosts }: Launch, ranks: number): void {
  const slots = numSlots(hosts);
  if (hosts.length === 0 || slots >= ranks) return;
  throw new UsageError("usage", `expected hosts for ${ranks} ranks, got room for ${slots}`, {
    path: "--hosts",
    hint: "Give more ranks a host (h0:4), more hosts, or plan fewer ranks.",
  });
}

function numSlots(hosts: Launch["hosts"]): number {
  return hosts.reduce((sum, host) => sum + host.slots, 0);
}

/** How many ranks run where nothing is said: all that hosts have room for, or as many as there are cores, at least two. */
export function defaultRanks({ launcher, hosts }: Launch): number {
  if (launcher === "joined") return joinedRank(process.env)?.ranks ?? 1;
  if (hosts.length > 0) return numSlots(hosts);
  return Math.min(maxDefaultRanks, Math.max(2, availableParallelism()));
}
