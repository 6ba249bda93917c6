import { UsageError } from "../plan/errors.ts";
import type { Topology } from "../plan/topology/topology.ts";

/**
 * The topology with the devices of a calibrated one (`--compute`): a rank whose device is named there takes the figures
 * of that name; where the calibrated file knows one device only, all ranks take it.
 */
export function useComputeOf(calibrated: Topology, topology: Topology, file: string): Topology {
  const names = Object.keys(calibrated.devices);
  const [first] = names;
  if (first === undefined) {
    throw new UsageError("topology", "expected at least one device, found none", {
      path: `${file}: devices`,
      hint: "Give a topology file that `toroid calibrate` or a person wrote device figures into.",
    });
  }
  const chosen = (name: string | undefined): string => {
    if (name !== undefined && names.includes(name)) return name;
    if (names.length === 1) return first;
    throw new UsageError("topology", `expected figures of ${name ?? "the ranks' device"}, found ${names.join(", ")}`, {
      path: `${file}: devices`,
      hint: "Say with --device which of them the ranks are.",
    });
  };
  const nodes = topology.nodes.map((node) =>
    node.kind === "gpu" || node.kind === "cpu" ? { ...node, device: chosen(node.device) } : node,
  );
  return { ...topology, nodes, devices: { ...topology.devices, ...calibrated.devices } };
}
