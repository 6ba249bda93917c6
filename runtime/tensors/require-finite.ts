import { UsageError } from "../../plan/errors.ts";
import { describeShape } from "./layout.ts";

/**
 * Throws a UsageError (`format`) with the index of the first number that is infinite or NaN: attention over it is NaN,
 * and nothing could be checked.
 */
export function requireFinite(data: Float32Array, shape: readonly number[]): void {
  const at = indexOfNonFinite(data);
  if (at === null) return;
  let rest = at;
  const index = shape.map((_, i) => {
    const inner = shape.slice(i + 1).reduce((product, size) => product * size, 1);
    const place = Math.floor(rest / inner);
    rest -= place * inner;
    return place;
  });
  throw new UsageError("format", `expected numbers that are finite in fp32, got ${data[at]}`, {
    path: `element ${describeShape(index)}`,
  });
}

function indexOfNonFinite(data: Float32Array): number | null {
  for (let i = 0; i < data.length; i++) if (data[i]! - data[i]! !== 0) return i;
  return null;
}
