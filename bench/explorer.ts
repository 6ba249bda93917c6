import { planDetail } from "../web/engine/detail.ts";
import { explore } from "../web/engine/explore.ts";
import { defaultState } from "../web/state/explorer-state.ts";
import { median } from "../plan/statistics.ts";

/**
 * What the page's worker does, without the page: the first ranking, the best eight again after a link has changed (the
 * limit is 300 ms with drawing), one plan in full, and the whole search, for the cluster and model of a first visit.
 */
const { topology, workload, plan } = defaultState;
const state = { topology, workload, plan };
const now = () => performance.now();
const quietly = () => {};

const first = explore({ state, effort: "first", points: [] }, now, quietly);
const full = explore({ state, effort: "full", points: [] }, now, quietly);
const points = full.candidates.slice(0, 8).map(({ key }) => key);
const quick: number[] = [];
const details: number[] = [];
for (let round = 0; round < 20; round++) {
  const changed = { ...state, topology: { ...topology, inter: 100 + 10 * round } };
  quick.push(explore({ state: changed, effort: "quick", points }, now, quietly).wallMs);
  const started = now();
  planDetail(changed, points[0]!);
  details.push(now() - started);
}
const rows: readonly (readonly [string, number])[] = [
  ["first ranking, cold", first.wallMs],
  ["whole search", full.wallMs],
  ["best eight again, median of 20", median(quick)],
  ["one plan in full, median of 20", median(details)],
];
for (const [what, ms] of rows) console.log(`${what.padEnd(34)} ${ms.toFixed(0).padStart(6)} ms`);
console.log(`first ranking over whole search: ${(first.wallMs / full.wallMs).toFixed(2)}`);
