import type { Lane, TimelineSource } from "../timeline-source.ts";

/**
 * Two sources on one axis: below each lane of `first` the lane of `second` with the same id, its id suffixed, its name the suffix; lanes
 * that only `second` has stand at the end of their group. Rows of `first` keep their numbers, those of `second` follow.
 */
export function interleaveSources(first: TimelineSource, second: TimelineSource, suffix: string): TimelineSource {
  // Groups of the second alone stand first: they would be out of sight beneath all machines of the first.
  const groups = [...second.groups.filter((name) => !first.groups.includes(name)), ...first.groups];
  const lanes = placeLanes(first, second, groups, suffix);
  const place = new Map(lanes.map(({ side, index }, at) => [`${side}:${index}`, at]));
  const count = first.numSpans;
  const numSpans = count + second.numSpans;
  const lane = new Uint32Array(numSpans);
  for (let row = 0; row < count; row++) lane[row] = place.get(`0:${first.lane[row]!}`)!;
  for (let row = count; row < numSpans; row++) lane[row] = place.get(`1:${second.lane[row - count]!}`)!;
  const kind = new Uint8Array(numSpans);
  kind.set(first.kind.subarray(0, count));
  for (let row = count; row < numSpans; row++) kind[row] = first.kinds.length + second.kind[row - count]!;
  const own = (span: number) => (span < count ? first : second);
  const rowOf = (span: number) => (span < count ? span : span - count);
  return {
    key: `${first.key}|${second.key}|${suffix}`,
    lanes: lanes.map((each) => each.lane),
    groups,
    numSpans,
    lane,
    startNs: joinFloats(first.startNs, count, second.startNs, numSpans),
    endNs: joinFloats(first.endNs, count, second.endNs, numSpans),
    kind,
    kinds: [...first.kinds, ...second.kinds.map((each) => ({ ...each, name: `${each.name} ${suffix}` }))],
    flags: joinBytes(first.flags, count, second.flags, numSpans),
    op: joinIndices(first.op.subarray(0, count), second.op.subarray(0, numSpans - count), 0),
    arrows: {
      from: joinIndices(first.arrows.from, second.arrows.from, count),
      to: joinIndices(first.arrows.to, second.arrows.to, count),
    },
    describe: (span) => own(span).describe(rowOf(span)),
    label: (span) => own(span).label(rowOf(span)),
    finding: (span) => own(span).finding(rowOf(span)),
  };
}

interface PlacedLane {
  readonly side: 0 | 1;
  readonly index: number;
  readonly lane: Lane;
}

function placeLanes(
  first: TimelineSource,
  second: TimelineSource,
  groups: readonly string[],
  suffix: string,
): PlacedLane[] {
  const groupIndex = new Map(groups.map((name, index) => [name, index]));
  const byId = new Map(second.lanes.map((lane, index) => [lane.id, index]));
  const beside = (index: number, group: number, isTwin: boolean): PlacedLane => {
    const { id, name } = second.lanes[index]!;
    return { side: 1, index, lane: { id: `${id} ${suffix}`, name: isTwin ? `↳ ${suffix}` : name, group } };
  };
  const placed: PlacedLane[] = [];
  for (const [index, lane] of first.lanes.entries()) {
    const group = groupIndex.get(first.groups[lane.group]!)!;
    placed.push({ side: 0, index, lane: { ...lane, group } });
    const twin = byId.get(lane.id);
    if (twin === undefined) continue;
    byId.delete(lane.id);
    placed.push(beside(twin, group, true));
  }
  for (const index of byId.values()) {
    placed.push(beside(index, groupIndex.get(second.groups[second.lanes[index]!.group]!)!, false));
  }
  return placed.sort((one, other) => one.lane.group - other.lane.group);
}

function joinFloats(first: Float64Array, count: number, second: Float64Array, total: number): Float64Array {
  const joined = new Float64Array(total);
  joined.set(first.subarray(0, count));
  joined.set(second.subarray(0, total - count), count);
  return joined;
}

function joinBytes(first: Uint8Array, count: number, second: Uint8Array, total: number): Uint8Array {
  const joined = new Uint8Array(total);
  joined.set(first.subarray(0, count));
  joined.set(second.subarray(0, total - count), count);
  return joined;
}

function joinIndices(first: Uint32Array, second: Uint32Array, offset: number): Uint32Array {
  const joined = new Uint32Array(first.length + second.length);
  joined.set(first);
  for (let index = 0; index < second.length; index++) joined[first.length + index] = second[index]! + offset;
  return joined;
}
