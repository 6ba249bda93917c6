import { UsageError } from "../errors.ts";
import { lineAt } from "./json-places.ts";

/** The longest text that is read: far more than the topology of the largest cluster. */
const maxBytes = 64 * 2 ** 20;

/**
 * The text of a file: UTF-8, or UTF-16 where a byte order mark says so (PowerShell's `>` writes that), without the
 * mark and with `\n` at line ends. Throws a UsageError for an empty, too long (`limit`) or binary (`parse`) input.
 */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.length > maxBytes) {
    throw new UsageError("limit", `expected at most ${maxBytes} bytes of text, got ${bytes.length}`);
  }
  const text = decode(bytes).replace(/\r\n?/g, "\n");
  if (/^\s*$/.test(text)) throw new UsageError("parse", "expected text, got an empty file");
  const binary = findBinary(text);
  if (binary !== null) {
    throw new UsageError("parse", "expected text, got a binary file", { path: `line ${lineAt(text, binary)}` });
  }
  return text;
}

/** The offset of the first control character that no terminal writes, or null. Escape, bell and the like are text. */
function findBinary(text: string): number | null {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= 6 || (code >= 14 && code <= 26)) return at;
  }
  return null;
}

function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16le").decode(swapPairs(bytes));
  return new TextDecoder("utf-8").decode(bytes);
}

/** UTF-16BE as UTF-16LE: not every TextDecoder knows the former. */
function swapPairs(bytes: Uint8Array): Uint8Array {
  const swapped = bytes.slice(0, bytes.length - (bytes.length % 2));
  for (let at = 0; at < swapped.length; at += 2) {
    swapped[at] = bytes[at + 1]!;
    swapped[at + 1] = bytes[at]!;
  }
  return swapped;
}
