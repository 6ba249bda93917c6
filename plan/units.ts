/** Figures as people read them: three digits and a unit. */

/** Bytes in binary units, three digits. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
}

/** Bytes per second in decimal units. */
export function formatRate(bytesPerSecond: number): string {
  return scaled(bytesPerSecond, 1000, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s", "PB/s"]);
}

/** FLOP/s in decimal units. */
export function formatFlops(flops: number): string {
  return scaled(flops, 1000, ["FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s"]);
}

/** Nanoseconds in the unit that suits. */
export function formatNs(ns: number): string {
  return scaled(ns, 1000, ["ns", "µs", "ms", "s"]);
}

/** A count with separators. */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** A share as percent, on request with its sign. */
export function formatPercent(share: number, signed = false): string {
  const percent = 100 * share;
  return `${signed && percent >= 0 ? "+" : ""}${percent.toFixed(Math.abs(percent) < 10 ? 2 : 1)} %`;
}

function scaled(value: number, base: number, units: readonly string[]): string {
  // Less than what is printed of the least unit: the rest of a rounded sum.
  if (Math.abs(value) < 0.005) return `0 ${units[0]}`;
  let step = 0;
  let rest = value;
  // 999.6 would print as 1000: the next unit then.
  while (Math.abs(rest) >= base - base / 2000 && step < units.length - 1) {
    rest /= base;
    step++;
  }
  return `${threeDigits(rest)} ${units[step]}`;
}

function threeDigits(value: number): string {
  const size = Math.abs(value);
  return String(Number(value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)));
}
