import { z } from "zod";
import { UsageError } from "../errors.ts";
import { integerSchema, lineSchema, listSchema, nameSchema, parseShape } from "../packed/shape.ts";
import type { LayerWork, Workload } from "../workload/workload.ts";
import {
  type ComputeWork,
  METHODS,
  type Mesh,
  machinesOfMesh,
  ranksPerMachine,
  type Schedule,
  SLOT_ALIGNMENT,
  SLOT_ROLES,
  type Slot,
} from "./schedule.ts";

/** All of a schedule but its columns; the version is written apart from it. */
export type ScheduleHeader = Omit<Schedule, "version" | "signals" | "operands" | "ops">;

/** Sizes above this are refused: sums over a few thousand of them are still exact integers. */
const MAX_BYTES = 2 ** 50;
const MAX_RANKS = 2 ** 16 - 1;
const MAX_U16 = 2 ** 16 - 1;
const MAX_U32 = 2 ** 32 - 1;
const MAX_STREAMS = 255;
const MAX_GRAPH_RANK = 2 ** 31 - 1;

const amount = z.number().min(0);

const layerWork: z.ZodType<LayerWork> = z.strictObject({
  name: lineSchema,
  flopsPerToken: amount,
  bytesPerToken: amount,
  weightBytes: amount,
});

const workload: z.ZodType<Workload> = z.strictObject({
  model: lineSchema.nullable(),
  batch: integerSchema(1, MAX_U16),
  tokens: integerSchema(1, MAX_U32),
  heads: integerSchema(1, MAX_U16),
  kvHeads: integerSchema(1, MAX_U16),
  headDim: integerSchema(1, MAX_U16),
  dtype: z.enum(["bf16", "fp16", "fp32"]),
  mask: z.enum(["full", "causal"]),
  shardOrder: z.enum(["contiguous", "zigzag"]),
  scope: z.enum(["attention", "layer", "step"]),
  guidance: z.enum(["none", "batch", "split"]),
  before: listSchema(layerWork, MAX_U16),
  after: listSchema(layerWork, MAX_U16),
  layers: integerSchema(1, MAX_U32),
  modelBytes: amount,
  activationBytesPerToken: amount,
});

const mesh: z.ZodType<Mesh> = z.strictObject({
  ulyssesInter: integerSchema(1, MAX_RANKS),
  ringInter: integerSchema(1, MAX_RANKS),
  ulyssesIntra: integerSchema(1, MAX_RANKS),
  ringIntra: integerSchema(1, MAX_RANKS),
});

const slot: z.ZodType<Slot> = z.strictObject({
  name: nameSchema,
  role: z.enum(SLOT_ROLES),
  planes: integerSchema(0, MAX_U32),
  rows: integerSchema(0, MAX_U32),
  columns: integerSchema(0, MAX_U16),
  offset: integerSchema(0, MAX_BYTES).refine(
    (offset) => offset % SLOT_ALIGNMENT === 0,
    `expected a multiple of ${SLOT_ALIGNMENT}`,
  ),
  bytes: integerSchema(0, MAX_BYTES),
});

const computeWork: z.ZodType<ComputeWork> = z.strictObject({ name: lineSchema, flops: amount, bytes: amount });

const header: z.ZodType<ScheduleHeader> = z.strictObject({
  method: z.enum(METHODS),
  transport: z.enum(["one-sided", "two-sided"]),
  tiles: integerSchema(1, MAX_U32),
  path: z.string().regex(/^[QK]*$/, "expected letters Q and K"),
  workload,
  mesh,
  groups: integerSchema(1, MAX_RANKS),
  ranks: integerSchema(1, MAX_RANKS),
  placement: listSchema(integerSchema(0, MAX_GRAPH_RANK), MAX_RANKS),
  repeats: integerSchema(1, MAX_U32),
  streams: listSchema(nameSchema, MAX_STREAMS),
  slots: listSchema(slot, MAX_U16),
  heapBytes: integerSchema(0, MAX_BYTES),
  accumulatorBytes: integerSchema(0, MAX_BYTES),
  computes: listSchema(computeWork, MAX_U16),
});

