import { z } from "zod";
import { UsageError } from "../errors.ts";
import { lineAt, nestsDeeper } from "./json-places.ts";
import type { NcclTestRank, NcclTestRow, NcclTestRun, NcclTestTiming } from "./nccl-tests-run.ts";
import { finishRun, type RunDraft, startRun } from "./nccl-tests-runs.ts";

const maxDepth = 32;

const figure = z.union([z.number(), z.string()]).nullish();
const timingSchema = z
  .object({ time: figure, cpu_time: figure, alg_bw: figure, bus_bw: figure, nwrong: figure })
  .nullish();
const whole = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

const fileSchema = z.object({
  args: z.array(z.string()).default([]),
  env: z.array(z.string()).default([]),
  nccl_version: z.number().optional(),
  config: z.object({
    blocking_collectives: z.union([z.string(), z.boolean()]).optional(),
    devices: z
      .array(
        z.object({
          rank: z.number().int().min(0).max(65_535),
          group: z.number().int().nonnegative().default(0),
          hostname: z.string(),
          device: z.number().int().min(0).max(65_535),
          device_hex: z.string().default(""),
          device_info: z.string().optional(),
        }),
      )
      .default([]),
  }),
  results: z.array(
    z.object({
      size: whole,
      count: whole,
      type: z.string(),
      redop: z.string().default(""),
      root: z.union([z.string(), z.number()]).optional(),
      out_of_place: timingSchema,
      in_place: timingSchema,
      experiment_name: z.string().optional(),
    }),
  ),
  out_of_bounds: z.object({ count: whole, okay: z.union([z.string(), z.boolean()]) }).optional(),
});

type File = z.infer<typeof fileSchema>;
type Timing = z.infer<typeof timingSchema>;

/** Whether the text is what `-J` writes, damaged or not. */
export function isNcclTestsJson(text: string): boolean {
  return /^\s*\{\s*"/.test(text);
}

/** The run of a `-J` file. Throws a UsageError (`parse`) that says where it is not one, and as `finishRun` does. */
export function parseNcclTestsJson(text: string, path: string): readonly NcclTestRun[] {
  const run = finishRun(draftOf(readFile(text), path));
  if (run === null) {
    throw new UsageError("parse", "expected at least one result, found none", {
      path: "results",
      hint: "Run the test again: it ended before its first result.",
    });
  }
  return [run];
}

function readFile(text: string): File {
  if (nestsDeeper(text, maxDepth)) {
    throw new UsageError("limit", `expected lists and objects nested at most ${maxDepth} deep, got more`);
  }
  const result = fileSchema.safeParse(parseJson(text));
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw new UsageError("format", "expected the JSON that nccl-tests writes for -J, got something else", {
    path: issue.path.join("."),
    hint: "Give that file, or the text that the program printed.",
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 160).replace(/\s+/g, " ");
    const offset = /position (\d+)/.exec(reason)?.[1];
    throw new UsageError("parse", `expected JSON: ${reason}`, {
      path: `line ${lineAt(text, offset === undefined ? text.length : Number(offset))}`,
      hint: "Give the text that the program printed if its JSON file was cut.",
    });
  }
}

function draftOf(file: File, path: string): RunDraft {
  const draft = startRun(path, 1);
  draft.program = file.args[0]?.replace(/^.*[/\\]/, "") ?? file.results[0]?.experiment_name ?? null;
  draft.ncclVersion = file.nccl_version === undefined ? null : versionText(file.nccl_version);
  draft.algorithm = algorithmOf(file.env);
  draft.isBlocking = `${file.config.blocking_collectives}` === "true";
  draft.isCpuTime = file.results.some(({ out_of_place }) => typeof out_of_place?.cpu_time === "number");
  if (file.out_of_bounds !== undefined) {
    draft.outOfBounds = { count: file.out_of_bounds.count, ok: `${file.out_of_bounds.okay}` === "true" };
  }
  // Newer files list every device, older ones the first of each process.
  for (const device of file.config.devices) draft.ranks.push({ ...rankOf(device), line: 1 });
  for (const [index, result] of file.results.entries()) {
    const row = rowOf(result, index + 1);
    if (row !== null) draft.rows.push(row);
  }
  return draft;
}

/** 22307 is 2.23.7, and 2708 was 2.7.8. */
function versionText(code: number): string {
  const [major, rest] =
    code >= 10_000 ? [Math.floor(code / 10_000), code % 10_000] : [Math.floor(code / 1000), code % 1000];
  return `${major}.${Math.floor(rest / 100)}.${rest % 100}`;
}

function algorithmOf(env: readonly string[]): string | null {
  const set = env.find((entry) => entry.startsWith("NCCL_ALGO="));
  if (set !== undefined) return set.slice("NCCL_ALGO=".length).slice(0, 40);
  return env.includes("NCCL_NVLS_ENABLE=0") ? "Ring" : null;
}

function rankOf(device: File["config"]["devices"][number]): NcclTestRank {
  const { rank, group, hostname, device: index, device_hex, device_info } = device;
  return { rank, group, host: hostname, device: index, bus: device_hex, name: device_info ?? null };
}

function rowOf(result: File["results"][number], line: number): NcclTestRow | null {
  const { size, count, type, redop, root, out_of_place, in_place } = result;
  const [outOfPlace, inPlace] = [timingOf(out_of_place), timingOf(in_place)];
  if (outOfPlace === null && inPlace === null) return null;
  const rootRank = Number(root ?? Number.NaN);
  return {
    line,
    bytes: size,
    count,
    type,
    redop: redop === "" ? null : redop,
    root: Number.isInteger(rootRank) ? rootRank : null,
    outOfPlace,
    inPlace,
  };
}

function timingOf(timing: Timing): NcclTestTiming | null {
  if (timing === null || timing === undefined) return null;
  const timeNs = Number(timing.time ?? timing.cpu_time ?? Number.NaN) * 1000;
  const [alg, bus] = [Number(timing.alg_bw ?? Number.NaN), Number(timing.bus_bw ?? Number.NaN)];
  if (!(timeNs > 0 && timeNs < 1e15 && alg >= 0 && bus >= 0) || !Number.isFinite(alg + bus)) return null;
  const wrong = timing.nwrong === null || timing.nwrong === undefined ? Number.NaN : Number(timing.nwrong);
  return {
    timeNs,
    algBytesPerSecond: alg * 1e9,
    busBytesPerSecond: bus * 1e9,
    wrong: Number.isFinite(wrong) ? wrong : null,
  };
}
