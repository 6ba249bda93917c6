export { busyShares } from "./density.ts";
export { layoutTimeline } from "./layout.ts";
export { prepareTimeline } from "./prepare.ts";
export { neighborSpan, rowOfSpan, searchSpans, spanAt, summarizeArea } from "./query.ts";
export { createTimelineRenderer } from "./renderer.ts";
export { frameSvg } from "./svg.ts";
