import { formatRate } from "../../plan/units.ts";
import { LINK_CLASSES, type LinkClass, type LinkModel } from "./links.ts";

/** Classes of links that a topology has, each with its capacities in words. */
export function classRates({ links }: LinkModel): readonly { readonly linkClass: LinkClass; readonly rates: string }[] {
  return LINK_CLASSES.flatMap((linkClass) => {
    const rates = links.filter((link) => link.linkClass === linkClass).map(({ bytesPerSecond }) => bytesPerSecond);
    return rates.length === 0 ? [] : [{ linkClass, rates: rangeText(rates) }];
  });
}

function rangeText(rates: readonly number[]): string {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const rate of rates) {
    least = Math.min(least, rate);
    most = Math.max(most, rate);
  }
  const [low, high] = [formatRate(least), formatRate(most)];
  return low === high ? low : `${low} – ${high}`;
}
