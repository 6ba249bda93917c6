import { fitLine, type LineFit, percentile, type Sample } from "./fit-line.ts";
import {
  createLinkKinds,
  type Flow,
  type Hops,
  hopPath,
  kindLoads,
  type LinkFigures,
  type LinkKind,
  type LinkKinds,
  linkLoads,
  nsPerSecond,
  poolLatencies,
  poolRates,
  replaceFigures,
} from "./link-kinds.ts";
import { compileNetwork } from "./network.ts";
import { createRoutes } from "./routes.ts";
import type { Topology, TopologyLink } from "./topology.ts";

/** Times of one operation by its size, and what it does to links. Ranks are those of the topology. */
export interface Measurement {
  readonly name: string;
  readonly samples: readonly Sample[];
  /** What moves at once. */
  readonly flows: readonly Flow[];
  /**
   * What moves at least, where the operation may be cleverer than `flows` say: taken where with `flows` a link would
   * exceed its figure; it then only says what links reach at least. Null where `flows` is certain.
   */
  readonly leastFlows: readonly Flow[] | null;
  readonly hops: readonly Hops[];
  /** What a call of no bytes takes beside its hops. */
  readonly overheadNs: number;
}

/** 10th and 90th percentile of what each row alone gives. */
export interface Spread {
  readonly low: number;
  readonly high: number;
}

/** A link that the measurements say something about: its figures are those after the fit. */
export interface FittedLink extends TopologyLink {
  /** Kinds of nodes that it joins, and where: links of one kind with equal figures are fitted together. */
  readonly kind: string;
  /** Whether its rate was measured as the bottleneck, only seen to be at least so much, or not seen at all. */
  readonly evidence: "measured" | "at least" | "latency only";
  /** Whether ranks of a measurement send over it, or links of its kind only. */
  readonly crossed: boolean;
  readonly before: LinkFigures;
  /** Null for a figure that did not come from rows. */
  readonly spread: { readonly bytesPerSecond: Spread | null; readonly latencyNs: Spread | null };
  /** Rows that each figure comes from. */
  readonly rows: { readonly bytesPerSecond: number; readonly latencyNs: number };
}

/** One sample against what the fitted topology gives; `error` is (fitted − measured) / measured. */
export interface Residual {
  /** Index of the measurement. */
  readonly run: number;
  readonly bytes: number;
  readonly measuredNs: number;
  readonly fittedNs: number;
  readonly error: number;
}

export interface FittedLinks {
  readonly topology: Topology;
  readonly links: readonly FittedLink[];
  readonly residuals: readonly Residual[];
  /** Sentences: what a measurement could not tell. */
  readonly notes: readonly string[];
}

/** A measurement is explained by links that are known where they account for this share of its time. */
const explainedShare = 0.9;
/** Inside a machine the bottleneck of what crosses machines is sought only where its links are slower by this factor. */
const insideFactor = 1.5;
/** With `flows` a link exceeds its figure where it would be faster by this factor. */
const excessFactor = 1.1;
/** Measurements of one kind of link are said to disagree where one is faster than another by this factor. */
const disagreementFactor = 1.25;
/** Links slower than seen by more than this share of their rate are raised. */
const raiseShare = 0.01;

/**
 * The topology with the rates and latencies that measurements give its links.
 *
 * A measurement's time is `overhead + Σ count · latency of the path` over its hops, plus size times the most that any link
 * has to carry over that link's rate: no contention but on that bottleneck. Links of equal kind, place and figures have
 * one figure after the fit too. The bottleneck is taken to be the slowest kind by the figures before; of measurements that
 * cross machines one that only their paths between machines use, unless what is known from measurements inside
 * machines explains the time. Its rate comes from the large sizes, its latency from the small ones (`fitLine`), less
 * that of the other links on the path; several measurements of one kind are averaged, by weight of their standard
 * errors. Links that had to be faster than their figure are raised to what was seen. All others stay.
 */
export function fitLinks(topology: Topology, measurements: readonly Measurement[]): FittedLinks {
  const state: State = { ...createLinkKinds(topology), notes: [] };
  const observations = measurements.map((measurement) => observe(measurement, state));
  const usable = observations.filter((one) => one !== null);
  const [inside, between] = [usable.filter((one) => !one.crosses), usable.filter((one) => one.crosses)];
  for (const one of inside) assign(one, slowestKind(one, state, one.kinds), state);
  poolRates(state);
  for (const one of between) assign(one, betweenKind(one, state), state);
  poolRates(state);
  for (const one of usable) raiseKinds(one, state);
  for (const kind of state.kinds) noteDisagreement(kind, state.notes);
  for (const one of inside) addLatency(one, state);
  poolLatencies(state);
  for (const one of between) addLatency(one, state);
  poolLatencies(state);
  const fitted = replaceFigures(topology, state);
  return {
    topology: fitted,
    links: listLinks(fitted, topology, state),
    residuals: residualsOf(measurements, observations, fitted),
    notes: state.notes,
  };
}

