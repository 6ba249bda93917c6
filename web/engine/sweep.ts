import { UsageError } from "../../plan/errors.ts";
import { selectRanks } from "../../plan/topology/machines.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { makeWorkload } from "../../plan/workload/make-workload.ts";
import { type SearchRequest, search } from "../../sim/search/index.ts";
import type { SweepAxis, TopologyChoice } from "../state/explorer-state.ts";
import { findCrossovers } from "./crossovers.ts";
import type { PlanState, Sweep } from "./protocol.ts";
import { requestOf } from "./resolve.ts";
import { numMachines, sweepValues } from "./sweep-values.ts";

/**
 * What is searched at each point, less than for one answer: Torus' path as published, and no more ops a method than keep a
 * sweep of 32 ranks to some seconds. All sub-tiles are, since one count of them alone can be half as long again as another.
 */
const limits = { path: "paper", maxSimulatedOps: 60_000 };

interface Resolve {
  readonly topologyOf: (choice: TopologyChoice) => Topology;
}

/**
 * Makespans of each method's best plan at values of an axis around the present one, and where the best method changes.
 * Each method is searched by itself, since a search of all rules methods out once another is better. `progress` counts searches. Null where a method has no plan: no mesh fits,
 * or no memory. Throws a UsageError where the state has no workload or topology, and where nothing fits anywhere.
 */
export function computeSweep(
  state: PlanState,
  axis: SweepAxis,
  resolve: Resolve,
  progress?: (done: number, total: number) => void,
): Sweep {
  const topology = resolve.topologyOf(state.topology);
  const { methods } = requestOf(state, topology);
  const x = sweepValues(state, axis, topology);
  const total = x.length * methods.length;
  let refusal: UsageError | null = null;
  const rows = x.map((value, i) => {
    progress?.(i * methods.length, total);
    const request = tryTo(() => requestAt(state, axis, value, topology, resolve));
    return methods.map((method, at) => {
      const found = request instanceof UsageError ? request : tryTo(() => bestNs({ ...request, methods: [method] }));
      progress?.(i * methods.length + at + 1, total);
      if (!(found instanceof UsageError)) return found;
      refusal ??= found;
      return null;
    });
  });
  const seen = rows.map((row) => row.some((ns) => ns !== null));
  if (!seen.includes(true)) throw refusal ?? new UsageError("infeasible", "no method fits at any value");
  const [first, end] = [seen.indexOf(true), seen.lastIndexOf(true) + 1];
  const series = methods.map((method, at) => ({
    method,
    makespanNs: rows.slice(first, end).map((row) => row[at]!),
  }));
  const shown = x.slice(first, end);
  return { axis, x: shown, series, crossovers: findCrossovers(shown, series) };
}

function bestNs(request: SearchRequest): number {
  return search({ ...request, ...limits }).prediction.makespanNs;
}

/** The result, or the UsageError that was thrown instead. */
function tryTo<T>(act: () => T): T | UsageError {
  try {
    return act();
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

/** What to search with one value of the state replaced. */
function requestAt(
  state: PlanState,
  axis: SweepAxis,
  value: number,
  present: Topology,
  { topologyOf }: Resolve,
): SearchRequest {
  switch (axis) {
    case "tokens":
      return requestOf({ ...state, workload: withTokens(state.workload, value) }, present);
    case "machines": {
      const { ranks } = state.plan;
      const each = ranks === null ? null : selectRanks(present, ranks).length / numMachines(present);
      const plan = { ...state.plan, ranks: each === null ? null : each * value };
      return requestOf({ ...state, plan }, topologyOf({ ...state.topology, machines: value }));
    }
    case "inter": {
      const links = state.topology.links.filter(({ from, to }) => isInside(present, from, to));
      return requestOf(state, topologyOf({ ...state.topology, inter: value, links }));
    }
  }
}

/** The workload of the same model or shape with a number of tokens: an image or video of that many. */
function withTokens(options: PlanState["workload"], tokens: number): PlanState["workload"] {
  if (makeWorkload(options).tokens === tokens) return options;
  const { image: _image, video: _video, ...rest } = options;
  return { ...rest, tokens };
}

/** Both ends in one machine. Links that leave it have the rate that is swept, whatever was typed for them. */
function isInside({ nodes }: Topology, from: string, to: string): boolean {
  const machineOf = (id: string) => nodes.find((node) => node.id === id)?.machine ?? null;
  return machineOf(from) !== null && machineOf(from) === machineOf(to);
}
