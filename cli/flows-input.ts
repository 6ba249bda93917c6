import { z } from "zod";
import { UsageError } from "../plan/errors.ts";
import { readTopologyValue } from "../plan/formats/topology-file.ts";
import { parseJsonObject } from "../plan/packed/json-text.ts";
import { listSchema, parseShape } from "../plan/packed/shape.ts";
import type { Topology } from "../plan/topology/topology.ts";
import { resolveTopology } from "./topology-flags.ts";

/** A transfer between two nodes of a topology. */
export interface InputFlow {
  readonly id: string | number;
  readonly src: string;
  readonly dst: string;
  readonly bytes: number;
  readonly startNs: number;
}

/** The input of `toroid flows`. */
export interface FlowsInput {
  readonly topology: Topology;
  readonly flows: readonly InputFlow[];
}

const maxFlows = 10_000_000;
/** Beyond these a figure is a slip of units: an exabyte, some thirty years. */
const maxBytes = 1e18;
const maxStartNs = 1e18;

const flowSchema: z.ZodType<InputFlow> = z.object({
  id: z.union([z.string(), z.number()], "expected a string or a number"),
  src: z.string(),
  dst: z.string(),
  bytes: z.number().min(0).max(maxBytes),
  startNs: z.number().min(0).max(maxStartNs).default(0),
});

interface Document {
  readonly topology: unknown;
  readonly flows: readonly InputFlow[];
}

const documentSchema: z.ZodType<Document> = z.object({
  topology: z.unknown().refine((value) => value !== undefined, "expected a topology: its name or an object"),
  flows: listSchema(flowSchema, maxFlows),
});

/** Reads `{topology: object or name, flows: […]}`. Throws a UsageError with the place. */
export function readFlows(bytes: Uint8Array): FlowsInput {
  const { topology, flows } = parseShape(documentSchema, parseJsonObject(bytes, "flow list"));
  checkIds(flows);
  return { topology: readTopology(topology), flows };
}

function readTopology(value: unknown): Topology {
  if (typeof value === "string") return resolveTopology(value, {});
  try {
    return readTopologyValue(value);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const path = error.path === null ? "topology" : `topology.${error.path}`;
    throw new UsageError(error.code, error.message, { path, ...(error.hint === null ? {} : { hint: error.hint }) });
  }
}

function checkIds(flows: readonly InputFlow[]): void {
  const seen = new Set<string | number>();
  for (const [index, { id }] of flows.entries()) {
    if (seen.has(id)) {
      throw new UsageError("format", `expected unique ids, got ${JSON.stringify(id)} again`, {
        path: `flows[${index}].id`,
      });
    }
    seen.add(id);
  }
}
