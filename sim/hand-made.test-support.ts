import {
  Kind,
  type OpKind,
  type Schedule,
  TensorCode,
  type Tensor,
  type Transport,
} from "../plan/schedule/schedule.ts";
import type { Device, HostFigures, Topology, TopologyLink, TopologyNode } from "../plan/topology/topology.ts";
import type { Workload } from "../plan/workload/workload.ts";

/** One op of a hand-made schedule; what is left out is 0, none or the rank itself. */
export interface HandOp {
  readonly kind: OpKind;
  readonly rank: number;
  readonly stream?: number;
  readonly peer?: number;
  readonly group?: number;
  /** Signal and value: written or awaited. */
  readonly signal?: number;
  readonly value?: number;
  readonly work?: number;
  readonly deps?: readonly number[];
  readonly from?: readonly HandTile[];
  readonly to?: readonly HandTile[];
}

/** A tile of `tokens` tokens from `token` on of the first `heads` heads; where it lies does not matter to the simulator. */
export interface HandTile {
  readonly tensor: Tensor;
  readonly tokens: number;
  readonly token?: number;
  readonly heads?: number;
}

export interface HandSchedule {
  readonly ranks: number;
  readonly ops: readonly HandOp[];
  readonly transport?: Transport;
  readonly workload?: Partial<Workload>;
  readonly computes?: Schedule["computes"];
  readonly streams?: number;
  readonly repeats?: number;
  /** Columns of the one slot that all tiles are in: 1 (one head) fills it unless more are given. */
  readonly columns?: number;
}

/** One head of 64 in bf16: a token of Q or O is 128 bytes, one of KV 256. */
export const handWorkload: Workload = {
  model: null,
  batch: 1,
  tokens: 4096,
  heads: 1,
  kvHeads: 1,
  headDim: 64,
  dtype: "bf16",
  mask: "full",
  shardOrder: "contiguous",
  scope: "attention",
  guidance: "none",
  before: [],
  after: [],
  layers: 1,
  modelBytes: 0,
  activationBytesPerToken: 0,
};

/** A schedule of ops listed by hand, in an order that respects happens-before; nothing is checked. */
export function handSchedule({ ranks, ops, ...rest }: HandSchedule): Schedule {
  const tiles: HandTile[] = [];
  const operandsOf = (name: "from" | "to") =>
    compress(
      name,
      ops.map((op) => (op[name] ?? []).map((tile) => tiles.push(tile) - 1)),
    );
  const lists = { ...operandsOf("from"), ...operandsOf("to") };
  const depLists = compress(
    "deps",
    ops.map((op) => op.deps ?? []),
  );
  const numSignals = 1 + Math.max(0, ...ops.map(({ signal }) => signal ?? 0));
  return {
    version: 1,
    method: "ring",
    transport: rest.transport ?? "one-sided",
    tiles: 1,
    path: "",
    workload: { ...handWorkload, ...rest.workload },
    mesh: { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 1, ringIntra: ranks },
    groups: 1,
    ranks,
    placement: Array.from({ length: ranks }, (_, rank) => rank),
    repeats: rest.repeats ?? 1,
    streams: Array.from({ length: rest.streams ?? 4 }, (_, stream) => `stream${stream}`),
    slots: [{ name: "slot", role: "scratch", planes: 1, rows: 4096, columns: rest.columns ?? 1, offset: 0, bytes: 0 }],
    heapBytes: 0,
    accumulatorBytes: 0,
    computes: rest.computes ?? [],
    signals: {
      rank: new Uint16Array(numSignals),
      word: new Uint32Array(numSignals),
      writerRank: new Uint16Array(numSignals),
      writerStream: new Uint8Array(numSignals),
    },
    operands: {
      slot: new Uint16Array(tiles.length),
      row: new Uint32Array(tiles.length),
      column: new Uint16Array(tiles.length),
      tensor: Uint8Array.from(tiles, ({ tensor }) => TensorCode[tensor]),
      head: new Uint16Array(tiles.length),
      numHeads: Uint16Array.from(tiles, ({ heads }) => heads ?? 1),
      token: Uint32Array.from(tiles, ({ token }) => token ?? 0),
      numTokens: Uint32Array.from(tiles, ({ tokens }) => tokens),
    },
    ops: {
      kind: Uint8Array.from(ops, ({ kind }) => Kind[kind]),
      rank: Uint16Array.from(ops, ({ rank }) => rank),
      stream: Uint8Array.from(ops, ({ stream }) => stream ?? 0),
      peer: Uint16Array.from(ops, ({ peer, rank }) => peer ?? rank),
      group: Uint32Array.from(ops, ({ group }) => group ?? 0),
      signal: Uint32Array.from(ops, ({ signal }) => signal ?? 0),
      signalValue: Uint32Array.from(ops, ({ value }) => value ?? 0),
      work: Uint16Array.from(ops, ({ work }) => work ?? 0),
      ...depLists,
      ...lists,
    } as Schedule["ops"],
  };
}

