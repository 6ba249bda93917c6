import { UsageError } from "../plan/errors.ts";

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const sized = /^((?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([kmgt]?)(i?)b?$/i;
/** By power of 1000 or 1024. */
const prefixes = ["", "k", "m", "g", "t"];

/** Parser of a flag's number; what range makes sense is for those to check who use it. */
export function numberFlag(flag: string): (text: string) => number {
  return (text) => {
    const value = decimal.test(text.trim()) ? Number(text) : Number.NaN;
    if (Number.isFinite(value)) return value;
    throw wrong(flag, "a number", text);
  };
}

/** Parser of a flag's whole number of at least `least` and, where that is given, at most `most`. */
export function integerFlag(flag: string, least: number, most?: number): (text: string) => number {
  const parse = numberFlag(flag);
  return (text) => {
    const value = parse(text);
    if (Number.isSafeInteger(value) && value >= least && value <= (most ?? value)) return value;
    throw wrong(flag, `a whole number from ${least}${most === undefined ? "" : ` to ${most}`}`, text);
  };
}

/** Parser of a flag's list of whole numbers, such as `0,1,4,5`. */
export function integersFlag(flag: string): (text: string) => readonly number[] {
  const parse = integerFlag(flag, 0);
  return (text) => text.split(",").map((part) => parse(part.trim()));
}

/** Parser of a flag's bytes, such as `1073741824`, `1GiB` or `2.5 GB`. */
export function bytesFlag(flag: string): (text: string) => number {
  return (text) => {
    const [, digits = "", prefix = "", binary = ""] = sized.exec(text.trim()) ?? [];
    const power = prefixes.indexOf(prefix.toLowerCase());
    const value = Math.floor(Number(digits) * (binary === "" ? 1000 : 1024) ** power);
    if (digits !== "" && Number.isSafeInteger(value) && value >= 1) return value;
    throw wrong(flag, "bytes, such as 1073741824 or 1GiB", text);
  };
}

function wrong(flag: string, expected: string, text: string): UsageError {
  return new UsageError("usage", `expected ${expected}, got ${JSON.stringify(text.slice(0, 80))}`, { path: flag });
}
