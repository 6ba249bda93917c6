import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TimeWindow } from "../../state/explorer-state.ts";
import type { Theme } from "../../theme/palette.ts";
import {
  layoutTimeline,
  neighborSpan,
  prepareTimeline,
  rowOfSpan,
  searchSpans,
  summarizeArea,
} from "../model/index.ts";
import type { Frame, SummaryRow } from "../model-types.ts";
import type { TimelineSource } from "../timeline-source.ts";
import { AXIS_HEIGHT_PX } from "./axis.ts";
import { savePng, saveSvg } from "./export-picture.ts";
import { Gutter } from "./gutter.tsx";
import { interleaveSources } from "./interleave.ts";
import { commandOf, type TimelineCommand } from "./keys.ts";
import { lanesBetween, nextMatch, stepLane } from "./lane-step.ts";
import { Minimap } from "./minimap.tsx";
import { AreaPanel, HelpPanel, SpanPanel } from "./panels.tsx";
import { listenToPointer } from "./pointer.ts";
import { createStage, type Stage } from "./stage.ts";
import "./timeline.css";
import { Toolbar } from "./toolbar.tsx";
import { panBy, panTo, windowAround, zoomAt } from "./zoom.ts";

export interface TimelineProps {
  readonly source: TimelineSource;
  /** Shown lane by lane below `source`: what was measured. */
  readonly beside?: TimelineSource | null;
  /** Null for all of it. */
  readonly window: TimeWindow | null;
  onWindow(window: TimeWindow | null): void;
  readonly cursorNs: number | null;
  onCursor(ns: number | null): void;
  /** Row of `source`. */
  readonly selected: number | null;
  onSelect(row: number | null): void;
  /** Ids of lanes. */
  readonly pinned: readonly string[];
  onPinned(ids: readonly string[]): void;
  readonly folded: readonly number[];
  onFolded(groups: readonly number[]): void;
  readonly theme: Theme;
  readonly label: string;
  /** Of exported pictures, without ending. */
  readonly fileName: string;
  readonly onPerfetto?: () => void;
  readonly initialHeightPx?: number;
  /** Where the axis of aligned timelines ends, where that is after this one's own end. */
  readonly endNs?: number;
}

const DEFAULT_HEIGHT_PX = 340;

interface SelectedArea {
  readonly window: TimeWindow;
  readonly rows: readonly SummaryRow[];
}

