import type { LayerWork, Workload } from "../../plan/workload/workload.ts";
import { elementBytes } from "../../plan/workload/workload.ts";
import type { Constants } from "../constants.ts";
import type { Figures } from "./figures.ts";
import type { Point } from "./space.ts";

/** Sizes of a point that the bound is made of; bytes of whole tensors, times in ns. */
interface Sizes {
  readonly machines: number;
  readonly ranksPerMachine: number;
  readonly ulysses: number;
  readonly ring: number;
  /** Bytes of a machine's share of Q (or O), and of KV. */
  readonly machineQ: number;
  readonly machineKv: number;
  /** Attention FLOPs of a rank at the best rate. */
  readonly flopsNs: number;
}

/** A moment that compute waits for: bytes that must have come by then, and the attention that can only follow. */
interface Stage {
  /** Bytes into each machine, and into each rank from its own machine. */
  readonly inter: number;
  readonly intra: number;
  /** Time that must follow. */
  readonly thenNs: number;
}

/**
 * A time that no schedule of the point can beat (one pass, ns): for every moment that compute has to wait for, the bytes
 * that must have crossed by then at the best rates, and the work that can only follow. Latencies, overheads and sharing
 * are left out, so it is admissible.
 */
export function boundOf(point: Point, workload: Workload, figures: Figures, constants: Constants): number {
  const sizes = sizesOf(point, workload, figures);
  const layerNs = layerWorkNs(workload, sizes, figures);
  const attendNs = sizes.flopsNs + overheadNs(point, workload, sizes, figures, constants);
  const even = workload.mask === "full" ? evenness(workload, sizes) : 0;
  const stages = point.method === "torus" ? torusStages(point, sizes) : ringStages(point, sizes);
  let latest = attendNs;
  if (even > 0) {
    for (const stage of stages) {
      const arrival = even * Math.max(stage.inter / figures.interBytesPerNs, stage.intra / figures.intraBytesPerNs);
      latest = Math.max(latest, arrival + even * even * stage.thenNs);
    }
    latest = Math.max(latest, firstArrival(stages, figures, even) + even * even * attendNs);
  }
  const tail = even * tailNs(point, sizes, figures);
  return layerNs + latest + tail;
}

function firstArrival(stages: readonly Stage[], figures: Figures, even: number): number {
  const { inter, intra } = stages[0]!;
  return even * Math.max(inter / figures.interBytesPerNs, intra / figures.intraBytesPerNs);
}

/** The smallest shard over the mean one: what a rank has at least. */
function evenness(workload: Workload, { machines, ranksPerMachine }: Sizes): number {
  const mean = workload.tokens / (machines * ranksPerMachine);
  return Math.floor(mean) / mean;
}

function sizesOf({ mesh }: Point, workload: Workload, figures: Figures): Sizes {
  const machines = mesh.ulyssesInter * mesh.ringInter;
  const ranksPerMachine = mesh.ulyssesIntra * mesh.ringIntra;
  const { batch, tokens, heads, kvHeads, headDim, dtype, mask } = workload;
  const perHead = batch * tokens * headDim * elementBytes(dtype);
  const pairs = mask === "full" ? tokens * tokens : (tokens * (tokens + 1)) / 2;
  const flops = (4 * batch * heads * headDim * pairs) / (machines * ranksPerMachine);
  return {
    machines,
    ranksPerMachine,
    ulysses: mesh.ulyssesInter * mesh.ulyssesIntra,
    ring: mesh.ringInter * mesh.ringIntra,
    machineQ: (perHead * heads) / machines,
    machineKv: (2 * perHead * kvHeads) / machines,
    flopsNs: flops / figures.attentionFlopsPerNs,
  };
}

function layerWorkNs(workload: Workload, { machines, ranksPerMachine }: Sizes, figures: Figures): number {
  const rows = (workload.batch * workload.tokens) / (machines * ranksPerMachine);
  const timeOf = ({ flopsPerToken, bytesPerToken, weightBytes }: LayerWork) =>
    Math.max(
      (flopsPerToken * rows) / figures.matmulFlopsPerNs,
      (weightBytes + bytesPerToken * rows) / figures.memoryBytesPerNs,
    );
  return [...workload.before, ...workload.after].reduce((sum, work) => sum + timeOf(work), 0);
}

/** What launches, thread blocks and accumulators cost at least: by how often each part of Q is attended. */
function overheadNs(point: Point, workload: Workload, sizes: Sizes, figures: Figures, constants: Constants): number {
  const { launches, visits } = point.method === "torus" ? torusVisits(point) : ringVisits(point, sizes);
  const ranks = sizes.machines * sizes.ranksPerMachine;
  const headRows = (workload.batch * workload.tokens * workload.heads) / ranks;
  const blocks = headRows / constants.attentionBlockTokens;
  const blockNs = (blocks * constants.attentionBlockSetupNs) / figures.multiprocessors;
  const sumsNs = (8 * headRows * (workload.headDim + 1)) / figures.memoryBytesPerNs;
  return workload.mask === "full" ? launches * figures.launchNs + visits * (blockNs + sumsNs) : 0;
}

