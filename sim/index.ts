export { type Constants, makeConstants } from "./constants.ts";
export { limitedBy } from "./critical-path.ts";
export { compileMachine } from "./machine.ts";
export { type Prediction, predictedTrace, simulate } from "./simulate.ts";
export type { RankSummary } from "./summary.ts";
