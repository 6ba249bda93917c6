import { UsageError } from "../plan/errors.ts";

/** One figure of the model that no topology or device table gives. */
export interface Constant {
  readonly value: number;
  readonly unit: "ns" | "bytes" | "tokens" | "multiprocessors" | "fraction";
  /** Values outside `[low, high]` have no physical reading; overrides are held to it. */
  readonly low: number;
  readonly high: number;
  readonly meaning: string;
  readonly source: string;
}

/**
 * All constants of the simulator. What differs from device to device (FLOP/s, memory bandwidth, multiprocessors, copy
 * engines, launch time) is in the device table, what differs from link to link in the topology.
 */
export const CONSTANTS = {
  attentionBlockTokens: {
    value: 128,
    unit: "tokens",
    low: 64,
    high: 256,
    meaning: "Queries of one thread block of an attention kernel: blocks = B · heads · ⌈queries / this⌉.",
    source: "FlashAttention-2 and -3 forward tiles: 128 queries (Dao-AILab/flash-attention)",
  },
  attentionBlockSetupNs: {
    value: 2_000,
    unit: "ns",
    low: 500,
    high: 5_000,
    meaning:
      "Time of a thread block of attention that does not grow with its keys: load Q, fill the pipeline, write O.",
    source:
      "H100 forward by length, assets/flash3_fp16_fwd.png: 1.0 to 2.7 µs a block explain 309→370 (FA2) and 467→648 TFLOP/s (FA3, D = 128) from 512 to 16k tokens",
  },
  kernelBlockNs: {
    value: 10_000,
    unit: "ns",
    low: 1_000,
    high: 50_000,
    meaning:
      "Time of a thread block of the other kernels (matrix products, copies): how long they keep a multiprocessor.",
    source: "128×256 tile of a matrix product of inner size 3,072 at 2 to 5 TFLOP/s a multiprocessor",
  },
  launchScale: {
    value: 1,
    unit: "fraction",
    low: 0.2,
    high: 6,
    meaning:
      "Launch time that a stream sees before each kernel, over the device's: below 1 where launches are queued ahead or captured in a graph, above where a slow host (eager Python) issues them.",
    source:
      "Kernel-to-kernel gap of a filled stream 1–1.5 µs; launch floor 4.7 µs (TaxBreak); eager dispatch 10–30 µs an op",
  },
  launchedBehindShare: {
    value: 1,
    unit: "fraction",
    low: 0,
    high: 1,
    meaning:
      "Share of the remaining waves of a running kernel that a communication kernel launched behind it lets pass: 1 when blocks leave in launch order (equal stream priority), 0 when it takes the next multiprocessors that fall free (higher priority).",
    source:
      "CUDA's block scheduler; poor overlap of engines' Ring seen in traces (ifromeast/AI_analysis#2, SGLang ring)",
  },
  twoSidedLaunchNs: {
    value: 10_000,
    unit: "ns",
    low: 0,
    high: 270_000,
    meaning:
      "From the posting of sends and receives to the launch of their kernel, beyond a kernel's own launch: the event across streams and the library's preparation. A kernel of the compute stream that becomes ready at the same time is therefore ahead.",
    source:
      "Cross-stream event 3–6 µs, NCCL group launch 5–20 µs; a small gather in eager Python 120–270 µs (accelerate PR 4209)",
  },
  twoSidedMultiprocessors: {
    value: 4,
    unit: "multiprocessors",
    low: 1,
    high: 16,
    meaning: "Multiprocessors that each send or receive of a communication kernel holds: its channels, one block each.",
    source: "NCCL: one block a channel, 2 to 16 channels a peer (NCCL_NCHANNELS_PER_NET_PEER, p2pnChannelsPerPeer)",
  },
  twoSidedMultiprocessorsMax: {
    value: 24,
    unit: "multiprocessors",
    low: 2,
    high: 64,
    meaning: "Multiprocessors that one communication kernel holds at most, all its sends and receives together.",
    source: "NCCL: 24 channels observed on H100 (nccl#1161), MAXCHANNELS 64 (src/include/device.h); DeepEP V1 held 24",
  },
  fabricRendezvousNs: {
    value: 6_000,
    unit: "ns",
    low: 2_000,
    high: 20_000,
    meaning: "From both ends of a send and receive being resident to the first byte, inside a machine.",
    source:
      "NCCL src/graph/tuning.cc: Simple over NVLink 8.4 µs base (launch in it), 3.4 µs a hop; SimAI 11.8 µs in all",
  },
  networkRendezvousNs: {
    value: 10_000,
    unit: "ns",
    low: 2_000,
    high: 80_000,
    meaning:
      "The same between machines, the path's latency left out: proxy threads of both ends, handshake over the network.",
    source:
      "NCCL tuning.cc: Simple over NET 14 µs a hop + 8.4 base; SimAI 22.4 µs; EFA 2-node all-to-all of 2 KB 105 µs",
  },
  fabricPutNs: {
    value: 3_000,
    unit: "ns",
    low: 1_000,
    high: 8_000,
    meaning: "Issue of a put or get inside a machine: enqueue and start of a copy engine.",
    source:
      "NVSHMEM on stream = cudaMemcpyAsync; copy-engine copy issue → sync 6.6–7.3 µs; NVLink put 2.4–2.6 µs one way",
  },
  networkPutNs: {
    value: 6_000,
    unit: "ns",
    low: 2_000,
    high: 40_000,
    meaning: "Issue of a put or get between machines: proxy thread or GPU-initiated doorbell, work request.",
    source: "RDMA one way: CPU-posted 2.64 µs, CPU proxy from a kernel 5.44, IBGDA put + quiet 12.6–15.9",
  },
  fabricSignalNs: {
    value: 1_500,
    unit: "ns",
    low: 500,
    high: 5_000,
    meaning: "From the last byte of a put to its signal seen by a waiting stream of the peer, inside a machine.",
    source: "cuStreamWriteValue64 and cuStreamWaitValue64; NVLink put + signal round trip 6.4–7.1 µs",
  },
  networkSignalNs: {
    value: 3_000,
    unit: "ns",
    low: 1_000,
    high: 80_000,
    meaning: "The same between machines: fence and remote atomic, or an active message through the host.",
    source: "CPU-posted RDMA write 2.64 µs; signals through the host proxy 50–60 µs; EFA has no remote atomics",
  },
  fabricBarrierNs: {
    value: 2_500,
    unit: "ns",
    low: 1_000,
    high: 10_000,
    meaning: "One round of a barrier inside a machine; there are ⌈log2 ranks of a machine⌉ rounds.",
    source: "NVSHMEM put of 8 bytes over NVLink 2.4–2.6 µs one way",
  },
  networkBarrierNs: {
    value: 10_000,
    unit: "ns",
    low: 3_000,
    high: 40_000,
    meaning: "One round of a barrier between machines; there are ⌈log2 machines⌉ rounds.",
    source: "EFA p6-b200 2-node all-reduce of 8 bytes 50–54 µs; InfiniBand all-reduce of 8 bytes 17.7 µs (8 GH200)",
  },
  memoryEfficiency: {
    value: 0.85,
    unit: "fraction",
    low: 0.5,
    high: 1,
    meaning: "Achieved over data-sheet bandwidth of device memory in copies and element-wise kernels.",
    source: "STREAM-like kernels on A100 and H100 reach 0.85–0.92",
  },
  fabricTwoSidedEfficiency: {
    value: 0.9,
    unit: "fraction",
    low: 0.5,
    high: 1,
    meaning: "What sends and receives reach inside a machine, of the payload rate that the topology gives its links.",
    source:
      "SimAI ratios of NVLink send and all-to-all .7 to .8 of bus bandwidth at 64 MB to 16 GB; copy engines reach 1",
  },
  networkOneSidedEfficiency: {
    value: 0.95,
    unit: "fraction",
    low: 0.5,
    high: 1,
    meaning:
      "What puts and gets reach between machines, of the payload rate that the topology gives its links, where the NIC does not say otherwise (`oneSidedEfficiency` of a topology's node).",
    source:
      "RDMA write bandwidth tests and NVSHMEM put_bw reach 0.9 to 1 of the line rate on InfiniBand at 1 MB and more",
  },
  networkTwoSidedStartBytes: {
    value: 2_097_152,
    unit: "bytes",
    low: 0,
    high: 4_194_304,
    meaning:
      "Bytes of a communication kernel between machines that fill its staging buffers before sending and receiving overlap: they count twice, and of a smaller kernel all of them.",
    source:
      "NCCL: buffers of 4 MiB a channel in 8 steps (NCCL_BUFFSIZE), some 4 channels; SimAI nic_ratio, 2 nodes: .32, .47, .50, .67, .85 of the rate at 1 to 16 MB a GPU; autoparallel: .62 at 256 KB and .82 at 1 MB for each of 15 peers; EFA 1 MB 303 µs, 32 KB 115 µs",
  },
  networkOneSidedMessageBytes: {
    value: 16_384,
    unit: "bytes",
    low: 0,
    high: 1_048_576,
    meaning:
      "Bytes that could have crossed a network link in the time that a put or get between machines takes beyond its own bytes: efficiency by size is n / (n + this).",
    source: "RDMA write bandwidth tests reach nine tenths of the line rate at 64 to 256 KB",
  },
} as const satisfies Record<string, Constant>;