function compress(name: string, rows: readonly (readonly number[])[]): Record<string, Uint32Array> {
  const start = new Uint32Array(rows.length + 1);
  for (const [i, row] of rows.entries()) start[i + 1] = start[i]! + row.length;
  return { [`${name}Start`]: start, [name]: Uint32Array.from(rows.flat()) };
}

/**
 * Round figures: 1 TFLOP/s of matrix products and half of it of attention on 10 multiprocessors, 1 GB/s of memory (at
 * efficiency 1), one copy engine, launches of 1 µs.
 */
export const handDevice: Device = {
  peakFlops: { bf16: 2e12 },
  matmulFlops: { bf16: 1e12 },
  attentionFlops: [{ dtype: "bf16", headDim: 64, flops: 5e11 }],
  memoryBytes: 1e9,
  memoryBytesPerSecond: 1e9,
  multiprocessors: 10,
  copyEngines: 1,
  launchNs: 1000,
  source: "made up",
};

/**
 * Round figures of a host: 2 cores, 1 byte/ns a copy and 1.5 all of them, 100 ns an op, 1,000 ns to wake, and attention of
 * 1 ns a pair alone (D = 64).
 */
export const handHost: HostFigures = {
  cores: 2,
  sharedBy: "topology",
  copyBytesPerSecond: 1e9,
  allCopiesBytesPerSecond: 1.5e9,
  copyRunNs: 10,
  opNs: 100,
  wakeNs: 1000,
  mergeBytesPerSecond: 2e9,
  finalizeBytesPerSecond: 4e9,
  matmulFlops: 1e9,
  attend: [{ headDim: 64, callNs: 0, queryNs: 0, keyNs: 0, pairNs: 1, firstPairNs: 0, maskedPairNs: 0 }],
};

/** A device of host ranks; it computes in fp32. */
export function hostDevice(host: Partial<HostFigures> = {}): Partial<Device> {
  return {
    host: { ...handHost, ...host },
    peakFlops: { fp32: 2e9 },
    matmulFlops: { fp32: 1e9 },
    attentionFlops: [{ dtype: "fp32", headDim: 64, flops: 1e9 }],
  };
}

/**
 * Machines of `ranks / machines` ranks on a switch each, with links of 1 GB/s and 100 ns; the switches on one network, with
 * links of 0.1 GB/s and 1,000 ns. Inside a machine a path is 200 ns, between machines 2,200 ns.
 */
export function handTopology(ranks: number, machines = 1, device: Partial<Device> = {}): Topology {
  const kind = device.host === undefined ? "gpu" : "cpu";
  const perMachine = ranks / machines;
  const gpus = Array.from(
    { length: ranks },
    (_, rank): TopologyNode => ({
      id: `gpu${rank}`,
      kind,
      machine: Math.floor(rank / perMachine),
      device: "hand",
    }),
  );
  const switches = Array.from({ length: machines }, (_, machine) => ({
    id: `switch${machine}`,
    kind: "switch" as const,
    machine,
  }));
  const link = (from: string, to: string, bytesPerSecond: number, latencyNs: number): TopologyLink => ({
    from,
    to,
    bytesPerSecond,
    latencyNs,
    duplex: "full",
  });
  return {
    version: 1,
    name: "hand-made",
    nodes: [...gpus, ...switches, { id: "net", kind: "net", machine: null }],
    links: [
      ...gpus.map((gpu) => link(gpu.id, `switch${gpu.machine}`, 1e9, 100)),
      ...switches.map((one) => link(one.id, "net", 1e8, 1000)),
    ],
    devices: { hand: { ...handDevice, ...device } },
    assumed: [],
  };
}
