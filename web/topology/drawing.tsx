import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Theme } from "../theme/palette.ts";
import { Handle } from "./handle.tsx";
import type { TopologyLayout } from "./layout-types.ts";
import { LinkLine } from "./link-line.tsx";
import type { LinkModel } from "./links.ts";
import { MachineFrames, NodeBoxes } from "./node-boxes.tsx";
import { stepColor, useStep } from "./use-colors.ts";
import { bundleUse } from "./bundle-use.ts";

export interface DrawingProps {
  readonly layout: TopologyLayout;
  readonly model: LinkModel;
  readonly theme: Theme;
  /** By directed link. */
  readonly use: Float64Array;
  readonly selected: number | null;
  /** Bytes per second that the handle of the selected link shows. */
  readonly selectedRate: number;
  /** Rank numbers of the schedule by node id; null for those of the topology. */
  readonly ranks: ReadonlyMap<string, number> | null;
  readonly sheet: RefObject<SVGGElement | null>;
  onSelect(link: number | null): void;
  onRate(bytesPerSecond: number): void;
  onOpen(machine: number): void;
  onZoom(step: -1 | 0 | 1): void;
}

/** All that is drawn. Colors are written to the lines by themselves, so that a moving cursor renders nothing again. */
export function Drawing(props: DrawingProps) {
  const { layout, model, theme, use, selected, selectedRate, ranks, sheet } = props;
  const [active, setActive] = useState(0);
  const latest = useRef(props);
  latest.current = props;
  const painted = useRef(new WeakMap<Element, string>());
  useLayoutEffect(() => {
    if (sheet.current !== null) paint(sheet.current, painted.current, { layout, model, theme, use });
  }, [layout, model, theme, use, ranks]);
  const at = Math.min(active, layout.links.length - 1);
  const chosen = selected === null ? undefined : layout.links.find(({ pair }) => hasLink(model, pair, selected));
  const choose = (index: number) => {
    setActive(index);
    latest.current.onSelect(nextChoice(model, layout.links[index]!.pair, latest.current.selected));
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = nextActive(event.key, at, layout.links.length);
    const step = { "+": 1, "-": -1, "0": 0 }[event.key] as -1 | 0 | 1 | undefined;
    if (event.key === "Enter" || event.key === " ") choose(at);
    else if (event.key === "Escape") props.onSelect(null);
    else if (step !== undefined) props.onZoom(step);
    else if (next !== null) {
      setActive(next);
      const pair = layout.links[next]!.pair;
      sheet.current?.querySelector<SVGGElement>(`[data-pair="${pair}"]`)?.focus();
    } else return;
    event.preventDefault();
  };

  // Kept as they are while only the cursor moves.
  const ground = useMemo(
    () => (
      <>
        <MachineFrames layout={layout} onOpen={(machine) => latest.current.onOpen(machine)} />
        <NodeBoxes layout={layout} ranks={ranks} shape="bar" />
        <Bundles layout={layout} />
      </>
    ),
    [layout, ranks],
  );
  const lines = useMemo(
    () =>
      layout.links.map((link, index) => (
        <LinkLine
          key={link.pair}
          link={link}
          model={model}
          isActive={index === at}
          selected={selected !== null && hasLink(model, link.pair, selected) ? selected : null}
          onChoose={() => choose(index)}
        />
      )),
    [layout, model, at, selected],
  );
  const boxes = useMemo(() => <NodeBoxes layout={layout} ranks={ranks} shape="box" />, [layout, ranks]);

  return (
    <g ref={sheet}>
      {ground}
      {/* biome-ignore lint/a11y/useSemanticElements: there is no fieldset in SVG. */}
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it only hears the keys of the links in it. */}
      <g role="group" aria-label="Links. Arrow keys move, Enter selects." onKeyDown={onKeyDown}>
        {lines}
      </g>
      {boxes}
      {chosen !== undefined && (
        <Handle
          link={chosen}
          bytesPerSecond={selectedRate}
          name={model.links[selected!]!.name}
          onRate={(rate) => latest.current.onRate(rate)}
        />
      )}
    </g>
  );
}

function Bundles({ layout }: { readonly layout: TopologyLayout }) {
  return (
    <g>
      {layout.bundles.map(({ at, points }) => {
        const path = `M${points.map(([x, y]) => `${x} ${y}`).join("L")}`;
        return (
          <g key={at}>
            <path class="topology-casing" d={path} stroke-width={7} />
            <path class="topology-lane" d={path} stroke-width={4} data-bundle={at} />
          </g>
        );
      })}
    </g>
  );
}

/** A link that is chosen: its first direction, the other one where that is chosen already; a simplex link is let go. */
function nextChoice({ pairs }: LinkModel, pair: number, selected: number | null): number | null {
  const { forth, back } = pairs[pair]!;
  if (selected !== forth) return forth;
  return back;
}

function hasLink({ pairs }: LinkModel, pair: number, link: number): boolean {
  return pairs[pair]!.forth === link || pairs[pair]!.back === link;
}

function nextActive(key: string, at: number, count: number): number | null {
  if (key === "ArrowRight" || key === "ArrowDown") return Math.min(at + 1, count - 1);
  if (key === "ArrowLeft" || key === "ArrowUp") return Math.max(at - 1, 0);
  return key === "Home" ? 0 : key === "End" ? count - 1 : null;
}

function paint(
  sheet: SVGGElement,
  painted: WeakMap<Element, string>,
  { layout, model, theme, use }: Pick<DrawingProps, "layout" | "model" | "theme" | "use">,
): void {
  const set = (element: SVGElement, property: "stroke" | "fill", value: number) => {
    const color = stepColor(theme, useStep(value));
    if (painted.get(element) === color) return;
    painted.set(element, color);
    element.style[property] = color;
  };
  for (const lane of sheet.querySelectorAll<SVGElement>("[data-link]")) {
    set(lane, "stroke", use[Number(lane.dataset["link"])] ?? 0);
  }
  for (const bundle of layout.bundles) {
    const { outwards, inside } = bundleUse(bundle, model, use);
    const line = sheet.querySelector<SVGElement>(`[data-bundle="${bundle.at}"]`);
    const mark = sheet.querySelector<SVGElement>(`[data-inside="${bundle.at}"]`);
    if (line !== null) set(line, "stroke", outwards);
    if (mark !== null) set(mark, "fill", inside);
  }
}