interface State extends LinkKinds {
  readonly notes: string[];
}

/** What a measurement says, before it is known about which link. */
interface Observation {
  readonly measurement: Measurement;
  readonly line: LineFit;
  /** By kind that flows cross: the most that one of its links carries, over the size. */
  readonly loads: ReadonlyMap<number, number>;
  readonly leastLoads: ReadonlyMap<number, number> | null;
  readonly kinds: readonly number[];
  /** Kinds that lie on paths between machines only. */
  readonly betweenKinds: readonly number[];
  readonly crosses: boolean;
  /** The kind that is taken as the bottleneck; its latency is sought even where its rate is not told. */
  bottleneck: number;
  isBound: boolean;
}

function observe(measurement: Measurement, state: State): Observation | null {
  const line = fitLine(measurement.samples);
  const { flows, leastFlows, name } = measurement;
  if (line === null) return null;
  if (line.nsPerByte === null) state.notes.push(`${name}: sizes are too small to tell a rate.`);
  const { rankMachines } = state.network;
  const isBetween = ({ source, target }: Flow) => rankMachines[source] !== rankMachines[target];
  const [far, near] = [flows.filter(isBetween), flows.filter((flow) => !isBetween(flow))];
  const loads = kindLoads(flows, state, true);
  const nearKinds = new Set(kindLoads(near, state, false).keys());
  return {
    measurement,
    line,
    loads,
    leastLoads: leastFlows === null ? null : kindLoads(leastFlows, state, false),
    kinds: [...loads.keys()],
    betweenKinds: [...loads.keys()].filter((kind) => !nearKinds.has(kind)),
    crosses: far.length > 0,
    bottleneck: 0,
    isBound: false,
  };
}

/** Time for each byte of the size that a kind's links need, in ns. */
function needOf(loads: ReadonlyMap<number, number>, kind: number, rate: number): number {
  return (nsPerSecond * (loads.get(kind) ?? 0)) / rate;
}

function slowestKind({ loads }: Observation, { kinds }: State, among: readonly number[]): number {
  const need = (kind: number) => needOf(loads, kind, kinds[kind]!.before.bytesPerSecond);
  return among.reduce((slowest, kind) => (need(kind) > need(slowest) ? kind : slowest), among[0]!);
}

/** The kind that holds up what crosses machines. */
function betweenKind(one: Observation, state: State): number {
  const { loads, line, betweenKinds } = one;
  const need = (kind: number) => needOf(loads, kind, state.kinds[kind]!.rate);
  const known = one.kinds.filter((kind) => state.kinds[kind]!.isMeasured);
  const unknown = betweenKinds.filter((kind) => !known.includes(kind));
  if (unknown.length === 0) return slowestKind(one, state, known.length > 0 ? known : one.kinds);
  const slowest = slowestKind(one, state, unknown);
  const { nsPerByte } = line;
  const explains = nsPerByte !== null && known.some((kind) => need(kind) >= explainedShare * nsPerByte);
  if (explains) {
    one.isBound = true;
    return slowest;
  }
  const others = one.kinds.filter((kind) => !known.includes(kind));
  const rival = slowestKind(one, state, others);
  return need(rival) > insideFactor * need(slowest) ? rival : slowest;
}

/** Takes a kind for the bottleneck, and what its rate would be. */
function assign(one: Observation, kind: number, state: State): void {
  one.bottleneck = kind;
  const found = state.kinds[kind]!;
  const { line, loads, leastLoads, measurement } = one;
  if (line.nsPerByte === null) return;
  const rate = (nsPerSecond * loads.get(kind)!) / line.nsPerByte;
  if (leastLoads !== null && rate > excessFactor * found.before.bytesPerSecond) one.isBound = true;
  if (one.isBound) {
    state.notes.push(boundNote(one, found, rate));
    return;
  }
  found.rates.push({ rate, relativeError: line.relativeError });
  for (const row of line.rates) found.rowRates.push((nsPerSecond * loads.get(kind)!) / row);
  if (line.rates.length < 4) {
    state.notes.push(`${measurement.name}: only ${line.rates.length} times are of sizes large enough to tell a rate.`);
  }
}

function boundNote({ measurement, leastLoads }: Observation, { name, before }: LinkKind, rate: number): string {
  const reason =
    leastLoads === null
      ? "links inside machines account for the time"
      : `as rings it would need ${gigabytes(rate)} of links of ${gigabytes(before.bytesPerSecond)}, so the switch reduces`;
  return `${measurement.name}: ${reason}; it says only what ${name} links reach at least.`;
}

function gigabytes(bytesPerSecond: number): string {
  return `${Number((bytesPerSecond / nsPerSecond).toPrecision(3))} GB/s`;
}