/** Launches of a rank, and how often its whole Q is gone through. */
function ringVisits({ tiles }: Point, { ring }: Sizes): { launches: number; visits: number } {
  return { launches: ring * tiles, visits: ring * tiles };
}

function torusVisits({ mesh, tiles, path }: Point): { launches: number; visits: number } {
  const rows = mesh.ulyssesInter;
  const lastK = path.lastIndexOf("K");
  const blockLaunches = mesh.ringIntra * tiles;
  let present = 1;
  let launches = 0;
  let rowVisits = 0;
  const arriveKeys = (isLast: boolean) => {
    launches += blockLaunches + (isLast ? (present - 1) * tiles : 0);
    rowVisits += isLast ? blockLaunches + present - 1 : blockLaunches * present;
  };
  arriveKeys(lastK === -1);
  [...path].forEach((letter, i) => {
    if (letter === "K") arriveKeys(i === lastK);
    else {
      present++;
      launches += tiles;
      rowVisits++;
    }
  });
  return { launches, visits: rowVisits / rows };
}

/** Moments of Ulysses, Ring, USP and TAS. The first is the first attend: all of Q and a sub-tile of KV are gathered. */
function ringStages({ method, mesh, tiles }: Point, sizes: Sizes): Stage[] {
  const { machines, ranksPerMachine, ulysses, ring, machineQ, machineKv, flopsNs } = sizes;
  const remote = (mesh.ulyssesInter - 1) / mesh.ulyssesInter;
  const local = (mesh.ulyssesIntra - 1) / ulysses / ranksPerMachine;
  const first = {
    inter: (machineQ + machineKv / tiles) * remote,
    intra: (machineQ + machineKv / tiles) * local,
    thenNs: flopsNs,
  };
  const stages: Stage[] = [first];
  const isNested = method === "tas";
  const steps = isNested ? mesh.ringInter : machines > 1 ? ring : 1;
  const stepBytes = isNested ? machineKv : (machineKv * machines) / ring;
  for (let step = 1; step < steps; step++) {
    const inter = (isNested ? first.inter : 0) + (step - 1 + 1 / tiles) * stepBytes;
    stages.push({ inter, intra: 0, thenNs: (1 - step / steps) * flopsNs });
  }
  if (mesh.ringIntra > 1) {
    const hop = (machineKv * machines) / (ring * ulysses);
    for (let step = 1; step < mesh.ringIntra; step++)
      stages.push({ inter: 0, intra: first.intra + (step - 1 + 1 / tiles) * hop, thenNs: (1 - step / ring) * flopsNs });
  }
  return stages;
}

/** Moments of Torus: the first attend, and each arrival of the path. */
function torusStages({ mesh, tiles, path }: Point, sizes: Sizes): Stage[] {
  const { machines, ranksPerMachine, machineQ, machineKv, flopsNs } = sizes;
  const rows = mesh.ulyssesInter;
  const local = (mesh.ulyssesIntra - 1) / mesh.ulyssesIntra / ranksPerMachine;
  const stages: Stage[] = [{ inter: 0, intra: (machineQ + machineKv / tiles) * local, thenNs: flopsNs }];
  let inter = 0;
  let [presentQ, presentKv] = [1, 1];
  for (const letter of path) {
    const bytes = (letter === "Q" ? machineQ : machineKv) / rows;
    const done = (presentQ * presentKv) / (rows * machines);
    stages.push({ inter: inter + bytes / tiles, intra: 0, thenNs: (1 - done) * flopsNs });
    inter += bytes;
    if (letter === "Q") presentQ++;
    else presentKv++;
  }
  if (path.endsWith("K")) {
    const pushed = (machineQ * (rows - 1)) / rows;
    const before = (1 - (rows - 1) / (rows * machines)) * flopsNs;
    stages.push({ inter: pushed, intra: 0, thenNs: before });
    stages.push({ inter: inter + pushed, intra: 0, thenNs: 0 });
  }
  return stages;
}

/** After the last attend: a sub-tile of O still has to go back. */
function tailNs({ method, mesh, tiles }: Point, sizes: Sizes, figures: Figures): number {
  const { ranksPerMachine, ulysses, machineQ } = sizes;
  if (method === "torus") {
    const local = (mesh.ulyssesIntra - 1) / mesh.ulyssesIntra / ranksPerMachine / mesh.ulyssesInter;
    return (machineQ * local) / tiles / figures.intraBytesPerNs;
  }
  const remote = (mesh.ulyssesInter - 1) / mesh.ulyssesInter;
  const local = (mesh.ulyssesIntra - 1) / ulysses / ranksPerMachine;
  return Math.max(
    (machineQ * remote) / tiles / figures.interBytesPerNs,
    (machineQ * local) / tiles / figures.intraBytesPerNs,
  );
}
