import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { applyCorrections } from "../topology/corrections.ts";
import { compileNetwork } from "../topology/network.ts";
import { nearestNics } from "../topology/nics.ts";
import { repeatMachines } from "../topology/repeat.ts";
import { createRoutes } from "../topology/routes.ts";
import type { Topology } from "../topology/topology.ts";
import { validateTopology } from "../topology/validate.ts";
import { importTopology } from "./importers.ts";

/** A matrix with tabs as the tool prints it; the cells of a row are given without the X. */
function matrix(rows: Readonly<Record<string, string>>, tails: readonly string[] = []): string {
  const labels = Object.keys(rows);
  const lines = labels.map((label, index) => {
    const cells = rows[label]!.split(" ").filter((cell) => cell !== "");
    cells.splice(index, 0, " X ");
    return `${label}\t${cells.join("\t")}\t${tails[index] ?? "\t\t\t"}`;
  });
  return `\t${labels.join("\t")}\tCPU Affinity\tNUMA Affinity\tGPU NUMA ID\n${lines.join("\n")}\n`;
}

/** Two pairs of GPUs on two sockets, a dual-port NIC at the second. */
const fourPcie = matrix(
  {
    GPU0: "PHB SYS SYS SYS SYS",
    GPU1: "PHB SYS SYS SYS SYS",
    GPU2: "SYS SYS PHB NODE NODE",
    GPU3: "SYS SYS PHB NODE NODE",
    NIC0: "SYS SYS NODE NODE PIX",
    NIC1: "SYS SYS NODE NODE PIX",
  },
  ["0-31\t0\t\tN/A", "0-31\t0\t\tN/A", "32-63\t1\t\tN/A", "32-63\t1\t\tN/A"],
);

/** Four GPUs behind NVSwitch, a NIC beside each pair of them. */
const fourSwitched = matrix(
  {
    GPU0: "NV18 NV18 NV18 PIX SYS",
    GPU1: "NV18 NV18 NV18 PIX SYS",
    GPU2: "NV18 NV18 NV18 SYS PIX",
    GPU3: "NV18 NV18 NV18 SYS PIX",
    NIC0: "PIX PIX SYS SYS SYS",
    NIC1: "SYS SYS PIX PIX SYS",
  },
  ["0-47\t0\t\tN/A", "0-47\t0\t\tN/A", "48-95\t1\t\tN/A", "48-95\t1\t\tN/A"],
);

function read(text: string, fileName = "dump.txt"): Topology {
  return importTopology(new TextEncoder().encode(text), { fileName });
}

/** What a graph is, apart from its name and what was said about it. */
function graph({ nodes, links }: Topology) {
  return { nodes, links };
}

function through(topology: Topology, from: string, to: string): string[] {
  const network = compileNetwork(topology);
  const links = createRoutes(network).path(network.nodeIndices.get(from)!, network.nodeIndices.get(to)!);
  return Array.from(links.slice(1), (link) => network.nodeIds[network.linkFrom[link]!]!);
}

function nics(topology: Topology): (string | null)[] {
  const network = compileNetwork(topology);
  return nearestNics(topology, network, createRoutes(network)).map((nic) =>
    nic === null ? null : network.nodeIds[nic]!,
  );
}

