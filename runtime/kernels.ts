import type { Schedule } from "../plan/schedule/schedule.ts";
import type { KernelName } from "./job.ts";
import type { Kernel } from "./kernel.ts";
import { createOnnxKernel } from "./onnx/onnx-kernel.ts";
import { createPlainKernel } from "./plain/plain-kernel.ts";

export function createKernel(name: KernelName, options: { schedule: Schedule; heap: Float32Array }): Kernel {
  return name === "onnx" ? createOnnxKernel(options) : createPlainKernel(options);
}
