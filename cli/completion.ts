import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";
import { METHODS } from "../plan/schedule/schedule.ts";
import { listDevices } from "../plan/topology/devices.ts";
import { listPresets } from "../plan/topology/presets.ts";
import { models } from "../plan/workload/models.ts";

type Choice = readonly [value: string, description: string];

/** Values that flags take, by flag name without dashes. */
const choices: Readonly<Record<string, () => readonly Choice[]>> = {
  topology: presetChoices,
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

/** Adds `toroid complete <shell>`, with the names of presets, devices and models. */
export function addCompletion(program: Command): void {
  const completion = tab(program);
  for (const command of completion.commands.values()) {
    for (const [flag, list] of Object.entries(choices)) {
      const option = command.options.get(flag);
      if (option !== undefined) option.handler = offer(list);
    }
    const argument = command.arguments.get("topology");
    if (argument !== undefined) argument.handler = offer(presetChoices);
  }
}

function presetChoices(): readonly Choice[] {
  return listPresets().map(({ name, summary }) => [name, summary]);
}

function namesOnly(names: readonly string[]): readonly Choice[] {
  return names.map((name) => [name, ""]);
}

function offer(list: () => readonly Choice[]) {
  return (complete: (value: string, description: string) => void): void => {
    for (const [value, description] of list()) complete(value, description);
  };
}
