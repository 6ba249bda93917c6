import type { Command } from "commander";
import { UsageError } from "../../plan/errors.ts";
import { type PathFlow, simulateFlows } from "../../plan/flow/simulate-flows.ts";
import { compileNetwork, type Network } from "../../plan/topology/network.ts";
import { createRoutes, type Routes } from "../../plan/topology/routes.ts";
import { inFile, readInput } from "../files.ts";
import { type FlowsInput, type InputFlow, readFlows } from "../flows-input.ts";
import { print, printJson } from "../output.ts";
import { formatTable } from "../table.ts";
import { formatBytes, formatCount, formatNs } from "../../plan/units.ts";

interface Finished {
  readonly flows: readonly { readonly id: string | number; readonly finishNs: number }[];
  readonly events: number;
  readonly wallMs: number;
}

const shownFlows = 40;

const examples = `
Input: {"topology": "p4de.24xlarge:2", "flows": [{"id": 0, "src": "m0/gpu0", "dst": "m1/gpu0", "bytes": 1e9, "startNs": 0}]}
The topology is a preset, a file or an object in the format of a topology file; src and dst are node ids.

Examples:
  toroid flows flows.json --json
  generate-flows | toroid flows -`;

/** Adds `toroid flows`. */
export function addFlowsCommand(program: Command): void {
  program
    .command("flows")
    .summary("when transfers that share links finish, under max-min fairness")
    .description("Simulates the network alone: flows on fixed paths that share links by max-min fairness.")
    .argument("<file>", "JSON; - reads standard input")
    .option("--json", "print one JSON document")
    .addHelpText("after", examples)
    .action(async (file: string, flags: { readonly json?: boolean }) => {
      const bytes = await readInput(file);
      const input = inFile(file, () => readFlows(bytes));
      const finished = inFile(file, () => finishFlows(input));
      if (flags.json === true) printJson(finished);
      else print(formatFlows(input, finished));
    });
}

function finishFlows({ topology, flows }: FlowsInput): Finished {
  const network = compileNetwork(topology);
  const routes = createRoutes(network);
  const paths = flows.map((flow, index) => inFlow(index, () => pathFlow(flow, network, routes)));
  const startMs = performance.now();
  const { finishNs, events } = simulateFlows(network.capacity, paths);
  const wallMs = performance.now() - startMs;
  return { flows: flows.map(({ id }, index) => ({ id, finishNs: finishNs[index]! })), events, wallMs };
}

function pathFlow({ src, dst, bytes, startNs }: InputFlow, network: Network, routes: Routes): PathFlow {
  const [source, target] = [nodeOf(network, src, "src"), nodeOf(network, dst, "dst")];
  return { path: routes.path(source, target), latencyNs: routes.latencyNs(source, target), bytes, startNs };
}

function nodeOf(network: Network, id: string, end: "src" | "dst"): number {
  const node = network.nodeIndices.get(id);
  if (node !== undefined) return node;
  throw new UsageError("not-found", `expected the id of a node, got ${JSON.stringify(id.slice(0, 80))}`, { path: end });
}

/** Adds to an error which flow it is about. */
function inFlow<T>(index: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const path = error.path === "src" || error.path === "dst" ? `flows[${index}].${error.path}` : `flows[${index}]`;
    throw new UsageError(error.code, error.message, { path, ...(error.hint === null ? {} : { hint: error.hint }) });
  }
}

function formatFlows({ flows }: FlowsInput, { flows: finished, events, wallMs }: Finished): string {
  const rows = flows.slice(0, shownFlows).map(({ id, src, dst, bytes, startNs }, index) => {
    const { finishNs } = finished[index]!;
    return [
      String(id),
      src,
      dst,
      formatBytes(bytes),
      formatNs(startNs),
      formatNs(finishNs),
      formatNs(finishNs - startNs),
    ];
  });
  const columns = ["flow", "from", "to", "bytes", "start", "finish", "took"].map((title, at) =>
    at < 3 ? { title } : { title, align: "right" as const },
  );
  const more = flows.length - rows.length;
  const last = finished.reduce((most, { finishNs }) => Math.max(most, finishNs), 0);
  return [
    formatTable(columns, rows),
    ...(more > 0 ? [`… and ${formatCount(more)} more (--json has them all)`] : []),
    `\n${formatCount(flows.length)} flows, the last finishes at ${formatNs(last)}; ${formatCount(events)} events in ${wallMs.toFixed(1)} ms`,
  ].join("\n");
}
