import { elementBytes, type LayerWork, type Workload } from "../../plan/workload/workload.ts";
import type { Constants } from "../constants.ts";
import { barrierRoundsNs } from "../transfer-model.ts";
import type { Figures } from "./figures.ts";
import type { Point } from "./space.ts";

/** Least times of a point's pieces on one rank, at the best rates of its machine; all ns. */
export interface Costs {
  /** A launch of `tiles` sub-tiles of Q with `keys` sub-tiles of KV. */
  attendNs(tiles: number, keys: number): number;
  /** Finalizing one sub-tile of Q. */
  readonly finalizeNs: number;
  /** Copies before the first attend. */
  readonly gatherCopyNs: number;
  /** Until shares of Q and of KV (of what the rank gathers) have come. */
  gatherNs(shareOfQ: number, shareOfKv: number): number;
  /** Until so many blocks have come in a flat ring, an outer turn, a turn inside the machine. */
  flatNs(blocks: number): number;
  outerNs(blocks: number): number;
  hopNs(blocks: number): number;
  /** Torus: until so many Q tiles' worth of bytes have come from other machines. */
  pullNs(units: number): number;
  /** All of the rank's attention at the best rate, launches left out. */
  readonly flopsNs: number;
  /** KV heads over Q heads. */
  readonly kvPerQ: number;
  /** From the end of the last attend to the last byte of O in place. */
  readonly tailNs: number;
  /** Barriers and the layer's other work. */
  readonly fixedNs: number;
}

/** The costs of a point; admissible, as `boundOf` needs them. */
export function costsOf(point: Point, workload: Workload, figures: Figures, constants: Constants): Costs {
  const { mesh, tiles, method } = point;
  const { batch, tokens, heads, kvHeads, headDim, mask } = workload;
  const machines = mesh.ulyssesInter * mesh.ringInter;
  const ranksPerMachine = mesh.ulyssesIntra * mesh.ringIntra;
  const ranks = machines * ranksPerMachine;
  const ulysses = mesh.ulyssesInter * mesh.ulyssesIntra;
  const isTorus = method === "torus";
  const fixedNs = 2 * barrierRoundsNs(ranksPerMachine, machines, constants) + layerWorkNs(workload, ranks, figures);
  if (tokens < ranks * tiles) return onlyFixed(fixedNs);
  /** Rows that a rank's Q tile gathers, of how many members; the smallest that any rank has. */
  const members = isTorus ? mesh.ulyssesIntra : ulysses;
  const shardRows = Math.floor(tokens / ranks);
  const isEven =
    mask === "full" && workload.shardOrder === "contiguous" && tokens % ranks === 0 && shardRows % tiles === 0;
  const partHeads = heads / ulysses;
  const pieceRows = Math.floor(shardRows / tiles);
  const perRow = batch * headDim * elementBytes(workload.dtype);
  const wire = wireFactors(point, figures, constants, {
    piece: perRow * Math.ceil(Math.ceil(tokens / ranks) / tiles),
    partHeads: Math.max(partHeads, (2 * kvHeads) / ulysses),
    members,
    remoteMembers: ulysses - mesh.ulyssesIntra,
  });

  const subtileRows = members * pieceRows;
  const runs = joinedRuns(point, members);
  const blocksOfSubtile = batch * partHeads * runs * Math.ceil(subtileRows / runs / constants.attentionBlockTokens);

  function attendNs(numTiles: number, keys: number): number {
    if (mask !== "full") return numTiles === tiles && keys >= 1 ? causalShare(keys) : 0;
    const flops = 4 * batch * partHeads * headDim * numTiles * subtileRows * keys * subtileRows;
    const blocks = numTiles * blocksOfSubtile;
    const fill = blocks / figures.multiprocessors;
    const waves = isEven ? Math.ceil(fill) : fill;
    const setupNs = waves * constants.attentionBlockSetupNs;
    const mathNs = blocks === 0 ? 0 : ((waves / fill) * flops) / figures.attentionFlopsPerNs;
    const sums = batch * partHeads * numTiles * subtileRows * (headDim + 1);
    return mathNs + setupNs + (8 * sums) / figures.memoryBytesPerNs + figures.launchNs;
  }

  function meanFlopsNs(): number {
    const pairs = mask === "full" ? tokens * tokens : (tokens * (tokens + 1)) / 2;
    return (4 * batch * heads * headDim * pairs) / ranks / figures.attentionFlopsPerNs;
  }

  /** With a causal mask ranks differ: only the mean of all work is sure, spread over the launches. */
  function causalShare(keys: number): number {
    const launches = isTorus
      ? mesh.ulyssesInter * machines * mesh.ringIntra * tiles
      : mesh.ringInter * mesh.ringIntra * tiles;
    return (meanFlopsNs() / launches) * Math.min(keys, 1);
  }

  const interRate = figures.interBytesPerNs;
  const intraRate = figures.intraBytesPerNs;
  const q = perRow * shardRows * heads;
  const kv = 2 * perRow * shardRows * kvHeads;
  const local = isTorus ? (mesh.ulyssesIntra - 1) / mesh.ulyssesIntra : (mesh.ulyssesIntra - 1) / ulysses;
  const remote = isTorus ? 0 : (mesh.ulyssesInter - 1) / mesh.ulyssesInter;
  const isOneSided = point.transport === "one-sided";
  const postNs = constants.twoSidedLaunchNs + figures.launchNs;
  const interIssueNs = isOneSided ? constants.networkPutNs : constants.networkRendezvousNs + postNs;
  const intraIssueNs = isOneSided ? constants.fabricPutNs : constants.fabricRendezvousNs + postNs;
  // With a causal mask the rank that waits longest may be one that has nothing left to attend.
  const waits = mask === "full";
  const inter = (bytes: number) => (waits && bytes > 0 && machines > 1 ? bytes / interRate + interIssueNs : 0);
  const intra = (bytes: number) => (waits && bytes > 0 ? bytes / intraRate + intraIssueNs : 0);
  const ring = mesh.ringInter * mesh.ringIntra;
  const copyNs = (bytes: number) => (2 * bytes) / figures.memoryBytesPerNs + figures.launchNs;
  const ownShare = isTorus ? 1 / mesh.ulyssesIntra : 1 / ulysses + remote;
  const returned = returnedNs();

  function returnedNs(): number {
    if (ulysses === 1) return 0;
    const lastShare = isTorus ? 1 / mesh.ulyssesInter / tiles : 1 / tiles;
    const arrival = Math.max(
      inter(wire.gather * ranksPerMachine * q * remote * lastShare),
      intra(wire.fabric * q * local * lastShare),
    );
    const copy = copyNs((q * ownShare) / tiles);
    return Math.max(tiles * copy, arrival);
  }

  return {
    attendNs,
    finalizeNs: mask === "full" ? finalizeNs() : 0,
    gatherCopyNs: ulysses === 1 ? 0 : 2 * (tiles - 1) * figures.launchNs + copyNs(q * ownShare) + copyNs(kv * ownShare),
    gatherNs: (shareOfQ, shareOfKv) => {
      const bytes = q * shareOfQ + kv * shareOfKv;
      return Math.max(inter(wire.gather * ranksPerMachine * bytes * remote), intra(wire.fabric * bytes * local));
    },
    flatNs: (blocks) =>
      Math.max(
        machines > 1 ? inter((wire.block * ranks * kv * blocks) / ring) : 0,
        mesh.ringIntra > 1 ? intra((wire.fabric * ranks * kv * blocks) / ring / ulysses) : 0,
      ),
    outerNs: (blocks) => inter(wire.block * ranksPerMachine * kv * blocks),
    hopNs: (blocks) => intra((wire.fabric * ranks * kv * blocks) / ring / ulysses),
    pullNs: (units) => inter((wire.block * ranksPerMachine * q * units) / mesh.ulyssesInter),
    flopsNs: meanFlopsNs(),
    kvPerQ: kvHeads / heads,
    tailNs: mask === "full" ? returned : 0,
    fixedNs,
  };

  function finalizeNs(): number {
    const rows = batch * partHeads * subtileRows;
    const bytes = 8 * rows * (headDim + 1) + elementBytes(workload.dtype) * rows * headDim;
    return bytes / figures.memoryBytesPerNs + figures.launchNs;
  }
}

