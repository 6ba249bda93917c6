import { UsageError } from "../plan/errors.ts";
import { Kind, type Schedule } from "../plan/schedule/schedule.ts";
import type { Device } from "../plan/topology/topology.ts";
import { allowedPairs } from "../plan/workload/shards.ts";
import type { DType } from "../plan/workload/workload.ts";
import type { Constants } from "./constants.ts";
import { ACCUMULATOR_BYTES, accumulatorElements, movedBytes } from "../plan/schedule/moved-bytes.ts";

/** FLOP/s and bytes/s are kept per ns. */
const NS_PER_SECOND = 1e9;

/** How long kernels take on a device that they have for themselves; a function of device, constants and shapes alone. */
export interface ComputeModel {
  /** Time of a kernel (ns), its launch left out: attend, merge, finalize, copy or compute. */
  workNs(op: number): number;
  /** Waves of thread blocks in which it runs, at least 1. */
  numWaves(op: number): number;
  /** Time to launch a kernel on a rank (ns). */
  launchNs(rank: number): number;
  multiprocessors(rank: number): number;
  /** Time of a copy of `bytes` from and to the memory of one rank (ns). */
  localCopyNs(rank: number, bytes: number): number;
}

/** Figures of one device for one workload, bytes and FLOP per ns. */
interface Rates {
  readonly attention: number;
  readonly matmul: number;
  readonly memory: number;
  readonly multiprocessors: number;
  readonly launchNs: number;
}

/**
 * The model of a schedule's kernels on the devices of its ranks.
 *
 * Attention runs one thread block for each tile of queries, head and batch entry. A block takes a fixed setup and then
 * its share of the FLOPs, `4·B·h·D·pairs` with only the pairs that the mask allows; blocks run in waves that fill the
 * multiprocessors (with a full mask all blocks are equal and the last wave counts whole; causal blocks differ and even
 * out). The accumulators are read and written once. Other kernels take the longer of FLOPs and bytes.
 * Throws a UsageError (`workload`) where a device cannot compute in the workload's type.
 */
export function createComputeModel(schedule: Schedule, devices: readonly Device[], constants: Constants): ComputeModel {
  const { ops, operands, workload, computes } = schedule;
  const { kind, rank, work, from, fromStart, to, toStart } = ops;
  const { token, numTokens, numHeads } = operands;
  const { batch, headDim, mask } = workload;
  const { attentionBlockTokens, attentionBlockSetupNs, kernelBlockNs } = constants;
  const rates = rankRates(schedule, devices, constants);
  const query = { start: 0, end: 0 };
  const keys = { start: 0, end: 0 };

  /** Pairs of query and key that the mask allows × heads, over all Q operands with all KV operands. */
  function headPairs(op: number): number {
    const firstQ = fromStart[op]!;
    const firstKv = firstQ + toStart[op + 1]! - toStart[op]!;
    if (mask === "full") return rowsOf(firstQ, firstKv, true) * rowsOf(firstKv, fromStart[op + 1]!, false);
    let sum = 0;
    for (let q = firstQ; q < firstKv; q++) {
      const tile = from[q]!;
      query.start = token[tile]!;
      query.end = query.start + numTokens[tile]!;
      for (let kv = firstKv; kv < fromStart[op + 1]!; kv++) {
        keys.start = token[from[kv]!]!;
        keys.end = keys.start + numTokens[from[kv]!]!;
        sum += allowedPairs(query, keys, mask) * numHeads[tile]!;
      }
    }
    return sum;
  }

  /** Tokens of the operands `from[start … end − 1]`, times their heads if asked for. */
  function rowsOf(start: number, end: number, perHead: boolean): number {
    let sum = 0;
    for (let at = start; at < end; at++) sum += numTokens[from[at]!]! * (perHead ? numHeads[from[at]!]! : 1);
    return sum;
  }

  function attentionBlocks(op: number): number {
    let blocks = 0;
    for (let at = toStart[op]!; at < toStart[op + 1]!; at++) {
      const tile = to[at]!;
      blocks += numHeads[tile]! * Math.ceil(numTokens[tile]! / attentionBlockTokens);
    }
    return Math.max(1, batch * blocks);
  }

  function wavesOf(blocks: number, multiprocessors: number): number {
    const fill = blocks / multiprocessors;
    return mask === "full" ? Math.ceil(fill) : Math.max(1, fill);
  }

  function attendNs(op: number): number {
    const { attention, memory, multiprocessors } = rates[rank[op]!]!;
    const blocks = attentionBlocks(op);
    const flops = 4 * batch * headDim * headPairs(op);
    const blockNs = (flops * multiprocessors) / (blocks * attention) + attentionBlockSetupNs;
    const accumulatorNs = (2 * ACCUMULATOR_BYTES * accumulatorElements(schedule, op)) / memory;
    return wavesOf(blocks, multiprocessors) * blockNs + accumulatorNs;
  }

  function workNs(op: number): number {
    if (kind[op] === Kind.attend) return attendNs(op);
    const { matmul, memory } = rates[rank[op]!]!;
    if (kind[op] !== Kind.compute) return movedBytes(schedule, op) / memory;
    const { flops, bytes } = computes[work[op]!]!;
    return Math.max(flops / matmul, bytes / memory);
  }

  return {
    workNs,
    numWaves(op) {
      const { multiprocessors } = rates[rank[op]!]!;
      if (kind[op] === Kind.attend) return Math.ceil(wavesOf(attentionBlocks(op), multiprocessors));
      return Math.max(1, Math.ceil(workNs(op) / kernelBlockNs));
    },
    launchNs: (of) => rates[of]!.launchNs,
    multiprocessors: (of) => rates[of]!.multiprocessors,
    localCopyNs: (of, bytes) => (2 * bytes) / rates[of]!.memory,
  };
}