describe("graph of a matrix", () => {
  test("PCIe: host bridges, sockets and a joined NIC", () => {
    const topology = read(fourPcie);
    expect(through(topology, "GPU0", "GPU1")).toEqual(["phb0"]);
    expect(through(topology, "GPU0", "GPU2")).toEqual(["phb0", "numa0", "numa1", "phb1"]);
    expect(nics(topology)).toEqual(Array(4).fill("NIC0+NIC1"));
    expect(topology.assumed.join("\n")).toMatch(/L40S, since the matrix shows no NVLink; --device/);
  });

  test("NVSwitch: one switch, and a NIC for each GPU that is near", () => {
    const topology = read(fourSwitched);
    expect(through(topology, "GPU0", "GPU3")).toEqual(["nvswitch"]);
    expect(nics(topology)).toEqual(["NIC0", "NIC0", "NIC1", "NIC1"]);
    const fabric = topology.links.filter(({ to }) => to === "nvswitch");
    expect(fabric.map(({ bytesPerSecond }) => bytesPerSecond)).toEqual(Array(4).fill(370e9));
    expect(topology.assumed.join("\n")).toMatch(
      /H100-SXM, since they have 18 NVLinks.*\n.*370 GB\/s together; --nvlink/,
    );
  });

  test("bridged pairs get direct links, and other pairs PCIe", () => {
    const topology = read(
      matrix({ GPU0: "NV12 SYS SYS", GPU1: "NV12 SYS SYS", GPU2: "SYS SYS NV12", GPU3: "SYS SYS NV12" }, [
        "0-7\t0\t\tN/A",
        "0-7\t0\t\tN/A",
        "8-15\t1\t\tN/A",
        "8-15\t1\t\tN/A",
      ]),
    );
    expect(through(topology, "GPU0", "GPU1")).toEqual([]);
    expect(through(topology, "GPU0", "GPU2")).toEqual(["numa0", "numa1"]);
    expect(topology.nodes[0]!.device).toBe("A100-PCIe");
  });

  test("equal cells that add up to all links of a GPU are a mesh", () => {
    const row = "NV4 NV4 NV4";
    const topology = read(matrix({ GPU0: row, GPU1: row, GPU2: row, GPU3: row }));
    expect(through(topology, "GPU0", "GPU3")).toEqual([]);
    expect(topology.nodes[0]!.device).toBe("A100-SXM-80GB");
    expect(topology.assumed.join("\n")).toMatch(/direct links, 12 links a GPU/);
  });

  test("a cube of unequal cells keeps its direct links", () => {
    const topology = read(
      matrix({ GPU0: "NV1 NV2 SYS", GPU1: "NV1 SYS NV2", GPU2: "NV2 SYS NV1", GPU3: "SYS NV2 NV1" }),
    );
    const direct = topology.links.filter(({ from, to }) => from.startsWith("GPU") && to.startsWith("GPU"));
    expect(direct.map(({ bytesPerSecond }) => bytesPerSecond)).toEqual([20e9, 40e9, 40e9, 20e9]);
    expect(through(topology, "GPU0", "GPU3").length).toBeGreaterThan(0);
  });

  test("every distance of PCIe is nearer than the next", () => {
    const topology = read(
      matrix({
        GPU0: "PIX PXB PHB NODE SYS",
        GPU1: "PIX PXB PHB NODE SYS",
        GPU2: "PXB PXB PHB NODE SYS",
        GPU3: "PHB PHB PHB NODE SYS",
        GPU4: "NODE NODE NODE NODE SYS",
        GPU5: "SYS SYS SYS SYS SYS",
      }),
    );
    const hops = [1, 2, 3, 4, 5].map((gpu) => through(topology, "GPU0", `GPU${gpu}`).length);
    expect(hops).toEqual([1, 3, 5, 7, 8]);
  });

  test("one GPU alone", () => {
    const topology = read("\tGPU0\tCPU Affinity\nGPU0\t X \t0-7\n");
    expect(compileNetwork(topology).numRanks).toBe(1);
  });

  test("a device of the user, of the file's name or of the text around", () => {
    const bytes = new TextEncoder().encode(fourSwitched);
    const given = importTopology(bytes, { device: "B200" });
    expect(given.nodes[0]!.device).toBe("B200");
    expect(given.links[0]!.bytesPerSecond).toBeCloseTo(721.8e9, -6);
    expect(given.assumed.join("\n")).not.toMatch(/--device/);
    expect(read(fourSwitched, "8xh200.txt").nodes[0]!.device).toBe("H200");
    expect(read(`GPU 0: NVIDIA B200 (UUID: GPU-0)\n${fourSwitched}`).nodes[0]!.device).toBe("B200");
    // A device without NVLink cannot be the one of this matrix.
    expect(read(fourSwitched, "l40s.txt").nodes[0]!.device).toBe("H100-SXM");
  });
});

describe("variants and damage read as the same graph", () => {
  const expected = graph(read(fourSwitched));
  const lines = fourSwitched.split("\n");
  const spaced = (width: number) =>
    lines
      .map((line) =>
        line
          .split("\t")
          .map((cell) => cell.trim().padEnd(width))
          .join(" ")
          .trimEnd(),
      )
      .join("\n");
  const legend = `
Legend:

  X    = Self
  SYS  = Connection traversing PCIe as well as the SMP interconnect between NUMA nodes (e.g., QPI/UPI)
  PIX  = Connection traversing at most a single PCIe bridge
  NV#  = Connection traversing a bonded set of # NVLinks

NIC Legend:

  NIC0: mlx5_2
  NIC1: mlx5_bond_0
`;

  test.each([
    ["tabs turned into spaces", spaced(7)],
    ["columns realigned by hand", spaced(5)],
    ["a legend", fourSwitched + legend],
    ["Windows line ends and a byte order mark", `\ufeff${fourSwitched.replaceAll("\n", "\r\n")}`],
    ["a prompt and a command before, text after", `[root@box ~]# nvidia-smi topo -m\n${fourSwitched}\n$ exit\nbye`],
    ["a comment sign before each line", lines.map((line) => `# ${line}`).join("\n")],
    ["quotation marks before each line", lines.map((line) => `> ${line}`).join("\n")],
    ["escape sequences", `\t\u001b[4m${lines[0]!.slice(1)}\u001b[0m\n${lines.slice(1).join("\n")}`],
    ["escape sequences without ESC", `\t[4m${lines[0]!.slice(1)}[0m\n${lines.slice(1).join("\n")}`],
    ["lost tabs between cells", fourSwitched.replaceAll("PIX\tSYS", "PIXSYS")],
    ["a lost tab before the affinity", fourSwitched.replaceAll("\t0-47", "0-47")],
    ["a lost tab in the header", fourSwitched.replace("NIC0\tNIC1\tCPU", "NIC0NIC1CPU")],
    ["no header", lines.slice(1).join("\n")],
    ["a header without GPU NUMA ID", fourSwitched.replace("\tGPU NUMA ID", "")],
    ["NIC rows without empty cells", fourSwitched.replaceAll(/\t+\n/g, "\n")],
    ["NIC rows cut", lines.slice(0, 5).join("\n")],
    ["a row cut in the middle", fourSwitched.replace(/(GPU1\tNV18\t X \t).*\n/, "$1\n")],
    ["a second matrix after it", `${fourSwitched}\n${fourPcie}`],
    ["the old word for SYS", fourSwitched.replaceAll("SYS", "SOC")],
  ])("%s", (_, text) => {
    expect(graph(read(text))).toEqual(expected);
  });

  test("columns named by device", () => {
    const named = fourSwitched.replaceAll("NIC0", "mlx5_0").replaceAll("NIC1", "mlx5_1");
    expect(nics(read(named))).toEqual(["mlx5_0", "mlx5_0", "mlx5_1", "mlx5_1"]);
  });

  test("UTF-16 as PowerShell writes it", () => {
    const bytes = new Uint8Array(2 + 2 * fourSwitched.length);
    bytes.set([0xff, 0xfe]);
    for (let at = 0; at < fourSwitched.length; at++) bytes[2 + 2 * at] = fourSwitched.charCodeAt(at);
    expect(graph(importTopology(bytes))).toEqual(expected);
  });

  test("affinities that are lists, and none", () => {
    const lists = fourSwitched.replaceAll("\t0\t", "\t0,2-17\t").replaceAll("0-47", "6,14,22,30");
    expect(graph(read(lists))).toEqual(expected);
    expect(compileNetwork(read(fourSwitched.replaceAll("\t0\t", "\tN/A\t"))).numRanks).toBe(4);
  });
});

