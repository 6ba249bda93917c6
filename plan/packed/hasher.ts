import { sha256 } from "@noble/hashes/sha2.js";

/** A SHA-256 that takes its input in pieces. Node's `createHash("sha256")` is one. */
export interface Hasher {
  update(bytes: Uint8Array): unknown;
  /** The 32 bytes of the hash of all pieces; called once. */
  digest(): Uint8Array;
}

/**
 * Makes a SHA-256. The default is portable and does some 200 MB/s; a caller with a faster one (`node:crypto` does
 * 1.8 GB/s with the processor's own instructions) passes it wherever a packed form is hashed.
 */
export type CreateHasher = () => Hasher;

export const createPortableHasher: CreateHasher = () => sha256.create();
