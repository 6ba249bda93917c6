import type { Command } from "commander";
import { UsageError } from "../../plan/errors.ts";
import { decodeText } from "../../plan/formats/decode-text.ts";
import { fitNcclTests, type NcclFit } from "../../plan/formats/nccl-fit.ts";
import { parseNcclTests } from "../../plan/formats/nccl-tests.ts";
import { exportTopologyJson } from "../../plan/formats/topology-file.ts";
import { validateTopology } from "../../plan/topology/validate.ts";
import { BACKENDS } from "../../runtime/job.ts";
import { calibrateHost } from "../calibrate-host.ts";
import { formatFit } from "../describe-fit.ts";
import { inFile, readInput, requireWritable, writeWhole } from "../files.ts";
import { integerFlag } from "../numbers.ts";
import { note, print, printJson } from "../output.ts";
import { addLaunchFlags, backendOf, defaultRanks, type LaunchFlags, launchOf } from "../run-flags.ts";
import { addTopologyFlags, type TopologyFlags, topologyOf } from "../topology-flags.ts";

interface Flags extends TopologyFlags, LaunchFlags {
  readonly ncclTests?: readonly string[];
  readonly backend?: string;
  readonly ranks?: number;
  readonly output?: string;
  readonly json?: boolean;
}

/** Ranks that are measured at once, at most: all of a machine of the topology. */
const maxRanks = 16;

const examples = `
Without --nccl-tests this machine is measured; with --backend openshmem the hosts given, and the links between them, by
ranks that are processes (default: here). With --nccl-tests, links of --topology whose kind the logs found to be the
bottleneck take the figures of the logs: rates from large sizes, latencies from small ones. All other links stay.

Examples:
  toroid calibrate --backend threads -o this-machine.json
  toroid calibrate --backend openshmem --hosts h0:2,h1:2 -o hosts.json
  toroid calibrate --nccl-tests all_reduce.txt --topology dgx-a100 -o cluster.json
  toroid calibrate --nccl-tests one-node.txt two-nodes.txt --topology p4de.24xlarge:2 -o cluster.json
  mpirun -np 16 alltoall_perf -b 8 -e 8G -f 2 | toroid calibrate --nccl-tests - --topology dgx-h100:2 --json`;

/** Adds `toroid calibrate`. */
export function addCalibrateCommand(program: Command): void {
  const command = program
    .command("calibrate")
    .summary("measure this machine, or fit links to nccl-tests logs")
    .description("Writes a topology with measured figures and their spread: of this machine, or of logs of nccl-tests.")
    .option("--nccl-tests <file...>", "logs of all_reduce_perf, alltoall_perf and the like, text or -J; - reads one");
  addTopologyFlags(command)
    .option("--backend <name>", `what to measure with: ${BACKENDS.join(", ")}`)
    .option("--ranks <n>", "measure with up to n ranks at once", integerFlag("--ranks", 1));
  addLaunchFlags(command)
    .option("-o, --output <file>", "write a topology file")
    .option("--json", "print one JSON document")
    .addHelpText("after", examples)
    .action(async (flags: Flags) => {
      requireWritable(flags.output);
      if (flags.ncclTests === undefined) await calibrateHost(hostCalibration(flags));
      else await calibrateLinks(flags.ncclTests, flags);
    });
}

function hostCalibration(flags: Flags): Parameters<typeof calibrateHost>[0] {
  const { output, json } = flags;
  const unused = (["topology", "device", "nvlink", "nic", "inter", "compute"] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (unused !== undefined) {
    throw new UsageError("usage", "expected --nccl-tests beside this flag: this machine is measured without it", {
      path: `--${unused}`,
      hint: "Add --nccl-tests with logs, or leave the flag out.",
    });
  }
  const backend = backendOf({ backend: flags.backend ?? "threads" });
  const launch = launchOf(backend, flags);
  const ranks = flags.ranks ?? (backend === "threads" ? maxRanks : Math.min(maxRanks, defaultRanks(launch)));
  return { backend, launch, ranks: Math.max(2, ranks), output, json: json === true };
}

async function calibrateLinks(files: readonly string[], flags: Flags): Promise<void> {
  const flag = files.find((file) => /^--?[a-z]/.test(file));
  if (flag !== undefined) {
    throw new UsageError("usage", `expected files after this flag, got ${flag}`, { path: "--nccl-tests" });
  }
  for (const name of ["backend", "ranks", "hosts", "hostfile"] as const) {
    if (flags[name] === undefined) continue;
    throw new UsageError("usage", "expected no such flag beside --nccl-tests: logs are read, nothing is measured", {
      path: `--${name}`,
      hint: "Leave one of both out.",
    });
  }
  const topology = topologyOf(flags);
  const runs = [];
  for (const file of files) {
    const bytes = await readInput(file);
    runs.push(...inFile(file, () => parseNcclTests(decodeText(bytes), file)));
  }
  const fit = fitNcclTests(topology, runs);
  validateTopology(fit.topology);
  if (flags.output !== undefined) writeWhole(flags.output, [exportTopologyJson(fit.topology)]);
  if (flags.json === true) printJson(fitDocument(fit));
  else print(formatFit(fit));
  note(flags.output === undefined ? "nothing written: add -o FILE" : `wrote ${flags.output}`);
}

function fitDocument({ topology, links, residuals, runs, assumed }: NcclFit): unknown {
  return { name: topology.name, links, compute: [], residuals, runs, assumed };
}
