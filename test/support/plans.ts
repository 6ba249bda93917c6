import fc from "fast-check";
import { allPaths, meshesOf } from "../../plan/methods/index.ts";
import { divisors } from "../../plan/methods/meshes.ts";
import { METHODS } from "../../plan/schedule/schedule.ts";
import type { Workload } from "../../plan/workload/workload.ts";

/** A small attention; heads may be shared by several Q heads. */
export function smallWorkload(options: Partial<Workload> & { tokens: number; heads: number }): Workload {
  return {
    model: null,
    batch: 1,
    kvHeads: options.heads,
    headDim: 4,
    dtype: "fp32",
    mask: "full",
    shardOrder: "contiguous",
    scope: "attention",
    guidance: "none",
    before: [],
    after: [],
    layers: 1,
    modelBytes: 0,
    activationBytesPerToken: 0,
    ...options,
  };
}

/** Plans of any method and mesh on up to four machines of up to four ranks, with shapes that nothing need divide. */
export const plans = arbitraryPlans({ maxTokens: 40, headDims: [4], maxTiles: 4, maxRanks: 32 });

/** Such plans in sizes that kernels compute: 1 to 48 heads of 32 to 128, sub-tiles 1 to 8, on 1 to 16 ranks. */
export const computedPlans = arbitraryPlans({
  maxTokens: 600,
  headDims: [32, 40, 64, 80, 96, 128],
  maxTiles: 8,
  maxRanks: 16,
});

interface Sizes {
  readonly maxTokens: number;
  readonly headDims: readonly number[];
  readonly maxTiles: number;
  readonly maxRanks: number;
}

function arbitraryPlans({ maxTokens, headDims, maxTiles, maxRanks }: Sizes) {
  return fc
    .record({
      method: fc.constantFrom(...METHODS),
      transport: fc.constantFrom("one-sided" as const, "two-sided" as const),
      machines: fc.integer({ min: 1, max: 4 }),
      ranksPerMachine: fc.integer({ min: 1, max: 4 }),
      heads: fc.constantFrom(...(maxTokens > 40 ? [1, 2, 3, 4, 6, 8, 12, 16, 24, 48] : [1, 2, 3, 4, 6, 8, 12, 16, 24])),
      headDim: fc.constantFrom(...headDims),
      tokens: fc.integer({ min: 1, max: maxTokens }),
      batch: fc.integer({ min: 1, max: 2 }),
      tiles: fc.integer({ min: 1, max: maxTiles }),
      mask: fc.constantFrom("full" as const, "causal" as const),
      zigzag: fc.boolean(),
      groups: fc.integer({ min: 1, max: 2 }),
      lanes: fc.integer({ min: 1, max: 3 }),
      choice: fc.nat(),
      layer: fc.boolean(),
    })
    .map((p) => {
      const kvHeads = pick(divisors(p.heads), p.choice);
      const zigzag = p.zigzag && (p.method === "ring" || p.method === "usp");
      const work = [{ name: "work", flopsPerToken: 1, bytesPerToken: 1, weightBytes: 1 }];
      const workload = smallWorkload({
        tokens: p.tokens,
        heads: p.heads,
        kvHeads,
        headDim: p.headDim,
        batch: p.batch,
        mask: p.mask,
        shardOrder: zigzag ? "zigzag" : "contiguous",
        ...(p.layer ? { before: work, after: work, scope: "layer" as const } : {}),
      });
      const mesh = pick(meshesOf(p.method, p, workload), p.choice);
      return { ...p, workload, mesh };
    })
    .filter((p) => p.mesh !== undefined && p.machines * p.ranksPerMachine * p.groups <= maxRanks)
    .map(({ method, transport, workload, mesh, tiles, groups, lanes, choice }) => {
      const path = method === "torus" ? pick(allPaths(mesh!), choice)! : "";
      return { method, transport, workload, mesh: mesh!, tiles, groups, lanes, path };
    });
}

function pick<T>(list: readonly T[], choice: number): T {
  return list[choice % list.length]!;
}
