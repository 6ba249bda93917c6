import type { Topology } from "../topology/topology.ts";

/** What a caller knows about an input besides its bytes. */
export interface ImportOptions {
  readonly fileName?: string;
  /** `--device`: what the GPUs are, where the format does not say. */
  readonly device?: string;
}

/** One format that topologies come in. */
export interface Importer {
  /** As people call it, for messages. */
  readonly name: string;
  /** Whether the text is of this format, damaged or not. Cheap, and never throws. */
  sniff(text: string, options: ImportOptions): boolean;
  /** Reads the text; throws a UsageError that says where it went wrong and what would be right. */
  import(text: string, options: ImportOptions): Topology;
}
