import { UsageError } from "../errors.ts";
import type { Topology } from "../topology/topology.ts";
import { decodeText } from "./decode-text.ts";
import type { Importer, ImportOptions } from "./importer.ts";
import { refuseKnown } from "./refused.ts";
import { smiImporter } from "./smi-importer.ts";
import { jsonImporter, yamlImporter } from "./topology-file.ts";

/** All formats that topologies are read from; the first that recognizes a text reads it. */
export const importers: readonly Importer[] = [jsonImporter, smiImporter, yamlImporter];

/**
 * The topology in a file, in whichever format: sniffs, imports and validates. Throws a UsageError that names the
 * format where it is known but not read, else the line and what would be right there.
 */
export function importTopology(bytes: Uint8Array, options: ImportOptions = {}): Topology {
  const text = decodeText(bytes);
  const isJson = jsonImporter.sniff(text, options);
  if (!isJson) refuseKnown(text, options);
  const importer = importers.find(({ sniff }) => sniff(text, options));
  if (importer === undefined) {
    throw new UsageError(
      "format",
      `expected one of ${importers.map(({ name }) => name).join(", ")}, got something else`,
      {
        path: "line 1",
        hint: "Run `nvidia-smi topo -m` and import its output, or write a topology file.",
      },
    );
  }
  return importer.import(text, options);
}
