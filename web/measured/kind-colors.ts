import type { OpKind } from "../../plan/schedule/schedule.ts";
import { palette, type Theme } from "../theme/palette.ts";
import type { ColorClass } from "../timeline/timeline-source.ts";

/** Classes as the lanes draw them. */
export const classOfKind: Readonly<Record<OpKind, ColorClass>> = {
  barrier: "barrier",
  attend: "compute",
  merge: "merge",
  finalize: "merge",
  copy: "copy",
  put: "transfer",
  get: "transfer",
  notify: "wait",
  send: "transfer",
  receive: "transfer",
  wait: "wait",
  compute: "compute",
};

/** Fill of an op in charts. Waits are as dark as barriers there: their pale fill would sink into the ground. */
export function fillOfKind(kind: OpKind, theme: Theme): string {
  const colorClass = classOfKind[kind];
  return palette[theme][colorClass === "wait" ? "barrier" : colorClass];
}
