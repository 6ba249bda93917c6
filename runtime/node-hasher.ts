import { createHash } from "node:crypto";
import type { CreateHasher } from "../plan/packed/hasher.ts";

/** Node's own SHA-256: many times as fast as the portable one, and schedules have gigabytes. */
export const createNodeHasher: CreateHasher = () => createHash("sha256");
