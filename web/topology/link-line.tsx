import { formatRate } from "../../plan/units.ts";
import { lanePath, laneWidth } from "./lane-path.ts";
import type { PlacedLink } from "./layout-types.ts";
import { dashes } from "./link-style.ts";
import { linkClassNames, type LinkModel } from "./links.ts";

interface LinkLineProps {
  readonly link: PlacedLink;
  readonly model: LinkModel;
  /** The one that Tab reaches. */
  readonly isActive: boolean;
  /** The direction that is selected, null where none of the two is. */
  readonly selected: number | null;
  onChoose(): void;
}

/** Both directions of a link beside each other, dashed by class, as wide as their capacity asks. */
export function LinkLine({ link, model, isActive, selected, onChoose }: LinkLineProps) {
  const pair = model.pairs[link.pair]!;
  const { bytesPerSecond, name } = model.links[pair.forth]!;
  // Arcs stand close: narrower, all alike.
  const part = link.bend === 0 ? 1 : 0.55;
  const forthWidth = part * laneWidth(bytesPerSecond);
  const backWidth = pair.back === null ? 0 : part * laneWidth(model.links[pair.back]!.bytesPerSecond);
  const offset = (width: number) => (pair.back === null ? 0 : width / 2 + 0.4);
  const text = `${pair.back === null ? name : name.replace("→", " ↔ ")}, ${linkClassNames[pair.linkClass]}, ${formatRate(bytesPerSecond)}`;
  const dash = dashes[pair.linkClass];
  return (
    // biome-ignore lint/a11y/useSemanticElements: there is no button in SVG.
    <g
      class="topology-link"
      role="button"
      tabindex={isActive ? 0 : -1}
      aria-label={text}
      aria-pressed={selected !== null}
      data-pair={link.pair}
      onClick={onChoose}
    >
      <title>{text}</title>
      <path class="topology-halo" d={lanePath(link, 0)} stroke-width={forthWidth + backWidth + 6} />
      <path
        class={`topology-lane${selected === pair.forth ? " topology-lane-selected" : ""}`}
        d={lanePath(link, offset(forthWidth))}
        stroke-width={forthWidth}
        stroke-dasharray={dash}
        data-link={pair.forth}
      />
      {pair.back !== null && (
        <path
          class={`topology-lane${selected === pair.back ? " topology-lane-selected" : ""}`}
          d={lanePath(link, -offset(backWidth))}
          stroke-width={backWidth}
          stroke-dasharray={dash}
          data-link={pair.back}
        />
      )}
      {link.dots.map(([x, y]) => (
        <circle key={`${x} ${y}`} class="topology-dot" cx={x} cy={y} r={3} />
      ))}
      <path class="topology-hit" d={lanePath(link, 0)} stroke-width={forthWidth + backWidth + 5} />
    </g>
  );
}
