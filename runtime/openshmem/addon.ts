import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { bundlePath } from "../bundles.ts";

/** `native/openshmem/addon.cc`. Offsets and bytes are of the symmetric memory; all calls but the promises return at once. */
export interface Addon {
  /** Version of OpenSHMEM that it was compiled for. */
  readonly version: string;
  /** Resolves once all ranks are there. */
  init(): Promise<{ readonly rank: number; readonly ranks: number }>;
  /** Zeroed symmetric memory of so many bytes, once all ranks ask for it. */
  allocate(bytes: number): Promise<void>;
  /** The symmetric memory itself, on any thread of the process. */
  memory(): ArrayBuffer;
  /** Runs of bytes from here to a peer; the source must stay as it is until the peer has them. */
  put(peer: number, from: number, fromStride: number, to: number, toStride: number, bytes: number, runs: number): void;
  /** Runs of bytes from a peer to here. */
  get: Addon["put"];
  /** The 64-bit word at `from` to the peer's word at `to`, after all puts to that peer so far. */
  signal(peer: number, from: number, to: number): void;
  /** What is asked for from now on comes after what was asked for so far, peer by peer. */
  fence(): void;
  /**
   * Serves transfers until the doorbell's first word is not `rung`, a word in the first `wordBytes` changes, or
   * `maxMicroseconds` are over. True if a word changed that is not in `[partsFrom, partsTo)`: somebody may wait for it.
   */
  progress(
    doorbell: Int32Array,
    rung: number,
    wordBytes: number,
    partsFrom: number,
    partsTo: number,
    maxMicroseconds: number,
  ): boolean;
  /** Adds 1 to the doorbell's first word, and wakes the thread in `progress`; no thread in `Atomics.wait`. */
  ring(doorbell: Int32Array): void;
  /** Ends the process with exit code 0, once all ranks want to. */
  finish(): Promise<void>;
}

/** Where `npm run build:native` puts it; `TOROID_ADDON` names another build, such as one with sanitizers. */
function addonPath(): string {
  return process.env["TOROID_ADDON"] ?? join(dirname(bundlePath("cli")), "native", "openshmem.node");
}

/** Null if it is built, else what is missing and how to get it. */
export function addonObstacle(): string | null {
  return existsSync(addonPath()) ? null : "the OpenSHMEM addon is not built";
}

export function loadAddon(): Addon {
  return createRequire(import.meta.url)(addonPath()) as Addon;
}
