import { type AttendCall, attendCalls, headsPerCall, queryTile } from "../../plan/schedule/attend-calls.ts";
import { Kind, type Schedule, TensorCode } from "../../plan/schedule/schedule.ts";
import type { Piece } from "../../plan/workload/shards.ts";
import type { Accumulators } from "./accumulators.ts";
import { type Call, CallRunner } from "./attend-call.ts";
import type { HeapTiles } from "./heap-tiles.ts";
import type { Runner } from "./runner.ts";
import { StagedKeys } from "./staged-keys.ts";
import { StagedQueries } from "./staged-queries.ts";

/** Heads of a Q operand that one call takes. */
interface HeadGroup {
  readonly first: number;
  readonly count: number;
  readonly isBatched: boolean;
}

interface LikeCalls {
  /** Index of the tile of queries. */
  readonly tile: number;
  readonly groups: readonly HeadGroup[];
  readonly calls: AttendCall[];
}

/** Operands of one attend. */
interface Operands {
  readonly queries: readonly number[];
  readonly keys: readonly number[];
  /** One for each query operand. */
  readonly accumulators: readonly number[];
}

/** One Q operand with all KV operands, one plane of each. */
interface Part {
  readonly query: number;
  readonly keys: readonly number[];
  readonly accumulator: number;
  readonly plane: number;
}

/** Attention of one rank by the calls of `attendCalls`; attend-model.ts says what a call computes. */
export class Attention {
  readonly #schedule: Schedule;
  readonly #accumulators: Accumulators;
  readonly #keys: StagedKeys;
  readonly #queries: StagedQueries;
  readonly calls: CallRunner;

  constructor(schedule: Schedule, heap: HeapTiles, accumulators: Accumulators, runner: Runner) {
    this.#schedule = schedule;
    this.#accumulators = accumulators;
    this.#keys = new StagedKeys(schedule, heap, runner);
    this.#queries = new StagedQueries(schedule, heap, runner);
    this.calls = new CallRunner(schedule.workload.headDim, runner);
  }