/**
 * Reads a header from JSON or checks one that is there; the result's keys stand in the order of the types.
 * Error `format` names the place, and where two parts of the header contradict each other, one of them.
 */
export function readHeader(json: unknown): ScheduleHeader {
  const parsed = parseShape(header, json);
  checkRanks(parsed);
  checkWorkload(parsed.workload);
  checkNames(parsed);
  return parsed;
}

/** The header of a schedule, keys in the order of the types, and nothing that the types do not have. */
export function headerOf(schedule: Schedule): ScheduleHeader {
  return {
    method: schedule.method,
    transport: schedule.transport,
    tiles: schedule.tiles,
    path: schedule.path,
    workload: orderWorkload(schedule.workload),
    mesh: orderMesh(schedule.mesh),
    groups: schedule.groups,
    ranks: schedule.ranks,
    placement: schedule.placement,
    repeats: schedule.repeats,
    streams: schedule.streams,
    slots: schedule.slots.map(orderSlot),
    heapBytes: schedule.heapBytes,
    accumulatorBytes: schedule.accumulatorBytes,
    computes: schedule.computes.map(({ name, flops, bytes }) => ({ name, flops, bytes })),
  };
}

function orderWorkload(workload: Workload): Workload {
  return {
    model: workload.model,
    batch: workload.batch,
    tokens: workload.tokens,
    heads: workload.heads,
    kvHeads: workload.kvHeads,
    headDim: workload.headDim,
    dtype: workload.dtype,
    mask: workload.mask,
    shardOrder: workload.shardOrder,
    scope: workload.scope,
    guidance: workload.guidance,
    before: workload.before.map(orderLayerWork),
    after: workload.after.map(orderLayerWork),
    layers: workload.layers,
    modelBytes: workload.modelBytes,
    activationBytesPerToken: workload.activationBytesPerToken,
  };
}

function orderLayerWork({ name, flopsPerToken, bytesPerToken, weightBytes }: LayerWork): LayerWork {
  return { name, flopsPerToken, bytesPerToken, weightBytes };
}

function orderMesh({ ulyssesInter, ringInter, ulyssesIntra, ringIntra }: Mesh): Mesh {
  return { ulyssesInter, ringInter, ulyssesIntra, ringIntra };
}

function orderSlot({ name, role, planes, rows, columns, offset, bytes }: Slot): Slot {
  return { name, role, planes, rows, columns, offset, bytes };
}

function fail(path: string, message: string): never {
  throw new UsageError("format", message, { path });
}

function checkRanks({ mesh, groups, ranks, placement }: ScheduleHeader): void {
  const expected = machinesOfMesh(mesh) * ranksPerMachine(mesh) * groups;
  if (ranks !== expected) fail("ranks", `expected ${expected} ranks, the mesh times the groups, got ${ranks}`);
  if (placement.length !== ranks) fail("placement", `expected ${ranks} ranks, got ${placement.length}`);
  if (new Set(placement).size !== ranks) fail("placement", "two ranks are in the same place");
}

function checkWorkload({ heads, kvHeads }: Workload): void {
  if (heads % kvHeads !== 0) fail("workload.kvHeads", `${kvHeads} KV heads do not divide ${heads} heads`);
}

function checkNames({ streams, slots }: ScheduleHeader): void {
  if (streams[0] !== "compute") fail("streams[0]", "the first stream is not compute");
  checkDistinct("streams", streams);
  checkDistinct(
    "slots",
    slots.map(({ name }) => name),
  );
}

function checkDistinct(path: string, names: readonly string[]): void {
  if (new Set(names).size !== names.length) fail(path, "two names are equal");
}
