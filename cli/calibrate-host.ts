import { exportTopologyJson } from "../plan/formats/topology-file.ts";
import { median } from "../plan/statistics.ts";
import type { HostFigures } from "../plan/topology/topology.ts";
import { type Calibration, calibrate, type NetworkFigures } from "../runtime/calibrate/calibrate.ts";
import { writeWhole } from "./files.ts";
import { note, print, printJson } from "./output.ts";
import { withAsyncProgress } from "./progress.ts";
import { formatFields, formatTable } from "./table.ts";
import { withStopSignals } from "./stop-signals.ts";
import { formatCount, formatNs, formatPercent } from "../plan/units.ts";
import type { Backend, Launch } from "../runtime/job.ts";

/** What `toroid calibrate` is asked to measure on this machine. */
export interface HostCalibration {
  readonly backend: Backend;
  readonly launch: Launch;
  /** Measured at once, at most. */
  readonly ranks: number;
  /** Topology file to write; none where it is not given. */
  readonly output: string | undefined;
  readonly json: boolean;
}

/** Worst residuals that are listed. */
const numWorst = 5;

/** Measures this machine, or hosts and their links, and writes a topology with the figures. Ctrl-C stops it. */
export async function calibrateHost({ backend, launch, ranks, output, json }: HostCalibration): Promise<void> {
  const calibration = await withStopSignals((signal) =>
    withAsyncProgress("measuring", (progress) =>
      calibrate({
        backend,
        launch,
        ranks,
        kernel: "onnx",
        date: new Date().toISOString().slice(0, 10),
        onProgress: (done, total) => progress(done, total),
        signal,
      }),
    ),
  );
  if (output !== undefined) writeWhole(output, [exportTopologyJson(calibration.topology)]);
  if (json) printJson(calibrationDocument(calibration));
  else print(formatCalibration(calibration));
  note(output === undefined ? "nothing written: add -o FILE" : `wrote ${output}`);
}

/** Signed relative errors of the fit, of measurements that took part in it. */
function errorsOf({ residuals }: Calibration): { what: string; measuredNs: number; fittedNs: number; error: number }[] {
  return residuals.map((residual) => ({
    ...residual,
    error: (residual.fittedNs - residual.measuredNs) / residual.measuredNs,
  }));
}

function calibrationDocument(calibration: Calibration): unknown {
  const { topology, figures, copies, compute, latencySpread, network } = calibration;
  return {
    name: topology.name,
    links: copies.map((row) => ({ ...row, latencyNs: figures.wakeNs, latencySpread })),
    ...(network === null ? {} : { network }),
    compute: compute.map((row) => ({ ...row, headDim: 64 })),
    figures,
    residuals: errorsOf(calibration),
  };
}

function sharing({ sharedBy }: HostFigures): string {
  return sharedBy === "topology" ? ", shared by all hosts" : ", on each host";
}

function networkField({ networkBytesPerSecond }: HostFigures): [string, string][] {
  if (networkBytesPerSecond === undefined) return [];
  return [["send, receive", `${(networkBytesPerSecond / 1e9).toFixed(1)} GB/s a thread`]];
}

/** What joins the hosts. */
function formatNetwork({ hosts, links, pairs, hopNs }: NetworkFigures): string {
  const gigabits = (rate: number) => `${((8 * rate) / 1e9).toFixed(3)} Gb/s`;
  const { ports, leafOf, uplinks } = links;
  return [
    formatTable(
      [
        { title: "host" },
        { title: "link", align: "right" },
        { title: "to others, alone", align: "right" },
        { title: "uplink of its leaf", align: "right" },
      ],
      hosts.map((host, index) => {
        const rates = pairs.filter(({ from }) => from === index).map(({ bytesPerSecond }) => bytesPerSecond);
        const uplink = uplinks[leafOf[index]!];
        return [
          host,
          gigabits(ports[index]!),
          `${gigabits(Math.min(...rates))} to ${gigabits(Math.max(...rates))}`,
          uplink === undefined ? "–" : `${gigabits(uplink)} (leaf ${leafOf[index]})`,
        ];
      }),
    ),
    `a signal takes ${formatNs(hopNs)} from host to host`,
  ].join("\n");
}

function formatCalibration(calibration: Calibration): string {
  const { figures, copies, compute, latencySpread, network } = calibration;
  const gigabytes = (rate: number) => `${(rate / 1e9).toFixed(1)} GB/s`;
  const gigaflops = (rate: number) => `${(rate / 1e9).toFixed(1)} GFLOP/s`;
  const errors = errorsOf(calibration);
  const worst = errors.toSorted((a, b) => Math.abs(b.error) - Math.abs(a.error)).slice(0, numWorst);
  return [
    ...(network === null ? [] : [formatNetwork(network)]),
    formatFields([
      ["cores", `${figures.cores.toFixed(2)}, in units of one busy thread${network === null ? "" : sharing(figures)}`],
      ["copy", `${gigabytes(figures.copyBytesPerSecond)} a thread, ${figures.copyRunNs.toFixed(0)} ns a run`],
      ["all copies", gigabytes(figures.allCopiesBytesPerSecond)],
      ...networkField(figures),
      ["an op", formatNs(figures.opNs)],
      ["wake a thread", `${formatNs(figures.wakeNs)} (spread ${formatPercent(latencySpread)})`],
      ["merge, finalize", `${gigabytes(figures.mergeBytesPerSecond)}, ${gigabytes(figures.finalizeBytesPerSecond)}`],
      ["matrix products", gigaflops(figures.matmulFlops)],
    ]),
    formatTable(
      [
        { title: "ranks at once", align: "right" },
        { title: "all copies", align: "right" },
        { title: "attention", align: "right" },
        { title: "of one × ranks", align: "right" },
        { title: "spread", align: "right" },
      ],
      compute.map(({ ranks, flopsPerSecond, spread }) => {
        const copied = copies.find((row) => row.ranks === ranks);
        return [
          formatCount(ranks),
          copied === undefined ? "–" : gigabytes(copied.bytesPerSecond),
          gigaflops(flopsPerSecond),
          formatPercent(flopsPerSecond / (ranks * compute[0]!.flopsPerSecond)),
          formatPercent(spread),
        ];
      }),
    ),
    formatTable(
      [
        { title: "head size", align: "right" },
        { title: "long tiles", align: "right" },
        { title: "a call", align: "right" },
        { title: "a query", align: "right" },
        { title: "a key", align: "right" },
      ],
      figures.attend.map(({ headDim, pairNs, callNs, queryNs, keyNs }) => [
        formatCount(headDim),
        gigaflops(((4 * headDim) / pairNs) * 1e9),
        formatNs(callNs),
        formatNs(queryNs),
        formatNs(keyNs),
      ]),
    ),
    `fit: ${formatPercent(median(errors.map(({ error }) => Math.abs(error))))} off in the median of ${errors.length}; worst:`,
    formatTable(
      [{ title: "measurement" }, { title: "measured", align: "right" }, { title: "error", align: "right" }],
      worst.map(({ what, measuredNs, error }) => [what, formatNs(measuredNs), formatPercent(error, true)]),
    ),
  ].join("\n\n");
}
