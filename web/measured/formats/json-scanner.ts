import { UsageError } from "../../../plan/errors.ts";

const decoder = new TextDecoder();

/**
 * Walks over JSON text in bytes without making values of it: files of profilers are larger than a string may be, and most
 * of what they hold is not needed. What is walked over is only checked for its brackets and quotes.
 */
export class JsonScanner {
  readonly bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : at;
  }

  /** The next byte that is no space, −1 at the end. */
  peek(): number {
    for (; this.at < this.bytes.length; this.at++) {
      const byte = this.bytes[this.at]!;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
    }
    return -1;
  }

  /** Steps over a byte if it is the next. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.at++;
    return true;
  }

  expect(byte: number): void {
    if (!this.take(byte)) this.fail(`"${String.fromCharCode(byte)}"`);
  }

  /** Steps over a string and its quotes. */
  skipString(): void {
    const { bytes } = this;
    if (this.peek() !== QUOTE) this.fail("a string");
    const start = this.at;
    for (let at = start + 1; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) {
        this.at = at + 1;
        return;
      }
    }
    this.at = start;
    this.fail("the end of a string", "the end of the file");
  }

  /** Steps over a value of any kind. */
  skipValue(): void {
    const byte = this.peek();
    if (byte === QUOTE) this.skipString();
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#skipNested();
    else this.#skipLiteral();
  }

  /** The text of a string between its quotes, or of a literal as it stands. */
  text(from: number, to: number): string {
    const { bytes } = this;
    if (bytes[from] !== QUOTE) return decoder.decode(bytes.subarray(from, to));
    const text = decoder.decode(bytes.subarray(from + 1, to - 1));
    return text.includes("\\") ? unescapeText(text) : text;
  }

  /** The value that stands at a place. Null where what was walked over is no JSON. */
  value(from: number, to: number): unknown {
    try {
      return JSON.parse(decoder.decode(this.bytes.subarray(from, to)));
    } catch {
      return null;
    }
  }

  fail(expected: string, got = this.#describeNext()): never {
    throw new UsageError("parse", `expected ${expected}, got ${got}`, {
      path: placeOf(this.bytes, this.at),
      hint: "Write the file again: it seems to be cut off or damaged.",
    });
  }

  #skipNested(): void {
    const { bytes } = this;
    const start = this.at;
    let depth = 0;
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.at = at;
        this.skipString();
        at = this.at - 1;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        depth++;
      } else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) {
        this.at = at + 1;
        return;
      }
    }
    this.at = start;
    this.fail("the end of a list or object", "the end of the file");
  }

  #skipLiteral(): void {
    const { bytes } = this;
    const start = this.at;
    let at = start;
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= 0x20) break;
    }
    if (at === start) this.fail("a value");
    this.at = at;
  }

  #describeNext(): string {
    if (this.peek() < 0) return "the end of the file";
    return JSON.stringify(decoder.decode(this.bytes.subarray(this.at, this.at + 12)));
  }
}

/** Names with a backslash that JSON does not know stay as they are. */
function unescapeText(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return text;
  }
}

/** `line 12`, with the column where the line is long. */
function placeOf(bytes: Uint8Array, at: number): string {
  let line = 1;
  let start = 0;
  for (let i = 0; i < at; i++) {
    if (bytes[i] !== 0x0a) continue;
    line++;
    start = i + 1;
  }
  return at - start > 200 ? `line ${line}, column ${at - start + 1}` : `line ${line}`;
}

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
const BACKSLASH = 0x5c;
