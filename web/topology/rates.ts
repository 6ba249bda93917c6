/** Units in which people type bandwidths, in bytes per second. */
export const RATE_UNITS = { "GB/s": 1e9, "Gb/s": 1e9 / 8 } as const;
export type RateUnit = keyof typeof RATE_UNITS;

/** Range of the slider and of what may be typed, bytes per second. */
export const LEAST_RATE = 1e8;
export const MOST_RATE = 2e12;
/** Slider positions are whole numbers from 0; one is about 1 %. */
export const NUM_POSITIONS = 1000;
/** Pixels of dragging a link's handle that are a factor of ten. */
const DRAG_PX_PER_DECADE = 120;

/** Nearest slider position of a rate, by its logarithm. */
export function positionOfRate(bytesPerSecond: number): number {
  const part = Math.log(bytesPerSecond / LEAST_RATE) / Math.log(MOST_RATE / LEAST_RATE);
  return Math.round(Math.min(Math.max(part, 0), 1) * NUM_POSITIONS);
}

/** Rate at a slider position, to three digits. */
export function rateAtPosition(position: number): number {
  return clampRate(LEAST_RATE * (MOST_RATE / LEAST_RATE) ** (position / NUM_POSITIONS));
}

/** Rate after dragging by some px, upwards negative as on screen. */
export function draggedRate(bytesPerSecond: number, downPx: number): number {
  return clampRate(bytesPerSecond * 10 ** (-downPx / DRAG_PX_PER_DECADE));
}

/** Inside the range, three digits. */
export function clampRate(bytesPerSecond: number): number {
  return Number(Math.min(Math.max(bytesPerSecond, LEAST_RATE), MOST_RATE).toPrecision(3));
}

/** A rate as the number field has it: up to four digits, no exponent. */
export function rateFieldText(bytesPerSecond: number, unit: RateUnit): string {
  return String(Number((bytesPerSecond / RATE_UNITS[unit]).toPrecision(4)));
}

/** What was typed, in bytes per second; null where it is no number in the range. */
export function parseRate(text: string, unit: RateUnit): number | null {
  const number = text.trim() === "" ? Number.NaN : Number(text);
  const bytesPerSecond = number * RATE_UNITS[unit];
  return bytesPerSecond >= LEAST_RATE && bytesPerSecond <= MOST_RATE ? bytesPerSecond : null;
}
