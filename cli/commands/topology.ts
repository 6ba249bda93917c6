import type { Command } from "commander";
import { exportTopologyJson } from "../../plan/formats/topology-file.ts";
import { isRank } from "../../plan/topology/network.ts";
import { listPresets } from "../../plan/topology/presets.ts";
import type { Device, Topology } from "../../plan/topology/topology.ts";
import { requireWritable, writeWhole } from "../files.ts";
import { note, print, printJson } from "../output.ts";
import { paint } from "../style.ts";
import { type Column, formatFields, formatTable } from "../table.ts";
import { addCorrectionFlags, type CorrectionFlags, resolveTopology } from "../topology-flags.ts";
import { formatBytes, formatCount, formatFlops, formatNs, formatRate } from "../../plan/units.ts";

interface Flags extends CorrectionFlags {
  readonly output?: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  toroid topology list
  toroid topology show p4de.24xlarge:4
  nvidia-smi topo -m > topo.txt && toroid topology import topo.txt:4 --device A100 --inter 400 -o cluster.json
  toroid topology check cluster.json`;

/** Adds `toroid topology` and its commands. */
export function addTopologyCommand(program: Command): void {
  const topology = program
    .command("topology")
    .summary("list presets, import and check topologies")
    .description("Topologies: presets, files of this program, and what tools such as nvidia-smi say about a machine.")
    .addHelpText("after", examples);
  addList(topology);
  addShow(topology);
  addImport(topology);
  addCheck(topology);
}

function addList(topology: Command): void {
  topology
    .command("list")
    .description("list the presets")
    .option("--json", "print one JSON document")
    .action(({ json }: Flags) => {
      const presets = listPresets();
      if (json === true) return printJson({ presets });
      const rows = presets.map(({ name, summary }) => [name, summary]);
      print(formatTable([{ title: "preset" }, { title: "a machine has" }], rows));
    });
}

function addShow(topology: Command): void {
  const show = topology
    .command("show")
    .description("say what a preset or file holds, and what had to be assumed")
    .argument("<topology>", "a preset or a file, repeated with :<machines>");
  addCorrectionFlags(show)
    .option("--json", "print one JSON document")
    .action((text: string, flags: Flags) => printTopology(resolveTopology(text, flags), flags));
}

function addImport(topology: Command): void {
  const command = topology
    .command("import")
    .description("read what a tool says about a machine, and write it as a topology file")
    .argument("<file>", "an `nvidia-smi topo -m` dump or a topology file (JSON or YAML), repeated with :<machines>");
  addCorrectionFlags(command)
    .option("-o, --output <file>", "write a topology file")
    .option("--json", "print one JSON document")
    .action((text: string, flags: Flags) => importTo(text, flags));
}

function importTo(text: string, flags: Flags): void {
  requireWritable(flags.output);
  const topology = resolveTopology(text, flags);
  if (flags.output !== undefined) writeWhole(flags.output, [exportTopologyJson(topology)]);
  printTopology(topology, flags);
  if (flags.output !== undefined) note(`wrote ${flags.output}`);
}

function addCheck(topology: Command): void {
  topology
    .command("check")
    .description("check a topology: ids, links, figures, and a path between all ranks")
    .argument("<file>", "a topology file, or a preset")
    .option("--json", "print one JSON document")
    .action((text: string, flags: Flags) => {
      const checked = resolveTopology(text, {});
      if (flags.json === true) printJson(topologyDocument(checked));
      else print(`${paint("green", "valid")}: ${summaryOf(checked)}`);
    });
}

function printTopology(topology: Topology, { json }: Flags): void {
  if (json === true) printJson(topologyDocument(topology));
  else print(formatTopology(topology));
}

function topologyDocument(topology: Topology): unknown {
  const { version, name, nodes, links, devices, assumed } = topology;
  return {
    version,
    name,
    machines: countMachines(topology),
    ranks: countRanks(topology),
    nodes,
    links,
    devices,
    assumed,
  };
}

function countRanks({ nodes }: Topology): number {
  return nodes.filter(isRank).length;
}

function countMachines({ nodes }: Topology): number {
  return new Set(nodes.filter(isRank).map(({ machine }) => machine)).size;
}

function summaryOf(topology: Topology): string {
  const [machines, ranks] = [countMachines(topology), countRanks(topology)];
  const { nodes, links } = topology;
  return `${topology.name}: ${formatCount(ranks)} ranks on ${formatCount(machines)} machine${machines === 1 ? "" : "s"}, ${formatCount(nodes.length)} nodes, ${formatCount(links.length)} links`;
}

function formatTopology(topology: Topology): string {
  const parts = [paint("bold", summaryOf(topology))];
  for (const [name, device] of Object.entries(topology.devices)) parts.push(formatDevice(name, device));
  parts.push(formatLinks(topology));
  if (topology.assumed.length > 0) {
    parts.push([paint("yellow", "assumed"), ...topology.assumed.map((sentence) => `  ${sentence}`)].join("\n"));
  }
  return parts.join("\n\n");
}

function formatDevice(name: string, device: Device): string {
  const attention = device.attentionFlops.map(
    ({ dtype, headDim, flops }) => `${formatFlops(flops)} (${dtype}, head size ${headDim})`,
  );
  return formatFields([
    ["device", name],
    [
      "matrix products",
      Object.entries(device.matmulFlops)
        .map(([type, flops]) => `${formatFlops(flops)} (${type})`)
        .join(", "),
    ],
    ["attention", attention.join(", ")],
    ["memory", `${formatBytes(device.memoryBytes)} at ${formatRate(device.memoryBytesPerSecond)}`],
    [
      "multiprocessors",
      `${device.multiprocessors}, ${device.copyEngines} copy engines, ${formatNs(device.launchNs)} to launch a kernel`,
    ],
    ["source", device.source],
  ]);
}

const linkColumns: readonly Column[] = [
  { title: "links" },
  { title: "number", align: "right" },
  { title: "each direction", align: "right" },
  { title: "latency", align: "right" },
  { title: "for example" },
];

/** Equal links in one row. */
function formatLinks({ nodes, links }: Topology): string {
  const kinds = new Map(nodes.map(({ id, kind }) => [id, kind]));
  const rows = new Map<string, { cells: string[]; count: number; example: string }>();
  for (const { from, to, bytesPerSecond, latencyNs, duplex } of links) {
    const arrow = duplex === "full" ? "–" : "→";
    const cells = [`${kinds.get(from)}${arrow}${kinds.get(to)}`, formatRate(bytesPerSecond), formatNs(latencyNs)];
    const row = rows.get(cells.join()) ?? { cells, count: 0, example: `${from}${arrow}${to}` };
    row.count++;
    rows.set(cells.join(), row);
  }
  return formatTable(
    linkColumns,
    [...rows.values()].map(({ cells: [what, rate, latency], count, example }) => [
      what!,
      formatCount(count),
      rate!,
      latency!,
      example,
    ]),
  );
}
