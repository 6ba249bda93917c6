/**
 * How much a randomized campaign does, and from which seed.
 *
 * `npm run test:long` does all of it, `npm test` a seeded tenth, and the extra Node versions of `.ci/run` a hundredth.
 */
const isLong = process.env["TOROID_LONG"] === "1";
const isQuick = process.env["TOROID_QUICK"] === "1";

const divisor = isLong ? 1 : isQuick ? 100 : 10;

/**
 * The seed of every campaign: fixed, so that a run can be repeated; `TOROID_SEED` sets another one.
 * Pass it to fast-check as `{ seed, numRuns: campaign(full) }`.
 */
export const seed = readSeed(process.env["TOROID_SEED"]);

/** The number of cases to run of a campaign of `full` cases: all, a tenth or a hundredth, at least one. */
export function campaign(full: number): number {
  return Math.max(1, Math.ceil(full / divisor));
}

/** Whether this is `npm run test:long`: for tests whose size, not count, makes them long (`test.runIf(longRun)`). */
export const longRun = isLong;

/** Whether this is one of the extra Node versions: what is the same on every one may be left out. */
export const quickRun = isQuick;

function readSeed(text: string | undefined): number {
  if (text === undefined) return 20260127;
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`TOROID_SEED: expected an integer, got ${JSON.stringify(text)}`);
  return value;
}
