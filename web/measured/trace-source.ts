import { OP_KINDS } from "../../plan/schedule/schedule.ts";
import type { Trace } from "../../plan/trace/trace.ts";
import { formatBytes, formatNs, formatRate } from "../../plan/units.ts";
import type { ForeignTrace, PlanDetail } from "../engine/protocol.ts";
import {
  type ColorClass,
  type Lane,
  SpanFlag,
  type SpanKind,
  type TimelineSource,
} from "../timeline/timeline-source.ts";
import { kernelTimes } from "./kernel-times.ts";
import { classOfKind } from "./kind-colors.ts";

const kinds: readonly SpanKind[] = OP_KINDS.map((name) => ({ name, color: classOfKind[name] }));
const isTransfer = Uint8Array.from(kinds, ({ color }) => Number(color === "transfer"));

/** Least share of a transfer during which its rank computes nothing, for the transfer to be drawn as exposed. */
const EXPOSED_SHARE = 0.5;

export interface TraceSourceOptions {
  readonly key: string;
  /** Of a predicted trace: what lights its critical path, its arrows, peers, bytes and findings. */
  readonly detail?: PlanDetail | null;
}

/** Changes with what is drawn of a plan: its schedule, its times, and findings where it has any. */
export function sourceKey({ trace, makespanNs, findings }: PlanDetail): string {
  return `${trace.scheduleHash} ${makespanNs} ${findings?.length ?? 0}`;
}

/** Lanes of a trace: one for each rank and stream that has a span, by machine. O(n log n). */
export function traceSource(trace: Trace, { key, detail = null }: TraceSourceOptions): TimelineSource {
  const numSpans = trace.op.length;
  const { lane, lanes, groups } = laneColumns(trace);
  const rowOfOp = detail === null ? new Int32Array(0) : firstRows(trace);
  const findings = new Map<number, string>();
  for (const { ops, message } of detail?.findings ?? []) {
    for (const op of ops) if ((rowOfOp[op] ?? -1) >= 0) findings.set(rowOfOp[op]!, message);
  }
  const peerOf = (row: number): number | null => {
    const peer = detail?.opPeer[trace.op[row]!];
    return peer === undefined || peer === trace.rank[row] ? null : peer;
  };
  const durationNs = (row: number) => trace.endNs[row]! - trace.startNs[row]!;
  return {
    key,
    lanes,
    groups,
    numSpans,
    lane,
    startNs: trace.startNs,
    endNs: trace.endNs,
    kind: trace.kind,
    kinds,
    flags: flagSpans(trace, detail, rowOfOp, findings),
    op: trace.op,
    arrows: detail === null ? { from: new Uint32Array(), to: new Uint32Array() } : mapArrows(detail, rowOfOp),
    label: (row) => {
      const kind = OP_KINDS[trace.kind[row]!]!;
      const peer = peerOf(row);
      if (peer === null) return kind;
      return kind === "get" || kind === "receive" ? `${kind} ← ${peer}` : `${kind} → ${peer}`;
    },
    describe: (row) => {
      const peer = peerOf(row);
      const bytes = detail?.opBytes[trace.op[row]!] ?? 0;
      const fields: (readonly [string, string])[] = [
        ["op", String(trace.op[row]!)],
        ["rank", String(trace.rank[row]!)],
        ["stream", trace.streams[trace.stream[row]!]!],
        ["start", formatNs(trace.startNs[row]!)],
        ["duration", formatNs(durationNs(row))],
      ];
      if (peer !== null) fields.push(["other rank", String(peer)]);
      if (bytes > 0) {
        fields.push(["bytes", formatBytes(bytes)]);
        if (durationNs(row) > 0) fields.push(["mean rate", formatRate((bytes / durationNs(row)) * 1e9)]);
      }
      return fields;
    },
    finding: (row) => findings.get(row) ?? "",
  };
}

function laneColumns(trace: Trace): Pick<TimelineSource, "lane" | "lanes" | "groups"> {
  const numStreams = trace.streams.length;
  const numSpans = trace.op.length;
  let numRanks = 0;
  for (const rank of trace.rank) if (rank >= numRanks) numRanks = rank + 1;
  const laneOf = new Int32Array(numRanks * numStreams).fill(-1);
  for (let row = 0; row < numSpans; row++) laneOf[trace.rank[row]! * numStreams + trace.stream[row]!] = 0;
  const lanes: Lane[] = [];
  const groupOfMachine = new Map<number, number>();
  for (let slot = 0; slot < laneOf.length; slot++) {
    if (laneOf[slot]! < 0) continue;
    const rank = Math.floor(slot / numStreams);
    const machine = Math.floor(rank / trace.ranksPerMachine);
    if (!groupOfMachine.has(machine)) groupOfMachine.set(machine, groupOfMachine.size);
    laneOf[slot] = lanes.length;
    const name = `rank ${rank} ${trace.streams[slot % numStreams]!}`;
    lanes.push({ id: name, name, group: groupOfMachine.get(machine)! });
  }
  const lane = new Uint32Array(numSpans);
  for (let row = 0; row < numSpans; row++) lane[row] = laneOf[trace.rank[row]! * numStreams + trace.stream[row]!]!;
  return { lane, lanes, groups: [...groupOfMachine.keys()].map((machine) => `machine ${machine}`) };
}

