import { UsageError } from "../errors.ts";

/** Text of UTF-8 bytes; error `format` where they are none, or where the text is longer than a string can be. */
export function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError("format", "expected UTF-8 text", { path });
  }
}
