import { UsageError } from "../../../plan/errors.ts";

/** More would not fit a page's memory beside what is made of it. */
const MAX_BYTES = 2 ** 31 - 1;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** Unpacks a gzip file. Errors: `format` where it is damaged, `limit` above 2 GiB. */
export async function gunzip(bytes: Uint8Array, maxBytes = MAX_BYTES): Promise<Uint8Array> {
  const reader = new Blob([bytes as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"))
    .getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await readChunk(reader);
    if (done) return join(chunks, size);
    size += value.length;
    if (size > maxBytes) {
      await reader.cancel();
      throw new UsageError("limit", `expected at most ${maxBytes} bytes once unpacked`, {
        hint: "Profile fewer steps, or without shapes and stacks.",
      });
    }
    chunks.push(value);
  }
}

async function readChunk(reader: ReadableStreamDefaultReader<Uint8Array>) {
  try {
    return await reader.read();
  } catch {
    throw new UsageError("format", "expected a whole gzip file", {
      hint: "Copy the file again: it seems to be cut off or damaged.",
    });
  }
}

function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
