import { createHash } from "node:crypto";
import type { CreateHasher } from "../../plan/packed/hasher.ts";

/** Node's own SHA-256 for packed forms. */
export const createNodeHasher: CreateHasher = () => createHash("sha256");
