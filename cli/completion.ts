import { readdirSync } from "node:fs";
import type { Argument, Complete, Option } from "@bomb.sh/tab";
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";
import { METHODS } from "../plan/schedule/schedule.ts";
import { listDevices } from "../plan/topology/devices.ts";
import { listPresets } from "../plan/topology/presets.ts";
import { models } from "../plan/workload/models.ts";

type Choice = readonly [value: string, description: string];

/** Values that flags take, by flag name without dashes. */
const choices: Readonly<Record<string, () => readonly Choice[]>> = {
  topology: topologyChoices,
  model: () => models.map(({ name, media, usualSize }) => [name, `${media}, usually ${usualSize}`]),
  device: () => listDevices().map((name) => [name, "device"]),
  method: () => [...METHODS, "auto"].map((name) => [name, "method"]),
  transport: () => namesOnly(["one-sided", "two-sided"]),
  dtype: () => namesOnly(["bf16", "fp16", "fp32"]),
  mask: () => namesOnly(["full", "causal"]),
  "shard-order": () => namesOnly(["contiguous", "zigzag"]),
  scope: () => namesOnly(["attention", "layer", "step"]),
  guidance: () => namesOnly(["none", "batch", "split"]),
  path: () => namesOnly(["paper", "search"]),
};

/** Flags and arguments that are files. */
const files = new Set([
  "nccl-tests",
  "output",
  "compute",
  "data",
  "trace",
  "file",
  "schedule",
  "q",
  "k",
  "v",
  "out",
  "predicted",
  "measured",
]);

/** Adds `toroid complete <shell>`, with the names of presets, devices, models and files. */
export function addCompletion(program: Command): void {
  const completion = tab(program);
  for (const [name, command] of completion.commands) {
    command.description = program.commands.find((one) => one.name() === name)?.summary() || command.description;
    for (const [flag, option] of command.options) setHandler(option, flag);
    for (const [argument, place] of command.arguments) setHandler(place, argument);
  }
  program.commands
    .find((command) => command.name() === "complete")
    ?.alias("completion")
    .summary("print a completion script: zsh, bash, fish or powershell");
}

function setHandler(place: Option | Argument, name: string): void {
  const list = files.has(name) ? fileChoices : choices[name];
  if (list === undefined) return;
  place.handler = (complete: Complete) => {
    for (const [value, description] of list()) complete(value, description);
  };
}

function topologyChoices(): readonly Choice[] {
  return [...listPresets().map(({ name, summary }): Choice => [name, summary]), ...fileChoices()];
}

function namesOnly(names: readonly string[]): readonly Choice[] {
  return names.map((name) => [name, ""]);
}

/** Files in the folder of the word that is being completed: the last argument. */
function fileChoices(): readonly Choice[] {
  const word = process.argv.at(-1)?.replace(/^--?[\w-]+=/, "") ?? "";
  const folder = word.slice(0, word.lastIndexOf("/") + 1);
  try {
    const entries = readdirSync(folder === "" ? "." : folder, { withFileTypes: true });
    return entries.map((entry) => [`${folder}${entry.name}${entry.isDirectory() ? "/" : ""}`, ""]);
  } catch {
    return [];
  }
}
