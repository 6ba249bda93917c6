import { useMemo, useRef, useState } from "preact/hooks";
import { maxMachines } from "../../plan/topology/repeat.ts";
import type { Topology } from "../../plan/topology/topology.ts";
import { formatCount, formatNs } from "../../plan/units.ts";
import type { PlanDetail } from "../engine/protocol.ts";
import type { Theme } from "../theme/palette.ts";
import { Drawing } from "./drawing.tsx";
import { machineNumbers } from "./fold.ts";
import { scheduleRanks } from "./flows.ts";
import { layoutTopology } from "./layout.ts";
import { Legend } from "./legend.tsx";
import { LinkPanel } from "./link-panel.tsx";
import { LinkTable } from "./link-table.tsx";
import { linkName, modelLinks } from "./links.ts";
import { MachinesField } from "./machines-field.tsx";
import { mapUse, shownBytes, shownUse } from "./shown-use.ts";
import { useLinkEdit } from "./use-link-edit.ts";
import { useSize } from "./use-size.ts";
import { useZoom } from "./use-zoom.ts";
import { indexUse } from "./utilization.ts";
import "./topology.css";

export interface TopologyViewProps {
  readonly topology: Topology;
  /** The plan whose use of the links is shown; may be of the topology as it was a moment ago. */
  readonly detail: PlanDetail | null;
  readonly cursorNs: number | null;
  readonly theme: Theme;
  /** `from→to`. */
  readonly selectedLink: string | null;
  onSelectLink(name: string | null): void;
  /** Ends as in `Topology.links`; sent while one drags. */
  onLinkRate(from: string, to: string, bytesPerSecond: number): void;
  onMachines(count: number): void;
  readonly machines: number;
}

/** The cluster as a drawing: links by kind, capacity and use at the cursor's time; a link's flows; its bandwidth to change. */
export function TopologyView(props: TopologyViewProps) {
  if (props.topology.nodes.length > 0) return <Shown {...props} />;
  return <p class="topology-hint">This topology has no node: choose a preset or drop another file.</p>;
}

function Shown(props: TopologyViewProps) {
  const { topology, detail, cursorNs, theme, selectedLink, onSelectLink, onLinkRate, onMachines, machines } = props;
  const [asked, setAsked] = useState<ReadonlySet<number>>(new Set());
  const svg = useRef<SVGSVGElement>(null);
  const sheet = useRef<SVGGElement>(null);
  const size = useSize(svg);
  const words = useMemo(() => summary(topology), [topology]);

  const model = useMemo(() => modelLinks(topology), [topology]);
  const selected = selectedLink === null ? null : (model.indices.get(selectedLink) ?? null);
  const link = selected === null ? null : model.links[selected]!;
  const opened = useMemo(() => withMachinesOf(topology, asked, link), [topology, asked, link?.name]);
  const layout = useMemo(() => layoutTopology(topology, model, opened), [topology, model, opened]);
  const index = useMemo(() => (detail === null ? null : indexUse(detail)), [detail]);
  const map = useMemo(() => (detail === null ? null : mapUse(detail, model)), [detail, model]);
  const bytes = useMemo(() => (detail === null || map === null ? null : shownBytes(detail, map)), [detail, map]);
  const use = useMemo(
    () => (detail === null || index === null || map === null ? null : shownUse(detail, index, map, cursorNs)),
    [detail, index, map, cursorNs],
  );
  const none = useMemo(() => new Float64Array(model.links.length), [model]);
  const ranks = useMemo(() => shownRanks(detail, topology), [detail, topology]);
  const edit = useLinkEdit(link, detail?.makespanNs ?? null, onLinkRate);
  const { zoomBy, showAll } = useZoom(svg, sheet, { ...size, drawnWidth: layout.width, drawnHeight: layout.height });
  const onZoom = (step: -1 | 0 | 1) => (step === 0 ? showAll() : zoomBy(step > 0 ? 1.4 : 1 / 1.4));
  const useName = cursorNs === null ? "Mean use over the pass" : `Use at ${formatNs(cursorNs)}`;

  return (
    <div class="topology">
      <div class="topology-bar">
        <h2>Topology</h2>
        <span class="topology-summary">{words}</span>
        <MachinesField machines={machines} most={maxMachines} onMachines={onMachines} />
        <span class="topology-buttons">
          <button type="button" aria-label="Zoom out" title="Zoom out" onClick={() => onZoom(-1)}>
            −
          </button>
          <button type="button" aria-label="Zoom in" title="Zoom in" onClick={() => onZoom(1)}>
            +
          </button>
          <button type="button" title="All of it in view" onClick={() => onZoom(0)}>
            Fit
          </button>
          {asked.size > 0 && (
            <button type="button" onClick={() => setAsked(new Set())}>
              Fold machines
            </button>
          )}
        </span>
      </div>
      <div class="topology-main">
        {/* biome-ignore lint/a11y/useSemanticElements: there is no fieldset in SVG. */}
        <svg ref={svg} class="topology-svg" role="group" aria-label={`Drawing of ${words}`}>
          <Drawing
            layout={layout}
            model={model}
            theme={theme}
            use={use ?? none}
            selected={selected}
            selectedRate={edit.bytesPerSecond}
            ranks={ranks}
            sheet={sheet}
            onSelect={(one) => onSelectLink(one === null ? null : model.links[one]!.name)}
            onRate={edit.change}
            onOpen={(machine) => setAsked(new Set([...asked, machine]))}
            onZoom={onZoom}
          />
        </svg>
        <LinkPanel
          link={link}
          opposite={link === null ? null : (model.links[model.indices.get(linkName(link.to, link.from)) ?? -1] ?? null)}
          bytesPerSecond={edit.bytesPerSecond}
          detail={detail}
          index={index}
          cursorNs={cursorNs}
          useNow={selected === null || use === null ? 0 : use[selected]!}
          makespanBeforeNs={edit.makespanBeforeNs}
          onSelect={onSelectLink}
          onRate={edit.change}
        />
      </div>
      <Legend model={model} theme={theme} colors={detail === null ? null : useName} />
      <LinkTable {...{ model, use, bytes, useName, selected }} onSelect={onSelectLink} />
    </div>
  );
}

function summary(topology: Topology): string {
  const count = machineNumbers(topology).length;
  const ranks = topology.nodes.filter(({ kind }) => kind === "gpu" || kind === "cpu").length;
  const words = (number: number, word: string) => `${formatCount(number)} ${word}${number === 1 ? "" : "s"}`;
  return `${topology.name}: ${words(count, "machine")}, ${words(ranks, "rank")}`;
}

/** Machines that are asked for, and those of the selected link. */
function withMachinesOf(
  { nodes }: Topology,
  asked: ReadonlySet<number>,
  link: { readonly from: string; readonly to: string } | null,
): ReadonlySet<number> {
  if (link === null) return asked;
  const ends = nodes.filter(({ id }) => id === link.from || id === link.to);
  return new Set([...asked, ...ends.flatMap(({ machine }) => (machine === null ? [] : [machine]))]);
}

/** Rank numbers of the plan where all are known; where not, the topology's are shown. */
function shownRanks(detail: PlanDetail | null, topology: Topology): ReadonlyMap<string, number> | null {
  if (detail === null) return null;
  const ranks = scheduleRanks(detail);
  const isKnown = ranks.size === detail.ranks.length && topology.nodes.some(({ id }) => ranks.has(id));
  return isKnown ? ranks : null;
}
