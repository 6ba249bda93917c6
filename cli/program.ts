import { Command } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { addCalibrateCommand } from "./commands/calibrate.ts";
import { addCheckCommand } from "./commands/check.ts";
import { addCompareCommand } from "./commands/compare.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addFlowsCommand } from "./commands/flows.ts";
import { addPlanCommand } from "./commands/plan.ts";
import { addRunCommand } from "./commands/run.ts";
import { addServeCommand } from "./commands/serve.ts";
import { addSimulateCommand } from "./commands/simulate.ts";
import { addTopologyCommand } from "./commands/topology.ts";
import { addCompletion } from "./completion.ts";

const examples = `
Examples:
  toroid plan --topology p4de.24xlarge:4 --model flux.1-dev --image 3072x3072 -o plan.toroid
  toroid check plan.toroid
  toroid simulate plan.toroid --topology p4de.24xlarge:4 --trace trace.json
  toroid run --method torus --tokens 4096 --heads 8 --head-dim 64 --ranks 4
  toroid topology list
  toroid serve                                            (the explorer, in a browser)
  source <(toroid complete bash)                          (completion; also zsh and fish)

Exit codes: 0 done, 2 bad input or usage, 3 no feasible plan, 4 findings, 5 a run failed. Every command has --help.`;

/** The whole command line. Errors are thrown, never printed here: `reportError` does that in one form for all. */
export function createProgram(): Command {
  const program = new Command("toroid")
    .description("Plans, proves and predicts sequence-parallel attention for Diffusion Transformers.")
    .version(packageJson.version, "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError()
    .addHelpText("after", examples);
  addTopologyCommand(program);
  addPlanCommand(program);
  addCheckCommand(program);
  addSimulateCommand(program);
  addRunCommand(program);
  addFlowsCommand(program);
  addCompareCommand(program);
  addCalibrateCommand(program);
  addDemoCommand(program);
  addServeCommand(program);
  addCompletion(program);
  return program;
}
