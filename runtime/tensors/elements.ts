/** What one element of a tensor in a file is: IEEE floats of 2, 4 or 8 bytes, or the upper half of an fp32. */
export type ElementKind = "fp16" | "bf16" | "fp32" | "fp64";

/** Kind and byte order of the elements of a tensor in a file. */
export interface ElementType {
  readonly kind: ElementKind;
  readonly littleEndian: boolean;
}

const kindBytes: Readonly<Record<ElementKind, number>> = { fp16: 2, bf16: 2, fp32: 4, fp64: 8 };

const hostIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Bytes of one element in the file. */
export function bytesOfElement({ kind }: ElementType): number {
  return kindBytes[kind];
}

/** Whether the bytes in the file are those of a Float32Array here, so that nothing has to be decoded. */
export function isNative({ kind, littleEndian }: ElementType): boolean {
  return kind === "fp32" && littleEndian === hostIsLittleEndian;
}

/**
 * Decodes `bytes` (whole elements) into `target` from element `at` on. fp16 and bf16 are exact in fp32; fp64 is rounded
 * to the nearest fp32, and what is larger than any fp32 becomes an infinity.
 */
export function decodeElements(type: ElementType, bytes: Uint8Array, target: Float32Array, at: number): void {
  const size = bytesOfElement(type);
  const { buffer, byteOffset } = aligned(type, bytes, size);
  const numElements = bytes.length / size;
  if (type.kind === "fp64") target.set(new Float64Array(buffer, byteOffset, numElements), at);
  else if (type.kind === "fp32") target.set(new Float32Array(buffer, byteOffset, numElements), at);
  else decodeHalves(type.kind, new Uint16Array(buffer, byteOffset, numElements), target, at);
}

/** The same bytes at a multiple of the element's size and in this machine's byte order; a copy where they were not. */
function aligned(type: ElementType, bytes: Uint8Array, size: number): Uint8Array {
  if (type.littleEndian === hostIsLittleEndian) return bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return swapBytes(new Uint8Array(bytes), size);
}

/** Reverses the bytes of every element in place. */
function swapBytes(bytes: Uint8Array, size: number): Uint8Array {
  for (let start = 0; start < bytes.length; start += size) {
    for (let low = start, high = start + size - 1; low < high; low++, high--) {
      const byte = bytes[low]!;
      bytes[low] = bytes[high]!;
      bytes[high] = byte;
    }
  }
  return bytes;
}

/** fp32 elements as little-endian bytes, the form of both file formats: a view where this machine is little-endian. */
export function littleEndianBytes(data: Float32Array): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return hostIsLittleEndian ? bytes : swapBytes(new Uint8Array(bytes), 4);
}

function decodeHalves(kind: "fp16" | "bf16", halves: Uint16Array, target: Float32Array, at: number): void {
  const table = kind === "fp16" ? halfTable() : brainTable();
  for (let i = 0; i < halves.length; i++) target[at + i] = table[halves[i]!]!;
}

let halfs: Float32Array | null = null;
let brains: Float32Array | null = null;

/** The value of all 2^16 patterns of an IEEE half: sign, 5 bits of exponent with bias 15, 10 bits of fraction. */
function halfTable(): Float32Array {
  halfs ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = (bits & 1023) / 1024;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return exponent === 0 ? sign * fraction * 2 ** -14 : sign * (1 + fraction) * 2 ** (exponent - 15);
  });
  return halfs;
}

/** The value of all 2^16 patterns of a bf16: the upper 16 bits of an fp32. */
function brainTable(): Float32Array {
  brains ??= new Float32Array(Uint32Array.from({ length: 2 ** 16 }, (_, bits) => (bits << 16) >>> 0).buffer);
  return brains;
}
