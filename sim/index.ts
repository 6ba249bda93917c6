export { type Constants, makeConstants } from "./constants.ts";
export { limitedBy } from "./critical-path.ts";
export { compileMachine, type Machine } from "./machine.ts";
export { type Prediction, predictedTrace, simulate } from "./simulate.ts";
export type { RankSummary } from "./summary.ts";