function noteDisagreement({ name, rates }: LinkKind, notes: string[]): void {
  const found = rates.map(({ rate }) => rate).sort((a, b) => a - b);
  const [least, most] = [found[0] ?? 1, found.at(-1) ?? 1];
  if (most <= disagreementFactor * least) return;
  notes.push(
    `The logs disagree on ${name} links: from ${gigabytes(least)} to ${gigabytes(most)}; their mean is taken.`,
  );
}

/** Links that carried more than their figure allows are at least so fast. */
function raiseKinds(one: Observation, { kinds }: State): void {
  const { nsPerByte } = one.line;
  if (nsPerByte === null) return;
  const loads = one.isBound ? (one.leastLoads ?? one.loads) : one.loads;
  for (const [index, load] of loads) {
    const kind = kinds[index]!;
    const seen = (nsPerSecond * load) / nsPerByte;
    if (kind.isMeasured) continue;
    if (index === one.bottleneck || seen > (1 + raiseShare) * kind.before.bytesPerSecond) {
      kind.seen = Math.max(kind.seen, seen);
      kind.rate = Math.max(kind.rate, seen);
    }
  }
}

function addLatency(one: Observation, state: State): void {
  const { line, measurement, bottleneck } = one;
  if (line.latencyNs === null) return;
  const kind = state.kinds[bottleneck]!;
  let [others, count] = [measurement.overheadNs, 0];
  for (const hop of measurement.hops) {
    for (const link of hopPath(hop, state)) {
      if (state.kindOf[link] === bottleneck) count += hop.count;
      else others += hop.count * state.kinds[state.kindOf[link]!]!.latencyNs;
    }
  }
  if (count === 0) return;
  const latencyNs = (line.latencyNs - others) / count;
  if (latencyNs <= 0) {
    const times = `${microseconds(line.latencyNs)} is less than the ${microseconds(others)} of all else`;
    state.notes.push(`${measurement.name}: the latency of ${kind.name} links stays: a small message's ${times}.`);
    return;
  }
  kind.latencies.push(latencyNs);
  for (const latency of line.latencies) kind.rowLatencies.push(Math.max(0, latency - others) / count);
}

function microseconds(ns: number): string {
  return `${Number((ns / 1000).toPrecision(3))} µs`;
}

function listLinks(fitted: Topology, before: Topology, state: State): readonly FittedLink[] {
  const listed: FittedLink[] = [];
  let next = 0;
  for (const [index, link] of fitted.links.entries()) {
    const kind = state.kinds[state.kindOf[next]!]!;
    next += link.duplex === "full" ? 2 : 1;
    if (!kind.isMeasured && kind.seen === 0 && kind.latencies.length === 0) continue;
    const { bytesPerSecond, latencyNs } = before.links[index]!;
    listed.push({
      ...link,
      kind: kind.name,
      evidence: kind.isMeasured ? "measured" : kind.seen > 0 ? "at least" : "latency only",
      crossed: state.crossed.has(index),
      before: { bytesPerSecond, latencyNs },
      spread: { bytesPerSecond: spreadOf(kind.rowRates), latencyNs: spreadOf(kind.rowLatencies) },
      rows: { bytesPerSecond: kind.rowRates.length, latencyNs: kind.rowLatencies.length },
    });
  }
  return listed;
}

function spreadOf(values: readonly number[]): Spread | null {
  return values.length === 0 ? null : { low: percentile(values, 0.1), high: percentile(values, 0.9) };
}

/** Every sample against the fitted topology; flows that proved wrong are replaced by the least. */
function residualsOf(
  measurements: readonly Measurement[],
  observations: readonly (Observation | null)[],
  fitted: Topology,
): readonly Residual[] {
  const network = compileNetwork(fitted);
  const graph = { network, routes: createRoutes(network) };
  return measurements.flatMap((measurement, run) => {
    const { samples, flows, leastFlows, hops, overheadNs } = measurement;
    const isLeast = observations[run]?.isBound === true && leastFlows !== null;
    const loads = linkLoads(isLeast ? leastFlows : flows, graph);
    const needs = loads.map((load, link) => (nsPerSecond * load) / network.capacity[link]!);
    const nsPerByte = needs.reduce((most, need) => Math.max(most, need), 0);
    const startNs = hops.reduce((sum, hop) => sum + hop.count * pathLatency(hop, graph), overheadNs);
    return samples.map(({ bytes, ns }) => {
      const fittedNs = startNs + bytes * nsPerByte;
      return { run, bytes, measuredNs: ns, fittedNs, error: (fittedNs - ns) / ns };
    });
  });
}

function pathLatency(hop: Hops, graph: Pick<LinkKinds, "network" | "routes">): number {
  return hopPath(hop, graph).reduce((sum, link) => sum + graph.network.latencyNs[link]!, 0);
}
