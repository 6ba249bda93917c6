export { type Bounds, lowerBounds } from "./bounds.ts";
export { CONSTANTS, type Constant, type ConstantName, type Constants, makeConstants } from "./constants.ts";
export { type Binding, type CriticalPath, limitedBy, type Share } from "./critical-path.ts";
export { compileMachine, type Machine } from "./machine.ts";
export { type Prediction, predictedTrace, type SimulateOptions, simulate } from "./simulate.ts";
export type { RankSummary } from "./summary.ts";
