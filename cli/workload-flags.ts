import type { Command } from "commander";
import { makeWorkload, type WorkloadOptions } from "../plan/workload/make-workload.ts";
import type { Workload } from "../plan/workload/workload.ts";
import { numberFlag } from "./numbers.ts";

export type WorkloadFlags = WorkloadOptions;

/** Adds the flags of model and shape. */
export function addWorkloadFlags(command: Command): Command {
  return command
    .option("--model <name>", "a model of the table: flux.1-dev, cogvideox-5b, wan2.1-14b, hunyuanvideo, …")
    .option("--image <size>", "image of <width>x<height>, for example 3072x3072")
    .option("--video <size>", "video of <width>x<height>x<frames>, for example 1360x768x161")
    .option("--tokens <n>", "sequence length, in place of an image or a video", numberFlag("--tokens"))
    .option("--heads <n>", "attention heads of a free shape", numberFlag("--heads"))
    .option("--head-dim <n>", "size of a head of a free shape", numberFlag("--head-dim"))
    .option("--kv-heads <n>", "heads of keys and values (default: as many as heads)", numberFlag("--kv-heads"))
    .option("--batch <n>", "batch of each sequence-parallel group (default 1)", numberFlag("--batch"))
    .option("--dtype <type>", "bf16, fp16 or fp32 (default bf16)")
    .option("--mask <mask>", "full or causal (default full)")
    .option("--shard-order <order>", "contiguous or zigzag (default contiguous)")
    .option("--scope <scope>", "attention, layer or step (default attention)")
    .option("--guidance <how>", "branches of classifier-free guidance: none, batch or split (default none)");
}

/** The workload that the flags ask for, before it is split over groups. */
export function workloadOf(flags: WorkloadFlags): Workload {
  return makeWorkload(flags);
}
