import type { Topology } from "../topology/topology.ts";
import { validateTopology } from "../topology/validate.ts";
import type { Importer, ImportOptions } from "./importer.ts";
import { buildSmiGraph } from "./smi-graph.ts";
import { hasSmiMatrix, readSmiMatrix, stripTerminal } from "./smi-matrix.ts";

/** The matrix of `nvidia-smi topo -m`, as pasted into files, wikis and issues. */
export const smiImporter: Importer = {
  name: "nvidia-smi topo -m",
  sniff: (text) => hasSmiMatrix(stripTerminal(text)),
  import: importSmi,
};

function importSmi(text: string, { fileName, device }: ImportOptions): Topology {
  const stripped = stripTerminal(text);
  const name = fileName === undefined ? "nvidia-smi topo -m" : baseName(fileName);
  const hints = { name, text: stripped, ...(device === undefined ? {} : { device }) };
  const topology = buildSmiGraph(readSmiMatrix(stripped), hints);
  validateTopology(topology);
  return topology;
}

/** A file's name without folders and extension. */
function baseName(fileName: string): string {
  return fileName.replace(/^.*[/\\]/, "").replace(/\.[a-z]{1,5}$/i, "");
}