/** Rates of each rank; equal devices share one object. */
function rankRates(schedule: Schedule, devices: readonly Device[], constants: Constants): readonly Rates[] {
  const cache = new Map<Device, Rates>();
  return schedule.placement.map((place) => {
    const device = devices[place]!;
    const known = cache.get(device) ?? deviceRates(schedule, device, constants);
    cache.set(device, known);
    return known;
  });
}

function deviceRates(schedule: Schedule, device: Device, constants: Constants): Rates {
  const { dtype, headDim } = schedule.workload;
  return {
    attention: attentionFlops(device, dtype, headDim) / NS_PER_SECOND,
    matmul: rateOf(device.matmulFlops, dtype) / NS_PER_SECOND,
    memory: (device.memoryBytesPerSecond * constants.memoryEfficiency) / NS_PER_SECOND,
    multiprocessors: device.multiprocessors,
    launchNs: device.launchNs * constants.launchScale,
  };
}

function rateOf(table: Device["matmulFlops"], dtype: DType): number {
  const flops = table[dtype];
  if (flops !== undefined) return flops;
  throw new UsageError("workload", `expected a device that computes in ${dtype}, got one with ${Object.keys(table)}`, {
    path: "--dtype",
    hint: `Use --dtype ${Object.keys(table)[0] ?? "fp32"}.`,
  });
}

/**
 * Achieved FLOP/s of attention on long sequences. Between two head sizes of the table it is interpolated, beyond them
 * the nearest counts; a device without a figure for the type is taken at half of its matrix products.
 */
export function attentionFlops(device: Device, dtype: DType, headDim: number): number {
  const known = device.attentionFlops.filter((row) => row.dtype === dtype).sort((a, b) => a.headDim - b.headDim);
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return rateOf(device.matmulFlops, dtype) / 2;
  const above = known.find((row) => row.headDim >= headDim);
  if (above === undefined) return last.flops;
  const below = known.findLast((row) => row.headDim <= headDim) ?? first;
  if (above === below || headDim <= first.headDim) return above.flops;
  const share = (headDim - below.headDim) / (above.headDim - below.headDim);
  return below.flops + share * (above.flops - below.flops);
}
