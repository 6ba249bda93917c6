import type { Device, HostFigures, Topology } from "./topology.ts";

/** Ranks of the machine; `--ranks` takes fewer. */
const numRanks = 16;

/** Names the preset and, in lists, what it is. */
export const threadsPreset = { name: "threads", summary: "16 CPU ranks on the cores of one computer (`toroid run`)" };

const presetSource = "measured on 2 cores of an AMD EPYC (Zen 5), 2026-11";

/** Attention by head size D: the pair of query and key is 4·D FLOP at 150, 178 and 180 GFLOP/s; the rest is at D = 64. */
const attend = (
  [
    [32, 150],
    [64, 178],
    [128, 180],
  ] as const
).map(([headDim, gigaflops]) => ({
  headDim,
  callNs: 30_000,
  queryNs: 20,
  keyNs: 40,
  pairNs: (4 * headDim) / gigaflops,
  firstPairNs: 0.3,
  maskedPairNs: 0.5,
}));

const presetHost: HostFigures = {
  cores: 2,
  sharedBy: "topology",
  copyBytesPerSecond: 17e9,
  allCopiesBytesPerSecond: 25e9,
  copyRunNs: 60,
  opNs: 5_000,
  wakeNs: 50_000,
  mergeBytesPerSecond: 8e9,
  finalizeBytesPerSecond: 8e9,
  matmulFlops: 190e9,
  attend,
};

/** What is not under `host` serves lists and memory limits only: twice the matrix products as peak, copies read and write. */
function deviceOf(host: HostFigures, source: string): Device {
  return {
    peakFlops: { fp32: 2 * host.matmulFlops },
    matmulFlops: { fp32: host.matmulFlops },
    attentionFlops: host.attend.map(({ headDim, pairNs }) => ({
      dtype: "fp32",
      headDim,
      flops: ((4 * headDim) / pairNs) * 1e9,
    })),
    memoryBytes: 2e9,
    memoryBytesPerSecond: 2 * host.allCopiesBytesPerSecond,
    multiprocessors: 1,
    copyEngines: 1,
    launchNs: host.opNs,
    host,
    source,
  };
}

/** One machine of CPU ranks `cpu0…cpu15`, each linked to the `memory` that they share; calibrated, or of the table. */
export function threadsMachine(figures?: HostFigures, source = presetSource): Topology {
  const host = figures ?? presetHost;
  const ids = Array.from({ length: numRanks }, (_, rank) => `cpu${rank}`);
  return {
    version: 1,
    name: threadsPreset.name,
    nodes: [
      ...ids.map((id) => ({ id, kind: "cpu" as const, machine: 0, device: "cpu" })),
      { id: "memory", kind: "switch", machine: 0 },
    ],
    links: ids.map((from) => ({
      from,
      to: "memory",
      bytesPerSecond: host.copyBytesPerSecond,
      latencyNs: host.wakeNs,
      duplex: "full",
    })),
    devices: { cpu: deviceOf(host, source) },
    assumed: figures === undefined ? ["The CPU's figures are those of another machine: run toroid calibrate."] : [],
  };
}