/** Where sub-tiles may be empty, nothing but barriers and the layer's other work is sure. */
function onlyFixed(fixedNs: number): Costs {
  const none = () => 0;
  return {
    attendNs: none,
    finalizeNs: 0,
    gatherCopyNs: 0,
    gatherNs: none,
    flatNs: none,
    outerNs: none,
    hopNs: none,
    pullNs: none,
    flopsNs: 0,
    kvPerQ: 0,
    tailNs: 0,
    fixedNs,
  };
}

/** Runs of neighboring tokens in a whole Q tile: members of one machine join, and machines do when they have no Ring inside. */
function joinedRuns({ method, mesh, tiles }: Point, members: number): number {
  if (tiles > 1) return members;
  if (method === "torus") return 1;
  return mesh.ringIntra === 1 ? 1 : mesh.ulyssesInter;
}

/** The largest transfers of a point: bytes of a row's head, rows of a member's sub-piece times that, and members. */
interface MessageSizes {
  readonly piece: number;
  readonly partHeads: number;
  readonly members: number;
  readonly remoteMembers: number;
}

/** By how much overheads make the bytes more, at least: of all-to-alls and blocks between machines, and inside one. */
function wireFactors({ transport }: Point, figures: Figures, constants: Constants, sizes: MessageSizes) {
  const message = sizes.piece * sizes.partHeads;
  const block = message * sizes.members;
  if (transport === "two-sided") {
    const start = (kernelBytes: number) => 1 + Math.min(1, constants.networkTwoSidedStartBytes / kernelBytes);
    return {
      gather: start(message * Math.max(1, sizes.remoteMembers)),
      block: start(block),
      fabric: 1 / constants.fabricTwoSidedEfficiency,
    };
  }
  const factor = (payload: number) => 1 / figures.oneSidedEfficiency + constants.networkOneSidedMessageBytes / payload;
  return { gather: factor(message), block: factor(block), fabric: 1 };
}

function layerWorkNs(workload: Workload, ranks: number, figures: Figures): number {
  const rows = (workload.batch * workload.tokens) / ranks;
  const timeOf = ({ flopsPerToken, bytesPerToken, weightBytes }: LayerWork) =>
    Math.max(
      (flopsPerToken * rows) / figures.matmulFlopsPerNs,
      (weightBytes + bytesPerToken * rows) / figures.memoryBytesPerNs,
    );
  return [...workload.before, ...workload.after].reduce((sum, work) => sum + timeOf(work), 0);
}
