/** Builds and runs `flows.cpp`, if SimGrid and a compiler are installed. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { PathFlow } from "../../../plan/flow/simulate-flows.ts";

const HEADER = "/usr/include/simgrid/s4u.hpp";
const HOW_TO_GET_IT = "apt-get install libsimgrid-dev g++";

export interface SimGridFinishes {
  readonly finishNs: Float64Array;
  /** Wall time of the simulation alone, without reading the scenario and building the platform. */
  readonly wallMs: number;
}

export interface SimGrid {
  readonly run: (capacities: Float64Array, flows: readonly PathFlow[]) => SimGridFinishes;
}

/** The peer, or a sentence that says what is missing and how to get it. Paths are relative to the repository root. */
export function findSimGrid(root: string): SimGrid | string {
  const source = join(root, "bench/peers/simgrid/flows.cpp");
  const binary = join(root, "dist/peers/simgrid-flows");
  const problem = isNewer(binary, source) ? null : build(root, source, binary);
  if (problem !== null) return problem;
  return { run: (capacities, flows) => runSimGrid(binary, capacities, flows) };
}

function isNewer(binary: string, source: string): boolean {
  return existsSync(binary) && statSync(binary).mtimeMs > statSync(source).mtimeMs;
}

function build(root: string, source: string, binary: string): string | null {
  if (spawnSync("g++", ["--version"]).status !== 0) return `SimGrid is not compared: no g++; ${HOW_TO_GET_IT}`;
  if (!existsSync(HEADER)) return `SimGrid is not compared: no ${HEADER}; ${HOW_TO_GET_IT}`;
  mkdirSync(join(root, "dist/peers"), { recursive: true });
  // Under a name of its own until it is whole: tests may build at the same time.
  const unfinished = `${binary}.${process.pid}`;
  const built = spawnSync("g++", ["-O2", source, "-o", unfinished, "-lsimgrid"], { encoding: "utf8" });
  if (built.status !== 0) return `SimGrid is not compared: flows.cpp does not build (${firstLine(built.stderr)})`;
  renameSync(unfinished, binary);
  return null;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

function runSimGrid(binary: string, capacities: Float64Array, flows: readonly PathFlow[]): SimGridFinishes {
  const input = `${scenarioText(capacities, flows)}\n`;
  const run = spawnSync(binary, { input, encoding: "utf8", maxBuffer: 2 ** 30 });
  if (run.status !== 0) throw new Error(`SimGrid failed (${run.status ?? run.signal}): ${firstLine(run.stderr)}`);
  const finishNs = new Float64Array(flows.length);
  for (const [, index, seconds] of run.stdout.matchAll(/^flow (\d+) (\S+)$/gm)) {
    finishNs[Number(index)] = Number(seconds) * 1e9;
  }
  return { finishNs, wallMs: Number(/wall (\S+) s/.exec(run.stderr)?.[1]) * 1000 };
}

/** Latency is part of the start: with one of its own, SimGrid's model would weigh shares by it. */
function scenarioText(capacities: Float64Array, flows: readonly PathFlow[]): string {
  const links = Array.from(capacities, (capacity, link) => `link ${link} ${capacity}`);
  const lines = flows.map(
    ({ path, latencyNs, bytes, startNs }, index) =>
      `flow ${index} ${(startNs + latencyNs) / 1e9} ${bytes} ${Array.from(path).join(" ")}`,
  );
  return [...links, ...lines].join("\n");
}