describe("what is missing is inferred and said", () => {
  test("GPU rows cut off", () => {
    const topology = read(fourSwitched.split("\n").slice(0, 3).join("\n"));
    expect(through(topology, "GPU2", "GPU3")).toEqual(["nvswitch"]);
    expect(topology.assumed.join("\n")).toMatch(/Rows cut off or missing: GPU2, GPU3.*\n.*GPU2–GPU3 are joined; NV18/);
  });

  test("asymmetry: the weaker way is taken", () => {
    const rows = { GPU0: "NV12", GPU1: "SYS" };
    const topology = read(matrix(rows));
    expect(through(topology, "GPU0", "GPU1").length).toBeGreaterThan(0);
    expect(topology.assumed.join("\n")).toMatch(/asymmetric at GPU0–GPU1 \(NV12 one way, SYS the other\)/);
    expect(read(matrix({ GPU0: "NV12", GPU1: "NV8" })).assumed.join("\n")).toMatch(/asymmetric/);
  });

  test("cells that contradict each other", () => {
    const topology = read(matrix({ GPU0: "PIX SYS", GPU1: "PIX PIX", GPU2: "SYS PIX" }));
    expect(topology.assumed.join("\n")).toMatch(/contradicts itself at GPU0–GPU2 \(SYS\)/);
  });
});

describe("refused with the line", () => {
  test.each([
    [
      "a row without its X",
      fourSwitched.replace("NV18\t X \tNV18\tNV18", "NV18\tNV18\tNV18\tNV18"),
      "line 3",
      /only X/,
    ],
    ["a lost cell", fourSwitched.replace("GPU2\tNV18\tNV18", "GPU2\tNV18"), "line 4", /only X/],
    ["a row too long", fourSwitched.replace("GPU0\t X ", "GPU0\t X \tSYS"), "line 2", /6 cells/],
    ["an unknown word", fourSwitched.replace("PIX\tSYS\t0-47", "FAR\tSYS\t0-47"), "line 2", /got "FAR"/],
    ["a header alone", fourSwitched.split("\n")[0]!, "line 1", /row for each GPU/],
    ["a row of an unknown device", `${fourSwitched}NIC7\tSYS\tSYS\n`, "line 8", /column for row NIC7/],
    ["a column twice", fourSwitched.replace("GPU1\tGPU2", "GPU1\tGPU1"), "line 1", /GPU1 twice/],
  ])("%s", (_, text, path, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: "parse", path }));
    expect(() => read(text)).toThrow(message);
  });
});

test("the dump in this repository is eight GPUs behind a switch with two NICs for each pair", () => {
  const file = new URL("../../traces/topologies/8xa100-nvidia-smi-topo.txt", import.meta.url);
  const one = importTopology(readFileSync(file), { fileName: file.pathname });
  expect(one.nodes.filter(({ kind }) => kind === "gpu")).toHaveLength(8);
  expect(nics(one).filter((nic) => nic === "NIC0+NIC1")).toHaveLength(2);
  const four = applyCorrections(repeatMachines(one, 4), { interBitsPerSecond: 400e9, device: "A100" });
  validateTopology(four);
  const uplinks = four.links.filter(({ to }) => to === "net");
  expect(uplinks.map(({ bytesPerSecond }) => bytesPerSecond)).toEqual(Array(16).fill(12.5e9));
  expect(four.assumed.filter((sentence) => sentence.includes("--device"))).toEqual([]);
});
