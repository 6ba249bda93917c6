import { METHODS } from "../../plan/schedule/schedule.ts";
import {
  defaultState,
  type ExplorerState,
  type LinkEdit,
  SWEEP_AXES,
  type TopologyChoice,
  VIEWS,
} from "./explorer-state.ts";
import { parsePointKey } from "./point-key.ts";
import { deflateText, inflateText } from "./text-deflate.ts";

/** Workload options that are text, and those that are numbers, by their name in the link. */
const textOptions = ["model", "image", "video", "dtype", "mask", "shardOrder", "scope", "guidance"] as const;
const numberOptions = ["tokens", "heads", "headDim", "kvHeads", "batch"] as const;

/** What is not said in a link is as on a first visit; the workload is said whole or not at all. */
export async function encodeState(state: ExplorerState): Promise<string> {
  const params = new URLSearchParams();
  const set = (name: string, value: string | number | null, usual: string | number | null = null) => {
    if (value !== null && value !== usual) params.set(name, String(value));
  };
  const { topology, workload, plan, window } = state;
  set("view", state.view, defaultState.view);
  set("topology", topology.preset);
  if (topology.file !== null) {
    set("file", topology.file.name);
    set("text", await deflateText(topology.file.text));
  }
  set("machines", topology.machines);
  set("device", topology.device);
  set("nvlink", topology.nvlink);
  set("inter", topology.inter);
  for (const { from, to, bytesPerSecond } of topology.links) params.append("link", `${from}>${to}=${bytesPerSecond}`);
  for (const name of [...textOptions, ...numberOptions]) set(name, workload[name] ?? null);
  set("method", plan.method, defaultState.plan.method);
  set("transport", plan.transport, defaultState.plan.transport);
  set("ranks", plan.ranks);
  set("plan", state.chosen);
  for (const key of state.compared) params.append("with", key);
  set("sweep", state.sweep, defaultState.sweep);
  set("window", window === null ? null : `${window.startNs}-${window.endNs}`);
  set("at", state.cursorNs);
  set("op", state.op);
  for (const lane of state.pinned) params.append("pin", lane);
  if (state.folded.length > 0) set("fold", state.folded.join(" "));
  return params.toString();
}

/** A state, and the names of what a link says that could not be understood; those parts are as on a first visit. */
export interface DecodedState {
  readonly state: ExplorerState;
  readonly ignored: readonly string[];
}

export async function decodeState(text: string): Promise<DecodedState> {
  const params = new URLSearchParams(text.replace(/^#/, ""));
  const read = new Reader(params);
  if ([...params.keys()].length === 0) return { state: defaultState, ignored: [] };
  const workload = decodeWorkload(read);
  const state: ExplorerState = {
    view: read.oneOf("view", VIEWS) ?? defaultState.view,
    topology: await decodeTopology(read),
    workload: Object.keys(workload).length === 0 ? defaultState.workload : workload,
    plan: {
      method: read.oneOf("method", ["auto", ...METHODS]) ?? "auto",
      transport: read.oneOf("transport", ["auto", "one-sided", "two-sided"]) ?? "auto",
      ranks: read.number("ranks", 1),
    },
    chosen: read.list("plan", isPoint)[0] ?? null,
    compared: read.list("with", isPoint).slice(0, 6),
    sweep: read.oneOf("sweep", SWEEP_AXES) ?? defaultState.sweep,
    window: decodeWindow(read),
    cursorNs: read.number("at", 0),
    op: read.number("op", 0),
    pinned: read.list("pin", () => true),
    folded: read.words("fold").map(Number),
  };
  return { state, ignored: [...read.ignored] };
}

/** Reads parameters one by one and notes those that make no sense. */
class Reader {
  readonly ignored = new Set<string>();
  readonly #params: URLSearchParams;

  constructor(params: URLSearchParams) {
    this.#params = params;
  }

  text(name: string): string | null {
    return this.#params.get(name);
  }

  oneOf<T extends string>(name: string, choices: readonly T[]): T | null {
    const value = this.text(name);
    const choice = choices.find((candidate) => candidate === value);
    if (value !== null && choice === undefined) this.ignored.add(name);
    return choice ?? null;
  }

  number(name: string, least: number): number | null {
    const value = this.text(name);
    if (value === null) return null;
    const number = Number(value);
    if (value.trim() !== "" && Number.isFinite(number) && number >= least) return number;
    this.ignored.add(name);
    return null;
  }

  list(name: string, isRight: (value: string) => boolean): string[] {
    const values = this.#params.getAll(name);
    const right = values.filter(isRight);
    if (right.length < values.length) this.ignored.add(name);
    return right;
  }

  words(name: string): string[] {
    const words = (this.text(name) ?? "").split(" ").filter((word) => word !== "");
    const right = words.filter((word) => /^\d+$/.test(word));
    if (right.length < words.length) this.ignored.add(name);
    return right;
  }
}

function isPoint(key: string): boolean {
  return parsePointKey(key) !== null;
}

async function decodeTopology(read: Reader): Promise<TopologyChoice> {
  const usual = defaultState.topology;
  const name = read.text("file");
  const packed = read.text("text");
  let file: TopologyChoice["file"] = null;
  if (name !== null && packed !== null) {
    const text = await inflateText(packed);
    if (text === null) read.ignored.add("text");
    else file = { name, text };
  }
  const preset = file === null ? (read.text("topology") ?? usual.preset) : null;
  const isUsual = file === null && preset === usual.preset;
  return {
    preset,
    file,
    machines: read.number("machines", 1) ?? (isUsual ? usual.machines : 1),
    device: read.text("device"),
    nvlink: read.number("nvlink", 0),
    inter: read.number("inter", 0),
    links: read.list("link", (text) => decodeLink(text) !== null).flatMap((text) => decodeLink(text) ?? []),
  };
}

function decodeLink(text: string): LinkEdit | null {
  const match = /^(.+)>(.+)=([\d.e+]+)$/.exec(text);
  const bytesPerSecond = Number(match?.[3]);
  if (match === null || !(bytesPerSecond > 0 && Number.isFinite(bytesPerSecond))) return null;
  return { from: match[1]!, to: match[2]!, bytesPerSecond };
}

function decodeWorkload(read: Reader): ExplorerState["workload"] {
  const workload: Record<string, string | number> = {};
  for (const name of textOptions) {
    const value = read.text(name);
    if (value !== null) workload[name] = value;
  }
  for (const name of numberOptions) {
    const value = read.number(name, 1);
    if (value !== null) workload[name] = value;
  }
  return workload;
}

function decodeWindow(read: Reader): ExplorerState["window"] {
  const text = read.text("window");
  if (text === null) return null;
  const match = /^([\d.e+-]+?)-([\d.e+]+)$/.exec(text);
  const [startNs, endNs] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && startNs >= 0 && endNs > startNs && Number.isFinite(endNs)) return { startNs, endNs };
  read.ignored.add("window");
  return null;
}
