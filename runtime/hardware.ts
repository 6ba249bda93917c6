import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import type { Hardware, KernelName } from "./job.ts";

/** What a run was measured on. */
export function describeHardware(kernel: KernelName): Hardware {
  return {
    cpu: cpus()[0]?.model.trim() || "unknown CPU",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
    kernel:
      kernel === "onnx" ? `onnxruntime-node ${onnxruntimeVersion()}, one thread a rank` : "plain loops in float64",
  };
}

/** Bytes that a run may still take: of the machine, or of the container that this process is in. */
export function freeMemoryBytes(): number {
  const limit = process.constrainedMemory();
  const free = limit > 0 && limit < totalmem() ? Math.max(0, limit - process.memoryUsage.rss()) : Infinity;
  return Math.min(freeOfMachine(), free);
}

/** Linux counts caches that it would give back as not free; it says what is available elsewhere. */
function freeOfMachine(): number {
  if (process.platform !== "linux") return freemem();
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return available === undefined ? freemem() : 1024 * Number(available);
}

function onnxruntimeVersion(): string {
  try {
    return (createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string }).version;
  } catch {
    return "(unknown version)";
  }
}
