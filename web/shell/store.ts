import { batch, computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { Comparison } from "../../plan/trace/compare.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import type { Trace } from "../../plan/trace/trace.ts";
import { EngineFailure, EngineLane } from "../engine/client.ts";
import type { FirstPicture } from "../engine/first-picture.ts";
import type {
  EngineError,
  ForeignTrace,
  OpenedFile,
  PlanDetail,
  PlanState,
  Ranking,
  Sweep,
} from "../engine/protocol.ts";
import { shownCandidates } from "../results/shown-candidates.ts";
import { defaultState, type ExplorerState, type PointKey } from "../state/explorer-state.ts";

/** Candidates that are simulated again at once when something changes; the whole search follows. */
const QUICK_CANDIDATES = 5;

/** How long the answer to a change must stand before the whole search begins, ms. */
const SEARCH_DELAY_MS = 100;

const createWorker = () => new Worker(new URL("../engine/worker.ts", import.meta.url), { type: "module" });

/**
 * All that the page shows: the state (which the link holds) and what the workers made of it. Views read signals and call
 * functions of here; nothing else changes them.
 */
export class Store {
  readonly state = signal<ExplorerState>(defaultState);
  readonly ranking = signal<Ranking | null>(null);
  readonly rankingError = signal<EngineError | null>(null);
  /** The ranking is of an earlier state, or only of its best candidates. */
  readonly isStale = signal(true);
  /** What is shown was made when the page was built; the browser's own answer is on its way. */
  readonly isPrebuilt = signal(false);
  readonly progress = signal<{ readonly done: number; readonly total: number } | null>(null);
  readonly topology = signal<Topology | null>(null);
  readonly detail = signal<PlanDetail | null>(null);
  readonly detailError = signal<EngineError | null>(null);
  readonly details = signal<ReadonlyMap<PointKey, PlanDetail>>(new Map());
  readonly sweep = signal<Sweep | null>(null);
  readonly isSweeping = signal(false);
  readonly predicted = signal<Trace | null>(null);
  readonly measured = signal<Trace | null>(null);
  readonly foreign = signal<ForeignTrace | null>(null);
  readonly comparison = signal<Comparison | null>(null);
  readonly fileError = signal<EngineError | null>(null);
  /** What a screen reader hears, and what stands in the status line. */
  readonly status = signal("");

  readonly planState: ReadonlySignal<PlanState>;
  /** The candidate that is shown: the chosen one, or the best. */
  readonly shownKey: ReadonlySignal<PointKey | null>;
  /** Candidates beside each other: those chosen, or the best of each method. */
  readonly comparedKeys: ReadonlySignal<readonly PointKey[]>;

  readonly #quick = new EngineLane(createWorker, "finish");
  readonly #search = new EngineLane(createWorker, "stop");
  readonly #detail = new EngineLane(createWorker, "finish");
  readonly #others = new EngineLane(createWorker, "queue");
  readonly #sweeps = new EngineLane(createWorker, "stop");
  readonly #files = new EngineLane(createWorker, "queue");
  /** What the plan that is shown was asked for. */
  #detailState: PlanState | null = null;
  #ranked: Promise<unknown> = Promise.resolve();
  #detailShown: Promise<unknown> = Promise.resolve();
  #prebuiltOf: PlanState | null = null;
  #searchTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const planKey = computed(() => {
      const { topology, workload, plan } = this.state.value;
      return JSON.stringify({ topology, workload, plan });
    });
    this.planState = computed(() => JSON.parse(planKey.value));
    this.shownKey = computed(() => this.state.value.chosen ?? this.ranking.value?.candidates[0]?.key ?? null);
    this.comparedKeys = computed(() => comparedOf(this.state.value, this.ranking.value));
  }

  /** Begins to answer, once; with what is known of the default plan, where that is what is asked for. */
  start(first: FirstPicture | null): void {
    if (first !== null) {
      this.ranking.value = first.ranking;
      this.topology.value = first.ranking.topology;
      this.detail.value = first.detail;
      this.isPrebuilt.value = true;
      this.#prebuiltOf = this.planState.peek();
    }
    const planned = computed(() => (this.state.value.view === "measured" ? null : this.planState.value));
    let last: PlanState | null = null;
    effect(() => {
      // Traces that are looked at have no use for a plan, and the cores have enough to do.
      if (planned.value === null || planned.value === last) return;
      last = planned.value;
      void this.#plan(last);
    });
    const shown = computed(() => JSON.stringify([this.planState.value, this.shownKey.value]));
    let known = first?.detail.key ?? null;
    effect(() => {
      const key = (JSON.parse(shown.value) as [unknown, PointKey | null])[1];
      const isKnown = key === known;
      known = null;
      if (key !== null && !isKnown) void this.#loadDetail(this.planState.peek(), key);
    });
    const methods = computed(() =>
      this.state.value.view === "methods" ? JSON.stringify([this.planState.value, this.comparedKeys.value]) : null,
    );
    effect(() => {
      if (methods.value !== null) void this.#loadDetails(this.planState.peek(), this.comparedKeys.peek());
    });
    const swept = computed(() =>
      this.state.value.view === "methods" ? JSON.stringify([this.planState.value, this.state.value.sweep]) : null,
    );
    effect(() => {
      if (swept.value !== null) void this.#loadSweep(this.planState.peek(), this.state.peek().sweep);
    });
    effect(() => void this.#compare(this.predicted.value, this.measured.value));
  }

  update(patch: Partial<ExplorerState>): void {
    this.state.value = { ...this.state.value, ...patch };
  }

  /** A change of what is planned: what was chosen and looked at belongs to the old plan. */
  updatePlan(patch: Partial<PlanState>): void {
    this.update({ ...patch, window: null, cursorNs: null, op: null });
  }

  /** Reads a file; a topology becomes the cluster, traces go to the page `measured`. */
  async openFiles(files: readonly File[]): Promise<void> {
    for (const file of files) {
      this.status.value = `reading ${file.name}`;
      try {
        const answer = await this.#files.ask({ kind: "open", name: file.name, bytes: await file.arrayBuffer() });
        if (answer !== null) this.#take(file.name, answer.opened);
      } catch (error) {
        batch(() => {
          this.fileError.value = { ...describe(error), path: `${file.name}${at(error)}` };
          this.status.value = `${file.name} could not be read`;
        });
      }
    }
  }

  takeTrace(trace: Trace): void {
    batch(() => {
      this[trace.source].value = trace;
      this.update({ view: "measured", window: null, op: null });
    });
  }

  /** The packed schedule of the plan that is shown. */
  async packedSchedule(key: PointKey): Promise<Uint8Array<ArrayBuffer> | null> {
    const answer = await this.#others.ask({ kind: "schedule", state: this.planState.value, point: key });
    return answer?.bytes ?? null;
  }

  #take(name: string, opened: OpenedFile): void {
    batch(() => {
      this.fileError.value = null;
      this.status.value = `opened ${name}`;
      switch (opened.is) {
        case "topology":
          this.updatePlan({
            topology: {
              preset: null,
              file: { name, text: opened.text },
              machines: 1,
              device: null,
              nvlink: null,
              inter: null,
              links: [],
            },
            plan: { ...this.state.value.plan, ranks: null },
          });
          this.update({ view: "explore", chosen: null, compared: [], folded: [], pinned: [] });
          break;
        case "trace":
          this.takeTrace(opened.trace);
          break;
        case "foreign":
          this.foreign.value = opened.lanes;
          this.update({ view: "measured", window: null, op: null });
          break;
        case "schedule":
          this.fileError.value = {
            code: "format",
            message: `a schedule (${opened.summary}) has no times to show`,
            path: name,
            hint: `Predict it with \`toroid simulate ${name} --topology … --trace trace.json\` and drop the trace here.`,
          };
          break;
      }
    });
  }

  async #plan(state: PlanState): Promise<void> {
    clearTimeout(this.#searchTimer);
    this.#search.cancel();
    this.progress.value = null;
    this.isStale.value = true;
    if (this.isPrebuilt.peek() && state === this.#prebuiltOf) {
      // Where a link chose another plan, that one is asked for in the same turn, after this.
      await Promise.resolve();
      await this.#detailShown;
      await this.#explore(this.#search, state, "full", []);
      for (const lane of [this.#quick, this.#detail]) lane.warm();
      return;
    }
    void this.#loadTopology(state);
    const chosen = this.state.peek().chosen;
    const candidates = shownCandidates(this.ranking.peek()?.candidates ?? [], chosen);
    const points = [...new Set([...(chosen === null ? [] : [chosen]), ...candidates.map(({ key }) => key)])];
    if (candidates.length === 0 && chosen !== null) this.#ranked = this.#rankChosen(state, chosen);
    else {
      const effort = points.length === 0 ? "first" : "quick";
      this.#ranked = this.#explore(this.#quick, state, effort, points.slice(0, QUICK_CANDIDATES));
    }
    await this.#ranked;
    // What is looked at comes first: the search takes a core for seconds.
    await this.#detailShown;
    if (this.planState.peek() !== state) return;
    this.#searchTimer = setTimeout(() => void this.#explore(this.#search, state, "full", []), SEARCH_DELAY_MS);
  }

  /** A link to a plan: it stands alone until the search has ended, and is not simulated twice meanwhile. */
  async #rankChosen(state: PlanState, chosen: PointKey): Promise<void> {
    // The plan itself is asked for in the same turn, after this.
    await Promise.resolve();
    await this.#detailShown;
    const detail = this.detail.peek();
    if (this.planState.peek() !== state || this.ranking.peek() !== null || detail?.key !== chosen) return;
    this.ranking.value = { topology: detail.topology, candidates: [detail.candidate], search: null, wallMs: 0 };
  }

  async #explore(
    lane: EngineLane,
    state: PlanState,
    effort: "first" | "quick" | "full",
    points: PointKey[],
  ): Promise<void> {
    const isCurrent = () => this.planState.peek() === state;
    try {
      const onProgress = (done: number, total: number) => {
        if (effort === "full" && isCurrent()) this.progress.value = { done, total };
      };
      const answer = await lane.ask({ kind: "explore", state, effort, points }, onProgress);
      if (answer === null || !isCurrent()) return;
      // A quick answer that comes after the whole search says less.
      if (effort !== "full" && !this.isStale.peek()) return;
      batch(() => {
        this.ranking.value = effort === "full" ? this.#withChosen(answer.ranking) : answer.ranking;
        this.rankingError.value = null;
        this.isPrebuilt.value = false;
        if (effort !== "full") return;
        this.isStale.value = false;
        this.progress.value = null;
        const chosen = this.state.peek().chosen;
        const isKnown = this.ranking.peek()?.candidates.some(({ key }) => key === chosen) === true;
        if (chosen !== null && !isKnown) this.update({ chosen: null });
      });
    } catch (error) {
      if (!isCurrent() || effort === "quick") return;
      batch(() => {
        this.rankingError.value = describe(error);
        this.ranking.value = null;
        this.detail.value = null;
        this.isStale.value = false;
        this.progress.value = null;
      });
    }
  }

  /** With the plan that was chosen, where a bound ruled it out before it was simulated: whoever chose it wants to see it. */
  #withChosen(ranking: Ranking): Ranking {
    const detail = this.detail.peek();
    const isShown =
      detail !== null && detail.key === this.state.peek().chosen && this.#detailState === this.planState.peek();
    if (!isShown || ranking.candidates.some(({ key }) => key === detail.key)) return ranking;
    const candidates = [...ranking.candidates, detail.candidate].sort((a, b) => a.makespanNs - b.makespanNs);
    return { ...ranking, candidates };
  }

  async #loadTopology(state: PlanState): Promise<void> {
    try {
      const answer = await this.#others.ask({ kind: "topology", topology: state.topology });
      if (answer !== null) this.topology.value = answer.topology;
    } catch {
      // The ranking says what is wrong with it.
      this.topology.value = null;
    }
  }

  async #loadDetail(state: PlanState, point: PointKey): Promise<void> {
    try {
      const asked = this.#detail.ask({ kind: "detail", state, point });
      this.#detailShown = asked.catch(() => null);
      const answer = await asked;
      if (answer === null) return;
      batch(() => {
        this.detail.value = answer.detail;
        this.#detailState = state;
        this.detailError.value = null;
      });
      // The ranking is waited for, the proof is not.
      await this.#ranked;
      if (this.detail.peek() !== answer.detail) return;
      const proof = await this.#detail.ask({ kind: "proof", state, point });
      if (proof !== null && this.detail.peek() === answer.detail) {
        this.detail.value = { ...answer.detail, findings: proof.findings };
      }
    } catch (error) {
      // The plan of a moment ago need not fit what is asked for now; the ranking will name one that does.
      if (!this.isStale.peek()) this.detailError.value = describe(error);
    }
  }

  async #loadDetails(state: PlanState, keys: readonly PointKey[]): Promise<void> {
    for (const key of keys) {
      try {
        const answer = await this.#others.ask({ kind: "detail", state, point: key });
        if (answer === null || this.planState.peek() !== state) return;
        const kept = [...this.details.peek()].filter(([known]) => keys.includes(known));
        this.details.value = new Map([...kept, [key, answer.detail]]);
      } catch {
        // A candidate that no longer fits has no timeline; the table says so.
      }
    }
  }

  async #loadSweep(state: PlanState, axis: Sweep["axis"]): Promise<void> {
    this.isSweeping.value = true;
    try {
      const answer = await this.#sweeps.ask({ kind: "sweep", state, axis });
      if (answer === null) return;
      batch(() => {
        this.sweep.value = answer.sweep;
        this.isSweeping.value = false;
      });
    } catch (error) {
      batch(() => {
        this.sweep.value = null;
        this.isSweeping.value = false;
        this.status.value = describe(error).message;
      });
    }
  }

  async #compare(predicted: Trace | null, measured: Trace | null): Promise<void> {
    this.comparison.value = null;
    if (predicted === null || measured === null) return;
    try {
      const answer = await this.#files.ask({ kind: "compare", predicted, measured });
      if (answer === null) return;
      batch(() => {
        this.comparison.value = answer.comparison;
        this.fileError.value = null;
      });
    } catch (error) {
      this.fileError.value = describe(error);
    }
  }
}

function comparedOf(state: ExplorerState, ranking: Ranking | null): readonly PointKey[] {
  if (state.compared.length > 0) return state.compared;
  const best = new Map<string, PointKey>();
  for (const { method, key } of ranking?.candidates ?? []) if (!best.has(method)) best.set(method, key);
  return [...best.values()];
}

function describe(error: unknown): EngineError {
  if (error instanceof EngineFailure) return error.error;
  return { code: "internal", message: error instanceof Error ? error.message : String(error), path: null, hint: null };
}

function at(error: unknown): string {
  const path = describe(error).path;
  return path === null ? "" : `: ${path}`;
}
