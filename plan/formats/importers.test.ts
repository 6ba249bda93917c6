import { describe, expect, test } from "vitest";
import { longRun } from "../../test/support/campaign.ts";
import { UsageError } from "../errors.ts";
import { importTopology } from "./importers.ts";

function errorOf(input: string | Uint8Array, fileName?: string): UsageError {
  const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
  try {
    importTopology(bytes, fileName === undefined ? {} : { fileName });
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error("expected a UsageError");
}

const header = "\tGPU0\tGPU1\tCPU Affinity\tNUMA Affinity\n";
const pcie = `${header}GPU0\t X \tSYS\t0-7\t0\nGPU1\tSYS\t X \t8-15\t1\n`;
const pcieLegend = `
Legend:

  X    = Self
  SYS  = Connection traversing PCIe as well as the SMP interconnect between NUMA nodes (e.g., QPI/UPI)
  PIX  = Connection traversing at most a single PCIe bridge
`;

describe("formats that are refused by name", () => {
  test.each([
    ["topo -p2p", `\tGPU0\tGPU1\nGPU0\tX\tOK\nGPU1\tOK\tX\n`],
    [
      "topo -p2p",
      ` \tGPU0\tGPU1\tGPU2\nGPU0\tX\tCNS\tNS\nGPU1\tCNS\tX\tTNS\nGPU2\tNS\tTNS\tX\n\nLegend:\n  OK = Status Ok\n`,
    ],
    ["topo -mp", `$ nvidia-smi topo -mp\n${pcie}`],
    ["topo -mp", `$ nvidia-smi topo --matrix_pci\n${pcie}`],
    ["topo -mp", pcie + pcieLegend],
    [
      "rocm-smi",
      "=== ROCm System Management Interface ===\n== Weight between two GPUs ==\n GPU0 GPU1\nGPU0 0 15\nGPU1 15 0\n",
    ],
    [
      "NCCL topology XML",
      '<system version="1">\n  <cpu numaid="0">\n    <pci busid="0000:01:00.0"/>\n  </cpu>\n</system>\n',
    ],
    ["NCCL graph XML", '<graphs version="1">\n  <graph id="0" pattern="4"/>\n</graphs>\n'],
    ["hwloc XML", '<?xml version="1.0"?>\n<topology version="2.0">\n <object type="Machine"/>\n</topology>\n'],
    ["nvidia-smi nvlink", "GPU 0: X (UUID: GPU-1)\n\t Link 0: 25 GB/s\n"],
    ["nvidia-smi", "| NVIDIA-SMI 550.54   Driver Version: 550.54   CUDA Version: 12.4 |\n"],
    ["nccl-tests", "# nThread 1 nGpus 8 minBytes 8 maxBytes 1024\n"],
  ])("%s", (name, text) => {
    const error = errorOf(text);
    expect(error.code).toBe("format");
    expect(error.message).toContain(name);
    expect(error.hint).not.toBeNull();
  });

  test("topo -mp by its file name, and topo -m without NVLink is none", () => {
    expect(errorOf(pcie, "box-topo-mp.txt").message).toContain("topo -mp");
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect(importTopology(bytes(pcie)).assumed.join("\n")).toMatch(/`topo -mp` matrix would hide NVLink/);
    expect(() => importTopology(bytes(`$ nvidia-smi topo -m\n${pcie}${pcieLegend}`))).not.toThrow();
    expect(() => importTopology(bytes(`${pcie}${pcieLegend}  NV#  = Connection traversing\n`))).not.toThrow();
  });
});

describe("input that is no topology at all", () => {
  test.each([
    ["nothing", "", "parse"],
    ["blanks", " \n\t\n", "parse"],
    ["binary", new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]), "parse"],
    ["prose", "The quick brown fox\njumps over the lazy dog.\n", "format"],
    ["a number", "42", "format"],
    ["deep JSON", `{"nodes":${"[".repeat(1e6)}`, "limit"],
    ["deep objects", `${'{"a":'.repeat(1e5)}1${"}".repeat(1e5)}`, "limit"],
    ["deep YAML", `nodes: ${"[".repeat(1e5)}`, "limit"],
    ["deep YAML blocks", `nodes:\n${"- ".repeat(20_000)}1\n`, "limit"],
    [
      "an alias bomb",
      `a: &a [1,1,1,1]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c]\nnodes: [*d,*d,*d]\n`,
      "parse",
    ],
    ["a list", "[]", "format"],
    ["cut JSON", '{"version": 1, "nodes": [', "parse"],
  ])("%s", (_, input, code) => {
    const error = errorOf(input);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^expected /);
  });

  test("too large a text is refused before it is decoded", () => {
    expect(errorOf(new Uint8Array(64 * 2 ** 20 + 1)).code).toBe("limit");
  });

  test("long hostile lines do not hang", () => {
    const length = 2 ** (longRun ? 19 : 17);
    const start = performance.now();
    for (const unit of ["GPU0 ", "[", "# ", "GPU0GPU", "\u001b[1;", "[1;", "NV", "- ", "\n", "X\t", "{a: ", "&a "]) {
      const text = `version: 1\n${unit.repeat(length / unit.length)}`;
      expect(errorOf(text)).toBeInstanceOf(UsageError);
      expect(errorOf(unit.repeat(length / unit.length))).toBeInstanceOf(UsageError);
    }
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});
