import { defaultState } from "../state/explorer-state.ts";
import type { PlanDetail, PlanState, Ranking } from "./protocol.ts";

/**
 * What a first visit sees at once: the default cluster and model, each method as published, ranked, and the best in full.
 * Made by the page's own engine when the page is built (make-first-picture.ts), and shown as such until the browser
 * has worked it out anew.
 */
export interface FirstPicture {
  readonly ranking: Ranking;
  readonly detail: PlanDetail;
}

const { topology, workload, plan } = defaultState;
export const firstPlanState: PlanState = { topology, workload, plan };

/** File beside the page. */
export const FIRST_PICTURE_FILE = "first-picture.json";

const arrays = { Float64Array, Uint32Array, Uint16Array, Uint8Array } as const;

/** Typed arrays as `{"Float64Array": [...]}`. */
export function encodeFirstPicture(picture: FirstPicture): string {
  return JSON.stringify(picture, (_, value: unknown) =>
    ArrayBuffer.isView(value) ? { [value.constructor.name]: Array.from(value as Float64Array) } : value,
  );
}

export function decodeFirstPicture(text: string): FirstPicture {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const [name, ...others] = Object.keys(value);
    if (others.length > 0 || name === undefined || !Object.hasOwn(arrays, name)) return value;
    return arrays[name as keyof typeof arrays].from((value as Record<string, number[]>)[name]!);
  });
}
