/**
 * StreamFusion's ablation (arXiv 2601.20273): TAS and Torus two-sided, then Torus one-sided, over two-sided USP in its
 * best mesh, `--published`, scope step. One set of constants for all rows. The given figures are measurements of others
 * on hardware that is not here; the error says how far the simulator's model is from them.
 *
 * Usage: npm run bench -- ablation [--constants '{"name": value}']
 */
import { readFileSync } from "node:fs";
import type { Method, Transport } from "../plan/schedule/schedule.ts";
import { presetTopology } from "../plan/topology/presets.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import type { Workload } from "../plan/workload/workload.ts";
import type { Constants, Prediction } from "../sim/index.ts";
import { search } from "../sim/search/index.ts";

interface Row {
  readonly id: string;
  readonly model: string;
  readonly image?: string;
  readonly video?: string;
  readonly tas: number;
  readonly tasTorus: number;
  readonly tasTorusOneSided: number;
}

const FIGURES = ["tas", "tasTorus", "tasTorusOneSided"] as const;
const PLANS: Readonly<Record<(typeof FIGURES)[number], readonly [Method, Transport]>> = {
  tas: ["tas", "two-sided"],
  tasTorus: ["torus", "two-sided"],
  tasTorusOneSided: ["torus", "one-sided"],
};

const published = JSON.parse(readFileSync("traces/published/streamfusion.json", "utf8")) as {
  readonly topology: string;
  readonly rows: readonly Row[];
};
const topology = presetTopology(published.topology);
const numRanks = topology.nodes.filter(({ kind }) => kind === "gpu").length;
const flag = process.argv.indexOf("--constants");
const constants = flag === -1 ? {} : (JSON.parse(process.argv[flag + 1] ?? "{}") as Partial<Constants>);

function predictStep(workload: Workload, method: Method, transport: Transport): Prediction {
  return search({
    topology,
    placement: Array.from({ length: numRanks }, (_, rank) => rank),
    workload,
    groups: 1,
    methods: [method],
    transports: [transport],
    tiles: [1],
    published: true,
    maxSimulatedOps: Number.POSITIVE_INFINITY,
    exhaustive: true,
    constants,
  }).prediction;
}

/** Prints one row of predictions beside the given figures and returns the errors. */
function predictRow(row: Row, heads: number | undefined, label: string): number[] {
  const workload = makeWorkload({
    model: row.model,
    ...(row.image === undefined ? {} : { image: row.image }),
    ...(row.video === undefined ? {} : { video: row.video }),
    ...(heads === undefined ? {} : { heads }),
    scope: "step",
  });
  const usp = predictStep(workload, "usp", "two-sided");
  const floors = FIGURES.map((figure) => {
    const { compute, network } = predictStep(workload, ...PLANS[figure]).lowerBoundNs;
    return figure === "tas" ? compute + network : Math.max(compute, network);
  });
  const uspFloor = Math.max(usp.lowerBoundNs.compute, usp.lowerBoundNs.network);
  const errors = FIGURES.map((figure) => {
    const predicted = usp.makespanNs / predictStep(workload, ...PLANS[figure]).makespanNs;
    const error = predicted - row[figure];
    console.log(
      `${label.padEnd(26)} ${figure.padEnd(17)} predicted ${predicted.toFixed(3)}  given ${row[figure].toFixed(2)}  error ${error >= 0 ? "+" : ""}${error.toFixed(3)}`,
    );
    return error;
  });
  console.log(
    `${label.padEnd(26)} USP step ${(usp.makespanNs / 1e6).toFixed(1)} ms; theoretical (bounds alone: USP and Torus overlap all, TAS nothing): ${floors.map((floor) => (uspFloor / floor).toFixed(2)).join(" / ")}`,
  );
  return errors;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const absolute = (values: readonly number[]) => mean(values.map(Math.abs));

const errors = published.rows.flatMap((row) => predictRow(row, undefined, row.id));
const given = published.rows.flatMap((row) => FIGURES.map((figure) => row[figure]));
const constant = [...given].sort((a, b) => a - b)[Math.floor(given.length / 2)]!;
console.log(
  `mean absolute error ${absolute(errors).toFixed(3)}, largest ${Math.max(...errors.map(Math.abs)).toFixed(3)}`,
);
console.log(
  `best constant predictor (${constant.toFixed(2)}, the median of the given figures): ${absolute(given.map((value) => value - constant)).toFixed(3)}`,
);
const video = published.rows.find(({ model }) => model === "cogvideox-5b")!;
const other = predictRow(video, 24, `${video.id}, 24 heads`);
console.log(`mean absolute error with 24 heads ${absolute([...errors.slice(0, 3), ...other]).toFixed(3)}`);
