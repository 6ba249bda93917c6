import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { repeatMachines } from "../topology/repeat.ts";
import { validateTopology } from "../topology/validate.ts";
import { importTopology } from "./importers.ts";

/** Dumps as people posted them; they stand beside the repository, not in it. */
const folder = new URL("../../../shared/data/samples/", import.meta.url);

/** Number of GPUs and NICs of a file by its name (`08-8xH100-HGX-10nic-gpurows.txt`). */
function countsOf(fileName: string): { gpus: number; nics: number | null } {
  const nics = /-(\d+)nic/.exec(fileName);
  return { gpus: Number(/(\d+)x/.exec(fileName)![1]), nics: nics === null ? null : Number(nics[1]) };
}

test("posted nvidia-smi dumps are read, repeated and valid; other matrices are refused by name", (context) => {
  const matrices = new URL("nvidia-smi-topo/", folder);
  if (!existsSync(matrices)) context.skip("no folder of posted samples beside the repository");
  for (const fileName of readdirSync(matrices)) {
    const bytes = readFileSync(new URL(fileName, matrices));
    const read = () => importTopology(bytes, { fileName });
    if (fileName.includes("topo-mp")) expect(read, fileName).toThrow(/topo -mp/);
    else if (fileName.includes("amd")) expect(read, fileName).toThrow(/rocm-smi/);
    else {
      const topology = read();
      const { gpus, nics } = countsOf(fileName);
      expect(topology.nodes.filter(({ kind }) => kind === "gpu").length, fileName).toBe(gpus);
      const names = topology.nodes.filter(({ kind }) => kind === "nic").flatMap(({ id }) => id.split("+"));
      if (nics !== null) expect(names.length, fileName).toBe(nics);
      validateTopology(repeatMachines(topology, 4));
    }
  }
});

test("posted NCCL XML and nccl-tests logs are refused by name", (context) => {
  if (!existsSync(folder)) context.skip("no folder of posted samples beside the repository");
  for (const [part, name] of [
    ["nccl-xml/", /NCCL|XML/],
    ["nccl-tests/", /nccl-tests|expected one of/],
  ] as const) {
    for (const fileName of readdirSync(new URL(part, folder))) {
      const bytes = readFileSync(new URL(part + fileName, folder));
      expect(() => importTopology(bytes, { fileName }), fileName).toThrow(name);
    }
  }
});
