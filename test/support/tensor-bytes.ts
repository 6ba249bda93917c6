import fc from "fast-check";
import { UsageError } from "../../plan/errors.ts";
import { joinBytes } from "../../runtime/tensors/layout.ts";

/** A change of a file at a place between 0 and 1 of its first `span` bytes, where headers are. */
export interface Mutation {
  readonly kind: "insert" | "delete" | "truncate" | "byte" | "append";
  readonly place: number;
  readonly piece: Uint8Array;
}

const encoder = new TextEncoder();

/** Pieces that parsers trip over, for both formats. */
const pieces = [
  ..."'|\"|{|}|(|)|[|]|,|:| |\n|L|-|0|1|99999999999999999999|9007199254740993|1e999|-1|true|True|null".split("|"),
  ..."<f4|>f8||O|shape|fortran_order|'shape': (1,),|data_offsets|__proto__|F32|BF16|[[[[[[[[".split("|"),
  "\u0000",
  "é",
  "\ufeff",
].map((text) => encoder.encode(text));

export const mutations: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom("insert", "delete", "truncate", "byte", "append"),
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  piece: fc.oneof(fc.constantFrom(...pieces), fc.uint8Array({ minLength: 1, maxLength: 9 })),
});

/** The file with changes, most of them in its first `span` bytes. */
export function mutate(file: Uint8Array, span: number, changes: readonly Mutation[]): Uint8Array {
  return changes.reduce<Uint8Array>((bytes, { kind, place, piece }) => {
    const at = Math.floor(place * Math.min(span, bytes.length));
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    if (kind === "insert") return joinBytes([before, piece, after]);
    if (kind === "delete") return joinBytes([before, after.subarray(piece.length)]);
    if (kind === "append") return joinBytes([bytes, piece]);
    return kind === "truncate" ? before : joinBytes([before, piece, after.subarray(piece.length)]);
  }, file);
}

/** What reading gives, or null for a UsageError; whatever else it throws is a bug. Its message must be short, and have a place. */
export function readOrRefuse<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    if (error.message.length > 600 || error.path === null)
      throw new Error(`a bad message: ${error.path} ${error.message}`);
    return null;
  }
}

/** Whether two arrays hold the same bits; `toEqual` takes gigabytes for a large one. */
export function isSame(a: Float32Array, b: Float32Array): boolean {
  return viewBytes(a).equals(viewBytes(b));
}

function viewBytes({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
