import type { PlacedBundle } from "./layout-types.ts";
import type { LinkModel } from "./links.ts";

/** The highest utilization among the links that a folded machine stands for: to the network, and inside it. */
export function bundleUse(
  { pairs, inside }: PlacedBundle,
  model: LinkModel,
  use: Float64Array,
): { outwards: number; inside: number } {
  const highest = (members: readonly number[]) => {
    let most = 0;
    for (const member of members) {
      const { forth, back } = model.pairs[member]!;
      most = Math.max(most, use[forth]!, back === null ? 0 : use[back]!);
    }
    return most;
  };
  return { outwards: highest(pairs), inside: highest(inside) };
}