/** Op id → its first row; −1 where it has none. */
function firstRows({ op }: Trace): Int32Array {
  let numOps = 0;
  for (const id of op) if (id >= numOps) numOps = id + 1;
  const rows = new Int32Array(numOps).fill(-1);
  for (let row = op.length - 1; row >= 0; row--) rows[op[row]!] = row;
  return rows;
}

function flagSpans(
  trace: Trace,
  detail: PlanDetail | null,
  rowOfOp: Int32Array,
  findings: ReadonlyMap<number, string>,
): Uint8Array {
  const flags = new Uint8Array(trace.op.length);
  const busyNs = kernelTimes(trace);
  for (let row = 0; row < flags.length; row++) {
    if (isTransfer[trace.kind[row]!] === 0) continue;
    const [startNs, endNs] = [trace.startNs[row]!, trace.endNs[row]!];
    const idleNs = endNs - startNs - busyNs(trace.rank[row]!, startNs, endNs);
    if (endNs > startNs && idleNs >= EXPOSED_SHARE * (endNs - startNs)) flags[row] = SpanFlag.exposed;
  }
  for (const op of detail?.criticalPath.ops ?? []) {
    const row = rowOfOp[op] ?? -1;
    if (row >= 0) flags[row]! |= SpanFlag.critical;
  }
  for (const row of findings.keys()) flags[row]! |= SpanFlag.finding;
  return flags;
}

function mapArrows({ arrows }: PlanDetail, rowOfOp: Int32Array): TimelineSource["arrows"] {
  const from: number[] = [];
  const to: number[] = [];
  for (let index = 0; index < arrows.from.length; index++) {
    const [start, end] = [rowOfOp[arrows.from[index]!] ?? -1, rowOfOp[arrows.to[index]!] ?? -1];
    if (start < 0 || end < 0) continue;
    from.push(start);
    to.push(end);
  }
  return { from: Uint32Array.from(from), to: Uint32Array.from(to) };
}

/** What the names of other tools' spans mean, first match. */
const foreignClasses: readonly (readonly [RegExp, ColorClass])[] = [
  [
    /memcpy|memset|nccl|nvshmem|all_?(reduce|gather|to_?all)|send_?recv|broadcast|reduce_?scatter|copy.*(peer|dtoh|htod)/i,
    "transfer",
  ],
  [/wait|synchronize|barrier|event/i, "wait"],
  [
    /attention|attn|fmha|flash|gemm|matmul|cutlass|cublas|conv|softmax|norm|kernel|triton|aten::|elementwise/i,
    "compute",
  ],
  [/copy|cat|transpose|permute/i, "copy"],
];

/** Kinds that are told apart by name; all beyond are one. With those of ops beside them they must fit a byte. */
const MAX_FOREIGN_KINDS = 240;

/** Lanes of another tool: kinds are its names. */
export function foreignSource(trace: ForeignTrace, key: string): TimelineSource {
  const groups = [...new Set(trace.laneGroups)];
  const groupOf = new Map(groups.map((name, index) => [name, index]));
  const named = trace.names.slice(0, MAX_FOREIGN_KINDS);
  const foreignKinds: SpanKind[] = named.map((name) => ({ name, color: classOfName(name) }));
  if (trace.names.length > MAX_FOREIGN_KINDS) foreignKinds.push({ name: "other names", color: "other" });
  const numSpans = trace.lane.length;
  const kind = Uint8Array.from(trace.name, (name) => Math.min(name, MAX_FOREIGN_KINDS));
  return {
    key,
    lanes: trace.laneNames.map((name, index) => ({
      id: `${trace.laneGroups[index]!} ${name}`,
      name,
      group: groupOf.get(trace.laneGroups[index]!)!,
    })),
    groups,
    numSpans,
    lane: trace.lane,
    startNs: trace.startNs,
    endNs: trace.endNs,
    kind,
    kinds: foreignKinds,
    flags: new Uint8Array(numSpans),
    op: Uint32Array.from({ length: numSpans }, (_, row) => row),
    arrows: { from: new Uint32Array(), to: new Uint32Array() },
    label: (row) => trace.names[trace.name[row]!]!,
    describe: (row) => [
      ["start", formatNs(trace.startNs[row]!)],
      ["duration", formatNs(trace.endNs[row]! - trace.startNs[row]!)],
      ["lane", trace.laneNames[trace.lane[row]!]!],
      ["tool", trace.tool],
    ],
    finding: () => "",
  };
}

function classOfName(name: string): ColorClass {
  return foreignClasses.find(([pattern]) => pattern.test(name))?.[1] ?? "other";
}
