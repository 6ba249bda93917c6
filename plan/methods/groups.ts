import { UsageError } from "../errors.ts";
import { divisors } from "./meshes.ts";
import type { Guidance, LayerWork, Workload } from "../workload/workload.ts";

/** How ranks are divided before the mesh. */
export interface Splits {
  /** Ranks that share the heads and the weights of a layer. */
  readonly tensorParallel: number;
  /** Parts that serve requests of their own. */
  readonly dataParallel: number;
  readonly guidance: Guidance;
}

/** Sequence-parallel groups side by side: data parallel × guidance branches × tensor parallel. */
export function numGroups({ tensorParallel, dataParallel, guidance }: Splits): number {
  return numParts({ dataParallel, guidance }) * tensorParallel;
}

/** Parts of consecutive ranks; the tensor-parallel groups of a part are interleaved in it. */
function numParts({ dataParallel, guidance }: Pick<Splits, "dataParallel" | "guidance">): number {
  return dataParallel * (guidance === "split" ? 2 : 1);
}

/**
 * Topology ranks in schedule order, group after group, from those that take part. Each part gets consecutive ranks,
 * thus whole machines where they divide; in a part, neighbors share a tensor-parallel layer, so that a
 * sequence-parallel group spans the machines of its part. Throws a UsageError (`infeasible`) where they do not divide.
 */
export function placeGroups(ranks: readonly number[], splits: Splits): readonly number[] {
  const groups = numGroups(splits);
  if (ranks.length % groups !== 0) {
    const below = Math.floor(ranks.length / groups) * groups;
    throw new UsageError("infeasible", `${ranks.length} ranks do not divide into ${groups} groups`, {
      path: "--ranks",
      hint: below === 0 ? `Use at least ${groups} ranks.` : `Use ${below} or ${below + groups} ranks.`,
    });
  }
  const { tensorParallel } = splits;
  const partSize = ranks.length / numParts(splits);
  return Array.from({ length: groups }, (_, group) => {
    const part = ranks.slice(Math.floor(group / tensorParallel) * partSize).slice(0, partSize);
    return part.filter((__, at) => at % tensorParallel === group % tensorParallel);
  }).flat();
}

/** The workload of one group: tensor parallelism leaves it its share of the heads and of the layer's weights. */
export function workloadOfGroup(workload: Workload, { tensorParallel }: Splits): Workload {
  if (tensorParallel === 1) return workload;
  const { heads, kvHeads, before, after, modelBytes } = workload;
  if (heads % tensorParallel !== 0 || kvHeads % tensorParallel !== 0) {
    const works = divisors(kvHeads).filter((degree) => heads % degree === 0);
    const message = `tensor parallelism of ${tensorParallel} does not divide ${heads} heads (${kvHeads} KV heads)`;
    throw new UsageError("infeasible", message, {
      path: "--tensor-parallel",
      hint: `The degrees that work: ${works.join(", ")}.`,
    });
  }
  return {
    ...workload,
    heads: heads / tensorParallel,
    kvHeads: kvHeads / tensorParallel,
    before: before.map((work) => shareOf(work, tensorParallel)),
    after: after.map((work) => shareOf(work, tensorParallel)),
    modelBytes: modelBytes / tensorParallel,
  };
}

function shareOf(work: LayerWork, tensorParallel: number): LayerWork {
  return {
    ...work,
    flopsPerToken: work.flopsPerToken / tensorParallel,
    weightBytes: work.weightBytes / tensorParallel,
  };
}