  /** Compiles the models of all attends among these ops, runs them once and sets memory aside. */
  async prepare(ops: Uint32Array): Promise<void> {
    const shapes = new Map<string, Operands>();
    for (const op of ops) {
      if (this.#schedule.ops.kind[op] !== Kind.attend) continue;
      const operands = this.#operands(op);
      shapes.set(this.#shapeKey(operands), operands);
    }
    for (const operands of shapes.values()) await this.#prepareShape(operands);
  }

  /** Does an attend; a part is one tile staged or one call, for some heads. */
  async *attend(op: number): AsyncGenerator<void> {
    const { queries, keys, accumulators } = this.#operands(op);
    yield* this.#keys.stage(keys);
    for (const [i, query] of queries.entries())
      for (let plane = 0; plane < this.#schedule.workload.batch; plane++)
        yield* this.#attendPart({ query, keys, accumulator: accumulators[i]!, plane });
  }

  async *#attendPart(part: Part): AsyncGenerator<void> {
    const calls = this.#callsOf(part.query, part.keys);
    let staged = -1;
    for (const { tile, groups, calls: some } of this.#likeCalls(part.query, calls)) {
      if (tile !== staged) await this.#queries.stage(part.query, part.plane, tile);
      staged = tile;
      // Heads one after the other, so that the partial results of one stay in the cache from call to call.
      for (const heads of groups)
        for (const call of some) {
          await this.calls.attend({ ...this.#bind(call, heads, part), numTiles: modelTiles(call, calls) });
          yield;
        }
    }
  }

  /** Calls in order, those together that have the same tile of queries and take their heads in the same groups. */
  #likeCalls(query: number, calls: readonly AttendCall[]): LikeCalls[] {
    const { token, numTokens, numHeads } = this.#schedule.operands;
    const size = queryTile(numTokens[query]!);
    const like: LikeCalls[] = [];
    for (const call of calls) {
      const tile = Math.floor((call.queryStart - token[query]!) / size);
      const groups = this.#headGroups(call, numHeads[query]!);
      const last = like.at(-1);
      if (last !== undefined && last.tile === tile && last.groups.length === groups.length) last.calls.push(call);
      else like.push({ tile, groups, calls: [call] });
    }
    return like;
  }

  #operands(op: number): Operands {
    const { from, fromStart, to, toStart } = this.#schedule.ops;
    const { tensor } = this.#schedule.operands;
    const operands = [...from.subarray(fromStart[op], fromStart[op + 1])];
    return {
      queries: operands.filter((operand) => tensor[operand] === TensorCode.Q),
      keys: operands.filter((operand) => tensor[operand] === TensorCode.KV),
      accumulators: [...to.subarray(toStart[op], toStart[op + 1])],
    };
  }

  #callsOf(query: number, keys: readonly number[]): AttendCall[] {
    const pieces = keys.map((operand) => this.#piece(operand));
    return attendCalls(this.#piece(query), pieces, this.#schedule.workload.mask);
  }

  #piece(operand: number): Piece {
    const { token, numTokens } = this.#schedule.operands;
    return { start: token[operand]!, end: token[operand]! + numTokens[operand]! };
  }

  #headGroups(call: AttendCall, numHeads: number): HeadGroup[] {
    const { heads, kvHeads } = this.#schedule.workload;
    const perCall = headsPerCall(call, numHeads, heads !== kvHeads);
    const groups: HeadGroup[] = [];
    for (let first = 0; first < numHeads; first += perCall)
      groups.push({ first, count: Math.min(perCall, numHeads - first), isBatched: perCall > 1 });
    return groups;
  }

  /** A call with its tensors. */
  #bind(call: AttendCall, { first, count, isBatched }: HeadGroup, part: Part): Omit<Call, "numTiles"> {
    const { token } = this.#schedule.operands;
    const queryStart = call.queryStart - token[part.query]!;
    const rows = call.queryEnd - call.queryStart;
    return {
      rows,
      numHeads: count,
      isBatched,
      isMasked: call.isMasked,
      query: this.#queries.rows(first, count, queryStart, rows),
      tiles: call.tiles.map(({ operand, start, end }, tile) => {
        const key = part.keys[operand]!;
        return this.#keys.tensors({
          tile,
          index: operand,
          plane: part.plane,
          heads: { first: this.#keyHead(part.query, key, first), count, isBatched },
          start: start - token[key]!,
          end: end - token[key]!,
        });
      }),
      target: this.#accumulators.partial(part.accumulator, part.plane, first, queryStart),
    };
  }

  /** Head of a KV operand that a head of a Q operand meets; both from their operand's first. */
  #keyHead(query: number, key: number, queryHead: number): number {
    const { head } = this.#schedule.operands;
    const { heads, kvHeads } = this.#schedule.workload;
    return Math.floor(((head[query]! + queryHead) * kvHeads) / heads) - head[key]!;
  }

  /** Calls depend on lengths, under a causal mask also on distances. */
  #shapeKey({ queries, keys }: Operands): string {
    const { token, numTokens, numHeads } = this.#schedule.operands;
    const isCausal = this.#schedule.workload.mask === "causal";
    const origin = token[queries[0]!]!;
    return [...queries, ...keys]
      .map((i) => `${numTokens[i]} ${numHeads[i]} ${isCausal ? token[i]! - origin : ""}`)
      .join(" ");
  }

  async #prepareShape({ queries, keys }: Operands): Promise<void> {
    await this.#keys.prepare(keys);
    const { numHeads } = this.#schedule.operands;
    for (const query of queries) {
      await this.#queries.prepare(query);
      const calls = this.#callsOf(query, keys);
      for (const call of calls) {
        const numTiles = modelTiles(call, calls);
        const { count, isBatched } = this.#headGroups(call, numHeads[query]!)[0]!;
        const numKeys = call.tiles.map(({ start, end }) => end - start);
        const rows = call.queryEnd - call.queryStart;
        await this.calls.prepare({ rows, numHeads: count, isBatched, isMasked: call.isMasked, numTiles, numKeys });
      }
    }
  }
}

/** Tiles of the model for a call: as many as any call like it has. */
function modelTiles({ isMasked }: AttendCall, calls: readonly AttendCall[]): number {
  return Math.max(...calls.map((call) => (call.isMasked === isMasked ? call.tiles.length : 0)));
}
