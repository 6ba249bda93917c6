import { planDetail, planFindings } from "./detail.ts";
import { explore } from "./explore.ts";
import { encodeFirstPicture, firstPlanState } from "./first-picture.ts";

/** What the page shows on a first visit before its own worker has an answer. Called by scripts/build.mjs. */
export function makeFirstPicture(): string {
  const now = () => performance.now();
  const ranking = explore({ state: firstPlanState, effort: "first", points: [] }, now, () => {});
  const { key } = ranking.candidates[0]!;
  const detail = { ...planDetail(firstPlanState, key), findings: planFindings(firstPlanState, key) };
  return encodeFirstPicture({ ranking, detail });
}