export type ConstantName = keyof typeof CONSTANTS;
export type Constants = { readonly [Name in ConstantName]: number };

const NAMES = Object.keys(CONSTANTS) as readonly ConstantName[];

/**
 * The constants with some of them replaced. Throws a UsageError (`not-found`, `limit`) on a name that does not exist
 * and on a value outside the constant's plausible range.
 */
export function makeConstants(overrides: Partial<Constants> = {}): Constants {
  const values = Object.fromEntries(NAMES.map((name) => [name, CONSTANTS[name].value])) as Record<ConstantName, number>;
  for (const [name, value] of Object.entries(overrides)) {
    if (value !== undefined) values[checkedName(name)] = checkedValue(checkedName(name), value);
  }
  return values;
}

function checkedName(name: string): ConstantName {
  if (Object.hasOwn(CONSTANTS, name)) return name as ConstantName;
  throw new UsageError("not-found", `unknown constant ${JSON.stringify(name.slice(0, 80))}`, {
    path: "constants",
    hint: `Use one of ${NAMES.join(", ")}.`,
  });
}

function checkedValue(name: ConstantName, value: number): number {
  const { low, high, unit } = CONSTANTS[name];
  if (value >= low && value <= high) return value;
  throw new UsageError("limit", `expected ${name} from ${low} to ${high} ${unit}, got ${value}`, {
    path: `constants.${name}`,
  });
}
