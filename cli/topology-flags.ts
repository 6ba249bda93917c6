import type { Command } from "commander";
import { UsageError } from "../plan/errors.ts";
import { importTopology } from "../plan/formats/importers.ts";
import { applyCorrections, type Corrections } from "../plan/topology/corrections.ts";
import { selectRanks } from "../plan/topology/machines.ts";
import { isPreset, parseTopologyName, presetTopology } from "../plan/topology/presets.ts";
import { repeatMachines } from "../plan/topology/repeat.ts";
import type { Topology } from "../plan/topology/topology.ts";
import { validateTopology } from "../plan/topology/validate.ts";
import { useComputeOf } from "./compute-figures.ts";
import { fileExists, inFile, readFile } from "./files.ts";
import { integerFlag, integersFlag, numberFlag } from "./numbers.ts";

/** What says more about a topology than its preset or file. */
export interface CorrectionFlags {
  readonly device?: string;
  /** GB/s, each direction, of one GPU. */
  readonly nvlink?: number;
  /** Gb/s of one NIC, and of all NICs of a machine. */
  readonly nic?: number;
  readonly inter?: number;
  /** A topology file whose devices replace those of the topology. */
  readonly compute?: string;
}

export interface TopologyFlags extends CorrectionFlags {
  readonly topology?: string;
}

export interface RankFlags {
  readonly ranks?: number;
  readonly order?: readonly number[];
}

/** Adds the flags that say what a dump cannot. */
export function addCorrectionFlags(command: Command): Command {
  return command
    .option("--device <name>", "what the GPUs are, for example A100, where the topology does not say or errs")
    .option("--nvlink <GB/s>", "what a GPU sends over NVLink, each direction", numberFlag("--nvlink"))
    .option("--nic <Gb/s>", "what one NIC carries", numberFlag("--nic"))
    .option("--inter <Gb/s>", "what all NICs of a machine carry together", numberFlag("--inter"))
    .option("--compute <file>", "take compute, launch and local-copy figures from this topology file");
}

/** Adds `--topology` and what goes with it. */
export function addTopologyFlags(command: Command): Command {
  command.option(
    "--topology <topology>",
    "a preset or a file, repeated with :<machines>: p4de.24xlarge:4, cluster.json, an `nvidia-smi topo -m` dump",
  );
  return addCorrectionFlags(command);
}

/** Adds `--ranks` and `--order`. */
export function addRankFlags(command: Command): Command {
  return command
    .option("--ranks <n>", "use n ranks, as many of every machine, the first by id", integerFlag("--ranks", 1))
    .option("--order <list>", "use these ranks of the topology, in this order: 0,1,4,5", integersFlag("--order"));
}

/** The topology that the flags ask for, corrected and validated. */
export function topologyOf(flags: TopologyFlags): Topology {
  if (flags.topology === undefined) {
    throw new UsageError("usage", "no topology given", {
      path: "--topology",
      hint: "Add --topology with a preset (`toroid topology list`) or a file.",
    });
  }
  return resolveTopology(flags.topology, flags);
}

/** The topology of a name or file as it stands on the command line, corrected and validated. */
export function resolveTopology(text: string, flags: CorrectionFlags): Topology {
  const topology = withCorrections(loadTopology(text, flags), flags);
  inFile(text, () => validateTopology(topology));
  return topology;
}

/** A topology that is already in memory, corrected. */
export function withCorrections(topology: Topology, flags: CorrectionFlags): Topology {
  const corrected = applyCorrections(topology, correctionsOf(flags));
  if (flags.compute === undefined) return corrected;
  return useComputeOf(loadTopology(flags.compute, {}), corrected, flags.compute);
}

function correctionsOf({ device, nvlink, nic, inter }: CorrectionFlags): Corrections {
  return {
    ...(device === undefined ? {} : { device }),
    ...(nvlink === undefined ? {} : { nvlinkBytesPerSecond: nvlink * 1e9 }),
    ...(nic === undefined ? {} : { nicBitsPerSecond: nic * 1e9 }),
    ...(inter === undefined ? {} : { interBitsPerSecond: inter * 1e9 }),
  };
}

/** A file goes before `<name>:<machines>` where it is called just so. */
function loadTopology(text: string, flags: CorrectionFlags): Topology {
  if (fileExists(text)) return importFile(text, flags);
  const { name, machines } = parseTopologyName(text);
  if (isPreset(name)) return presetTopology(text);
  if (fileExists(name)) return inFile(name, () => repeatMachines(importFile(name, flags), machines ?? 1));
  if (looksLikeFile(name)) readFile(name);
  return presetTopology(text);
}

function importFile(path: string, { device }: CorrectionFlags): Topology {
  const bytes = readFile(path);
  return inFile(path, () => importTopology(bytes, { fileName: path, ...(device === undefined ? {} : { device }) }));
}

/** Not a preset that was mistyped: those have neither folders nor the ending of a file that people keep. */
function looksLikeFile(name: string): boolean {
  return /[\\/]|\.(?:json|ya?ml|txt|xml|log)$/i.test(name);
}

/** The topology's ranks that take part, in the order of the schedule's ranks before groups are formed. */
export function ranksOf(topology: Topology, { ranks, order }: RankFlags): readonly number[] {
  return Array.from(selectRanks(topology, order ?? ranks ?? null));
}