/** Spans of a run in lanes over time. The picture itself is drawn by the stage; here stand the controls around it. */
export function Timeline(props: TimelineProps) {
  const { source, beside = null, folded, pinned, theme } = props;
  const prepared = useMemo(
    () => prepareTimeline(beside ? interleaveSources(source, beside, "measured") : source),
    [source.key, beside?.key],
  );
  const foldedText = folded.join();
  const pinnedText = pinned.join("\n");
  const layout = useMemo(() => layoutTimeline(prepared, { folded, pinned }), [prepared, foldedText, pinnedText]);
  const [search, setSearch] = useState("");
  const matches = useMemo(() => (search.trim() ? searchSpans(prepared, search.trim()) : null), [prepared, search]);
  const [arrows, setArrows] = useState<Frame["arrows"]>("selected");
  const [isCriticalOnly, setCriticalOnly] = useState(false);
  const [isHelpOpen, setHelpOpen] = useState(false);
  const [area, setArea] = useState<SelectedArea | null>(null);
  const [widthPx, setWidthPx] = useState(1);
  const [selected, setSelected] = useState(props.selected ?? -1);
  useEffect(() => setSelected(props.selected ?? -1), [props.selected]);
  const shown = selected < prepared.source.numSpans ? selected : -1;

  const canvas = useRef<HTMLCanvasElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const gutter = useRef<HTMLElement>(null);
  const axis = useRef<SVGSVGElement>(null);
  const cursor = useRef<HTMLDivElement>(null);
  const areaBox = useRef<HTMLDivElement>(null);
  const tooltip = useRef<HTMLDivElement>(null);
  const minimapWindow = useRef<HTMLDivElement>(null);
  const searchBox = useRef<HTMLInputElement>(null);
  const stage = useRef<Stage>(null);

  const select = (span: number): void => {
    setSelected(span);
    if (span < source.numSpans) props.onSelect(span < 0 ? null : span);
  };
  const reveal = (span: number): void => {
    if (span < 0 || !stage.current) return;
    select(span);
    const { startNs, endNs } = prepared.source;
    const row = rowOfSpan({ prepared, layout }, span);
    stage.current.scrollTo(row.y, row.height);
    stage.current.glideTo(panTo(stage.current.window(), stage.current.whole(), startNs[span]!, endNs[span]!));
  };
  const zoomTo = (span: number): void => {
    const { startNs, endNs } = prepared.source;
    if (span >= 0) stage.current?.glideTo(windowAround(startNs[span]!, endNs[span]!, stage.current.whole()));
  };
  const zoom = (factor: number): void => {
    const window = stage.current?.window();
    if (!window) return;
    stage.current?.glideTo(zoomAt(window, stage.current.whole(), (window.startNs + window.endNs) / 2, factor));
  };
  const pan = (share: number): void => {
    const window = stage.current?.window();
    if (!window) return;
    stage.current?.glideTo(panBy(window, stage.current.whole(), share * (window.endNs - window.startNs)));
  };
  const fitAll = () => stage.current?.glideTo(stage.current.whole());
  const clearArea = () => {
    setArea(null);
    stage.current?.setArea(null);
  };
  const selectArea = (window: TimeWindow, fromY: number, toY: number): void => {
    const rows = summarizeArea(prepared, window, lanesBetween(prepared.source, layout, fromY, toY));
    setArea({ window, rows });
  };
  const fold = (group: number) =>
    props.onFolded(folded.includes(group) ? folded.filter((each) => each !== group) : [...folded, group]);
  const pin = (id: string) =>
    props.onPinned(pinned.includes(id) ? pinned.filter((each) => each !== id) : [...pinned, id]);
  const step = (by: 1 | -1) => {
    if (shown >= 0) return reveal(neighborSpan(prepared, shown, by));
    reveal(stepLane(prepared.source, layout, -1, 1, stage.current?.window().startNs ?? 0));
  };
  const moveLane = (by: 1 | -1) => {
    const { startNs, endNs } = prepared.source;
    const window = stage.current?.window() ?? { startNs: 0, endNs: 0 };
    const ns = shown >= 0 ? (startNs[shown]! + endNs[shown]!) / 2 : (window.startNs + window.endNs) / 2;
    reveal(stepLane(prepared.source, layout, shown, by, ns));
  };
  const clear = () => {
    clearArea();
    setHelpOpen(false);
    setSearch("");
    select(-1);
  };
  const commands: Readonly<Record<TimelineCommand, () => void>> = {
    "zoom-in": () => zoom(2 / 3),
    "zoom-out": () => zoom(3 / 2),
    "pan-left": () => pan(-1 / 5),
    "pan-right": () => pan(1 / 5),
    fit: () => (shown >= 0 ? zoomTo(shown) : fitAll()),
    next: () => step(1),
    previous: () => step(-1),
    "lane-up": () => moveLane(-1),
    "lane-down": () => moveLane(1),
    search: () => searchBox.current?.focus(),
    help: () => setHelpOpen(!isHelpOpen),
    clear,
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const command = commandOf(event);
    const target = event.target as HTMLElement;
    const isField = target.matches("input, select");
    if (!command || (isField && command !== "clear")) return;
    if (target === gutter.current && event.key.startsWith("Arrow")) return;
    event.preventDefault();
    commands[command]();
    if (isField) body.current?.focus();
  };
  const exportPicture = (save: typeof saveSvg | typeof savePng): void => {
    const frame = stage.current?.frame();
    if (frame && stage.current) void save(frame, widthPx, stage.current.heightPx(), props.label, props.fileName);
  };

  // What listeners that stay call: always the newest.
  const latest = useRef({ props, select, zoomTo, selectArea, fold, pin });
  latest.current = { props, select, zoomTo, selectArea, fold, pin };

  useEffect(() => {
    const made = createStage(
      {
        canvas: canvas.current!,
        body: body.current!,
        gutter: gutter.current!,
        axis: axis.current!,
        cursor: cursor.current!,
        area: areaBox.current!,
        tooltip: tooltip.current!,
        minimapWindow: minimapWindow.current!,
      },
      {
        onWindow: (window) => latest.current.props.onWindow(window),
        onCursor: (ns) => latest.current.props.onCursor(ns),
        onWidth: setWidthPx,
      },
    );
    stage.current = made;
    const stopListening = listenToPointer(body.current!, gutter.current!, made, {
      onClick: (span) => latest.current.select(span),
      onDoubleClick: (span) => latest.current.zoomTo(span),
      onArea: (window, fromY, toY) => latest.current.selectArea(window, fromY, toY),
    });
    return () => {
      stopListening();
      made.dispose();
    };
  }, []);
  useEffect(() => {
    stage.current?.setInput({ prepared, layout, theme, selected: shown, matches, arrows, isCriticalOnly });
  }, [prepared, layout, theme, shown, matches, arrows, isCriticalOnly]);
  useEffect(() => stage.current?.acceptWindow(props.window), [props.window?.startNs, props.window?.endNs]);
  useEffect(() => stage.current?.acceptCursor(props.cursorNs), [props.cursorNs]);
  useEffect(clearArea, [prepared, layout]);

  // The same node again is not compared again: the cursor moves every frame, the lanes hardly ever.
  const gutterNode = useMemo(
    () => (
      <Gutter
        prepared={prepared}
        layout={layout}
        gutterRef={gutter}
        label={`${props.label}: lanes`}
        onFold={(group) => latest.current.fold(group)}
        onPin={(id) => latest.current.pin(id)}
      />
    ),
    [prepared, layout, props.label],
  );
  const seen = props.window ?? prepared;

  return (
    <section class="timeline-root" aria-label={props.label} onKeyDown={onKeyDown}>
      <Toolbar
        searchRef={searchBox}
        search={search}
        numMatches={matches?.length ?? null}
        arrows={arrows}
        isCriticalOnly={isCriticalOnly}
        isHelpOpen={isHelpOpen}
        onSearch={setSearch}
        onMatch={(by) => matches && reveal(nextMatch(matches, shown, by))}
        onArrows={setArrows}
        onCriticalOnly={setCriticalOnly}
        onFit={fitAll}
        onZoom={zoom}
        onSvg={() => exportPicture(saveSvg)}
        onPng={() => exportPicture(savePng)}
        onPerfetto={props.onPerfetto}
        onHelp={() => setHelpOpen(!isHelpOpen)}
      />
      {isHelpOpen && <HelpPanel onClose={() => setHelpOpen(false)} />}
      <div class="timeline-top">
        <Minimap
          prepared={prepared}
          theme={theme}
          endNs={Math.max(prepared.endNs, props.endNs ?? 0)}
          widthPx={widthPx}
          stage={stage}
          windowRef={minimapWindow}
          middleNs={(seen.startNs + seen.endNs) / 2}
        />
        <svg ref={axis} class="timeline-axis" height={AXIS_HEIGHT_PX} aria-hidden="true" />
      </div>
      <div class="timeline-sheet" style={{ height: `${props.initialHeightPx ?? DEFAULT_HEIGHT_PX}px` }}>
        {gutterNode}
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the picture takes the keys of the timeline. */}
        <div ref={body} class="timeline-body" role="application" aria-label={`${props.label}: spans`} tabIndex={0}>
          <canvas ref={canvas} />
          <div ref={areaBox} class="timeline-area" hidden />
          <div ref={cursor} class="timeline-cursor" hidden />
          <div ref={tooltip} class="timeline-tooltip" hidden />
        </div>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard. */}
      <section class="timeline-panels" aria-label={`${props.label}: selection`} tabIndex={0}>
        {area ? (
          <AreaPanel window={area.window} rows={area.rows} onClose={clearArea} />
        ) : (
          <SpanPanel prepared={prepared} span={shown} />
        )}
      </section>
      <div class="timeline-live" aria-live="polite">
        {shown >= 0 ? spoken(prepared.source, shown) : ""}
      </div>
    </section>
  );
}

/** What the live region says of a span. */
function spoken(source: TimelineSource, span: number): string {
  const lane = source.lanes[source.lane[span]!]?.name ?? "";
  return [lane, source.label(span), source.finding(span)].filter((part) => part !== "").join(", ");
}
