import fc from "fast-check";
import { expect, test } from "vitest";
import { METHODS } from "../../plan/schedule/schedule.ts";
import { defaultState, type ExplorerState, SWEEP_AXES, VIEWS } from "./explorer-state.ts";
import { parsePointKey, pointKey } from "./point-key.ts";
import { decodeState, encodeState } from "./url.ts";

const count = fc.integer({ min: 1, max: 64 });
const points = fc
  .record({
    method: fc.constantFrom(...METHODS),
    transport: fc.constantFrom("one-sided" as const, "two-sided" as const),
    mesh: fc.record({ ulyssesInter: count, ringInter: count, ulyssesIntra: count, ringIntra: count }),
    tiles: count,
    path: fc.constantFrom("", "Q", "QKQK"),
  })
  .map(pointKey);
const name = fc.string({ minLength: 1, maxLength: 12 });
const rate = fc.double({ min: 1, max: 1e12, noNaN: true });
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null });
const file = fc.record({ name, text: fc.string({ maxLength: 400 }) });

const states: fc.Arbitrary<ExplorerState> = fc.record({
  view: fc.constantFrom(...VIEWS),
  topology: fc
    .record({
      preset: name,
      file: maybe(file),
      machines: count,
      device: maybe(name),
      nvlink: maybe(rate),
      inter: maybe(rate),
    })
    .map((topology) => ({
      ...topology,
      preset: topology.file === null ? topology.preset : null,
      links: [{ from: "gpu0", to: "nv→switch 1", bytesPerSecond: 12.5e9 }],
    })),
  workload: fc.constantFrom(
    { model: "flux.1-dev", image: "1024x1024" },
    { tokens: 4096, heads: 8, headDim: 64, dtype: "fp32" },
    { model: "wan2.1-14b", video: "1280x720x81", scope: "layer", guidance: "split", batch: 2 },
  ),
  plan: fc.record({
    method: fc.constantFrom("auto" as const, ...METHODS),
    transport: fc.constantFrom("auto" as const, "one-sided" as const, "two-sided" as const),
    ranks: maybe(count),
  }),
  chosen: maybe(points),
  compared: fc.array(points, { maxLength: 6 }),
  sweep: fc.constantFrom(...SWEEP_AXES),
  window: maybe(
    fc
      .record({ startNs: fc.nat(), length: count })
      .map(({ startNs, length }) => ({ startNs, endNs: startNs + length })),
  ),
  cursorNs: maybe(fc.double({ min: 0, max: 1e12, noNaN: true })),
  op: maybe(fc.nat()),
  pinned: fc.array(name, { maxLength: 3 }),
  folded: fc.array(fc.nat(), { maxLength: 3 }),
});

test("a link reproduces every state", async () => {
  await fc.assert(
    fc.asyncProperty(states, async (state) => {
      expect(await decodeState(`#${await encodeState(state)}`)).toEqual({ state, ignored: [] });
    }),
  );
});

test("any text gives a state", async () => {
  await fc.assert(
    fc.asyncProperty(fc.webQueryParameters(), async (text) => {
      const { state } = await decodeState(text);
      expect(VIEWS).toContain(state.view);
    }),
  );
});

test("what a link says wrong is named and left out", async () => {
  const { state, ignored } = await decodeState(
    "#view=moon&machines=-2&plan=ring&window=5-2&link=a&text=!&file=x&fold=1+x",
  );
  expect([...ignored].sort()).toEqual(["fold", "link", "machines", "plan", "text", "view", "window"]);
  expect(state).toEqual({ ...defaultState, folded: [1] });
});

test("points as text", () => {
  fc.assert(fc.property(points, (key) => void expect(pointKey(parsePointKey(key)!)).toBe(key)));
  for (const wrong of ["", "ring", "ring one-sided 1 1 1 2 1", "ring none 1 1 1 2 1 -", "ring one-sided 0 1 1 2 1 -"]) {
    expect(parsePointKey(wrong)).toBeNull();
  }
});
