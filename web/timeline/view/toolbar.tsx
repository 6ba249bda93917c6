import type { RefObject } from "preact";
import type { Frame } from "../model-types.ts";

export interface ToolbarProps {
  readonly searchRef: RefObject<HTMLInputElement | null>;
  readonly search: string;
  /** Null where nothing is searched. */
  readonly numMatches: number | null;
  readonly arrows: Frame["arrows"];
  readonly isCriticalOnly: boolean;
  readonly isHelpOpen: boolean;
  onSearch(text: string): void;
  onMatch(step: 1 | -1): void;
  onArrows(arrows: Frame["arrows"]): void;
  onCriticalOnly(isOn: boolean): void;
  onFit(): void;
  onZoom(factor: number): void;
  onSvg(): void;
  onPng(): void;
  readonly onPerfetto?: (() => void) | undefined;
  onHelp(): void;
}

/** All that the keyboard does, for the pointer, and exports. */
export function Toolbar(props: ToolbarProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    props.onMatch(event.shiftKey ? -1 : 1);
  };
  return (
    <div class="timeline-toolbar" role="toolbar" aria-label="Timeline tools">
      <button type="button" onClick={props.onFit} title="F">
        Fit
      </button>
      <button type="button" onClick={() => props.onZoom(0.5)} aria-label="Zoom in" title="W">
        +
      </button>
      <button type="button" onClick={() => props.onZoom(2)} aria-label="Zoom out" title="S">
        −
      </button>
      <input
        ref={props.searchRef}
        type="search"
        aria-label="Search spans"
        placeholder="Search ( / )"
        value={props.search}
        onInput={(event) => props.onSearch((event.currentTarget as HTMLInputElement).value)}
        onKeyDown={onKeyDown}
      />
      <output class="timeline-matches">{props.numMatches === null ? "" : `${props.numMatches} found`}</output>
      <label>
        Arrows{" "}
        <select
          value={props.arrows}
          onChange={(event) => props.onArrows((event.currentTarget as HTMLSelectElement).value as Frame["arrows"])}
        >
          <option value="none">none</option>
          <option value="selected">selected</option>
          <option value="all">all</option>
        </select>
      </label>
      <label>
        <input
          type="checkbox"
          checked={props.isCriticalOnly}
          onChange={(event) => props.onCriticalOnly((event.currentTarget as HTMLInputElement).checked)}
        />{" "}
        Critical path only
      </label>
      <span class="timeline-space" />
      <button type="button" onClick={props.onSvg}>
        Export SVG
      </button>
      <button type="button" onClick={props.onPng}>
        Export PNG
      </button>
      {props.onPerfetto && (
        <button type="button" onClick={props.onPerfetto}>
          Open in Perfetto
        </button>
      )}
      <button
        type="button"
        onClick={props.onHelp}
        aria-label="Keys of the timeline"
        aria-expanded={props.isHelpOpen}
        title="?"
      >
        ?
      </button>
    </div>
  );
}
