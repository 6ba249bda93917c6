/** What a made-up log is to say. */
export interface LogSpec {
  readonly test: string;
  /** Host of each rank; devices count up on each. */
  readonly hosts: readonly string[];
  /** Bytes and time (ns) of each row. */
  readonly rows: readonly { readonly bytes: number; readonly ns: number }[];
  readonly gpu?: string;
}

const busFactors: Readonly<Record<string, (n: number) => number>> = {
  all_reduce: (n) => (2 * (n - 1)) / n,
  all_gather: (n) => (n - 1) / n,
  reduce_scatter: (n) => (n - 1) / n,
  alltoall: (n) => (n - 1) / n,
};

/** A log in the layout of versions from 2.17 on. */
export function makeLog({ test, hosts, rows, gpu = "NVIDIA A100-SXM4-80GB" }: LogSpec): string {
  const used = new Map<string, number>();
  const ranks = hosts.map((host, rank) => {
    const device = used.get(host) ?? 0;
    used.set(host, device + 1);
    return `#  Rank ${pad(rank, 2)} Group  0 Pid ${pad(4000 + rank, 6)} on ${pad(host, 10)} device ${pad(device, 2)} [0000:${(16 + device).toString(16)}:00] ${gpu}`;
  });
  return [
    `# Collective test starting: ${test}_perf`,
    `# nThread 1 nGpus 1 minBytes ${rows[0]!.bytes} maxBytes ${rows.at(-1)!.bytes} step: 2(factor) warmup iters: 5 iters: 20 agg iters: 1 validation: 1 graph: 0`,
    "#",
    "# Using devices",
    ...ranks,
    "NCCL version 2.19.3+cuda12.2",
    "#",
    "#                                                              out-of-place                       in-place          ",
    "#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong",
    "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)       ",
    ...rows.map((row) => rowText(test, hosts.length, row)),
    "# Out of bounds values : 0 OK",
    "# Avg bus bandwidth    : 12.3456 ",
    "#",
    `# Collective test concluded: ${test}_perf`,
    "",
  ].join("\n");
}

function rowText(test: string, ranks: number, { bytes, ns }: { bytes: number; ns: number }): string {
  const us = Number(figure(ns / 1000, 7));
  const algbw = us > 0 ? bytes / us / 1000 : 0;
  const busbw = algbw * (busFactors[test]?.(ranks) ?? 1);
  const isPart = ["all_gather", "reduce_scatter", "alltoall"].includes(test);
  const count = Math.floor(bytes / 4 / (isPart ? ranks : 1));
  const half = `  ${figure(ns / 1000, 7)}  ${figure(algbw, 6)}  ${figure(busbw, 6)}`;
  const redop = isPart && test !== "reduce_scatter" ? "none" : "sum";
  const last = test === "alltoall" || test === "sendrecv" ? "   N/A" : "     0";
  return `${pad(bytes, 12)}  ${pad(count, 12)}  ${pad("float", 8)}  ${pad(redop, 6)}  ${pad(-1, 6)}${half}       0${half}  ${last}`;
}

/** As many decimals as the width allows, two at most. */
function figure(value: number, width: number): string {
  const digits = Math.max(0, Math.min(2, width - 2 - Math.floor(Math.log10(Math.max(value, 1)))));
  return value.toFixed(digits).padStart(width);
}

function pad(value: string | number, width: number): string {
  return String(value).padStart(width);
}
