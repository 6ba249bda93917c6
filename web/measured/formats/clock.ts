/** A time without rounding: whole microseconds (exact up to some 285 years) and the nanoseconds after them, of one sign. */
export interface ClockTime {
  readonly us: number;
  readonly ns: number;
}

/** Units of times in files, as the power of ten that makes nanoseconds of them. */
export const TimeUnit = { ns: 0, us: 3, ms: 6, s: 9 } as const;

/** More digits than these of what is below a microsecond say nothing. */
const MAX_FRACTION_DIGITS = 15;
/** Longer numbers are no times. */
const MAX_WHOLE_DIGITS = 16;

/**
 * Reads a decimal number (`1743521598000.463`, `-2`, `1.5e3`) as a time. A double would lose the nanoseconds of a time
 * since 1970 in microseconds. Null where the text is no such number.
 */
export function readClock(bytes: Uint8Array, from: number, to: number, unit: number): ClockTime | null {
  let at = from;
  const isNegative = bytes[at] === MINUS;
  if (isNegative || bytes[at] === PLUS) at++;
  const first = at;
  let numWhole = -1;
  let last = at;
  for (; last < to; last++) {
    const byte = bytes[last]!;
    if (byte === POINT && numWhole < 0) numWhole = last - first;
    else if (!isDigit(byte)) break;
  }
  const numDigits = last - first - (numWhole < 0 ? 0 : 1);
  if (numDigits === 0) return null;
  const exponent = readExponent(bytes, last, to);
  if (exponent === null) return null;
  // Digits before the place where whole microseconds end.
  const cut = (numWhole < 0 ? numDigits : numWhole) + exponent + unit - TimeUnit.us;
  return splitDigits(bytes, first, numDigits, numWhole, cut, isNegative ? -1 : 1);
}

function splitDigits(
  bytes: Uint8Array,
  first: number,
  numDigits: number,
  numWhole: number,
  cut: number,
  sign: number,
): ClockTime | null {
  let us = 0;
  let fraction = 0;
  let places = Math.max(0, -cut);
  let numSignificant = 0;
  for (let i = 0; i < Math.max(numDigits, cut); i++) {
    const at = first + i + (numWhole >= 0 && i >= numWhole ? 1 : 0);
    const digit = i < numDigits ? bytes[at]! - ZERO : 0;
    if (i < cut) {
      if (us > 0 || digit > 0) numSignificant++;
      if (numSignificant > MAX_WHOLE_DIGITS) return null;
      us = 10 * us + digit;
    } else if (places < MAX_FRACTION_DIGITS) {
      fraction = 10 * fraction + digit;
      places++;
    }
  }
  return { us: sign * us, ns: sign * ((fraction * 1000) / 10 ** places) };
}

/** Zero where there is none, null where something else stands. */
function readExponent(bytes: Uint8Array, from: number, to: number): number | null {
  if (from === to) return 0;
  if (bytes[from] !== LOWER_E && bytes[from] !== UPPER_E) return null;
  let at = from + 1;
  const isNegative = bytes[at] === MINUS;
  if (isNegative || bytes[at] === PLUS) at++;
  if (at >= to || to - at > 3) return null;
  let value = 0;
  for (; at < to; at++) {
    if (!isDigit(bytes[at]!)) return null;
    value = 10 * value + bytes[at]! - ZERO;
  }
  return isNegative ? -value : value;
}

const encoder = new TextEncoder();

/** The same of text. */
export function parseClock(text: string, unit: number): ClockTime | null {
  const bytes = encoder.encode(text.trim());
  return readClock(bytes, 0, bytes.length, unit);
}

/** `end − start` in ns. */
export function betweenNs(start: ClockTime, end: ClockTime): number {
  return (end.us - start.us) * 1000 + (end.ns - start.ns);
}

/** A span of time in ns. */
export function durationNs({ us, ns }: ClockTime): number {
  return us * 1000 + ns;
}

const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const LOWER_E = 0x65;
const UPPER_E = 0x45;

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}
