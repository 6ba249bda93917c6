/** Programs of nccl-tests (and rccl-tests) by name, without the `_perf` that their binaries end in. */
export const NCCL_TESTS = [
  "all_reduce",
  "all_gather",
  "reduce_scatter",
  "alltoall",
  "alltoallv",
  "sendrecv",
  "broadcast",
  "reduce",
  "gather",
  "scatter",
  "bisection",
  "hypercube",
] as const;

export type NcclTest = (typeof NCCL_TESTS)[number];

/** A rank as the list of devices has it. */
export interface NcclTestRank {
  readonly rank: number;
  /** Communicator that the rank is in; 0 where the log does not say. */
  readonly group: number;
  readonly host: string;
  /** Number that CUDA gave the GPU in that process: of the visible ones, so several ranks of a host may have 0. */
  readonly device: number;
  /** PCI address as printed: `0x0f`, `0000:0f:00`. */
  readonly bus: string;
  /** What the GPU calls itself, null where the line is cut. */
  readonly name: string | null;
}

/** What one row says about out-of-place or in-place buffers. */
export interface NcclTestTiming {
  /** Mean time of one call. */
  readonly timeNs: number;
  /** Size over time, as printed: three digits or fewer. */
  readonly algBytesPerSecond: number;
  /** The same in terms of what each link would carry in a ring, as printed. */
  readonly busBytesPerSecond: number;
  /** Elements with a wrong value; null where nothing was checked, or where an old version prints a deviation. */
  readonly wrong: number | null;
}

export interface NcclTestRow {
  /** In the file, from 1. */
  readonly line: number;
  /** The size column: of all-gather, all-to-all and the like that of all ranks' parts together. */
  readonly bytes: number;
  readonly count: number;
  readonly type: string;
  /** Null where the column is blank; the log writes `none` where nothing is reduced. */
  readonly redop: string | null;
  /** Null where there is no such column, −1 where the operation has no root. */
  readonly root: number | null;
  /** Null where the row is cut before it, or where the time is none. */
  readonly outOfPlace: NcclTestTiming | null;
  readonly inPlace: NcclTestTiming | null;
}

/** One run of one program. */
export interface NcclTestRun {
  readonly path: string;
  /** Where it begins in the file, from 1. */
  readonly line: number;
  /** Null where neither log nor file name tell. */
  readonly test: NcclTest | null;
  /** Versions of the test program and of NCCL or RCCL, as printed. */
  readonly testsVersion: string | null;
  readonly ncclVersion: string | null;
  /** Number of ranks; null where nothing tells. */
  readonly numRanks: number | null;
  /** Ranks whose lines are there, ascending; may be fewer than `numRanks`, or none. */
  readonly ranks: readonly NcclTestRank[];
  /** Never empty. */
  readonly rows: readonly NcclTestRow[];
  /** Wrong values over the whole run; null where the log ends before it says. */
  readonly outOfBounds: { readonly count: number; readonly ok: boolean } | null;
  /** Whether times are what the CPU needed to issue the calls (`-C`), not what they took. */
  readonly isCpuTime: boolean;
  /** What `NCCL_ALGO` was set to, or `Ring` where NVLS was switched off; null where the log does not show it. */
  readonly algorithm: string | null;
  /** Sentences about rows that were left out, and about what the run was asked to do. */
  readonly notes: readonly string[];
}

const aliases: readonly (readonly [pattern: RegExp, test: NcclTest])[] = [
  [/all[-_]?reduce/i, "all_reduce"],
  [/reduce[-_]?scatter/i, "reduce_scatter"],
  [/all[-_]?gather/i, "all_gather"],
  [/all[-_]?to[-_]?allv/i, "alltoallv"],
  [/all[-_]?to[-_]?all|a2a/i, "alltoall"],
  [/send[-_]?recv/i, "sendrecv"],
  [/broadcast|bcast/i, "broadcast"],
  [/bisection/i, "bisection"],
  [/hypercube/i, "hypercube"],
  [/scatter/i, "scatter"],
  [/gather/i, "gather"],
  [/reduce/i, "reduce"],
];

/** The test that a text names: a program (`all_reduce_perf`) or a file. Null where it names none. */
export function testNamed(text: string): NcclTest | null {
  return aliases.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}

const elementSizes: Readonly<Record<string, number>> = {
  int8: 1,
  uint8: 1,
  char: 1,
  f8e4m3: 1,
  f8e5m2: 1,
  fp8_e4m3: 1,
  fp8_e5m2: 1,
  half: 2,
  float16: 2,
  bfloat16: 2,
  int: 4,
  int32: 4,
  uint32: 4,
  float: 4,
  int64: 8,
  uint64: 8,
  double: 8,
};

/** Bytes of one element of a type as the logs name it, null for one that is not known. */
export function elementSizeOf(type: string): number | null {
  return Object.hasOwn(elementSizes, type) ? elementSizes[type]! : null;
}
