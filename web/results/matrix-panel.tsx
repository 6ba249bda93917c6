import { useEffect, useRef, useState } from "preact/hooks";
import { formatBytes } from "../../plan/units.ts";
import type { PlanDetail } from "../engine/protocol.ts";
import type { Theme } from "../theme/palette.ts";
import { matrixScale } from "./matrix-scale.ts";

interface MatrixPanelProps {
  readonly detail: PlanDetail | null;
  readonly theme: Theme;
}

const SIZE_PX = 230;
/** A table reads better than colors up to here. */
const MAX_TABLE_RANKS = 8;

/** Bytes from rank to rank in one pass: rows send, columns receive; lines between machines. */
export function MatrixPanel({ detail, theme }: MatrixPanelProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cell, setCell] = useState({ from: 0, to: 1 });
  const ranks = detail?.ranks.length ?? 0;
  const scale = matrixScale(detail?.matrix ?? new Float64Array(), theme);
  useEffect(() => {
    if (canvas.current !== null && detail !== null) draw(canvas.current, detail, theme);
  }, [detail, theme]);
  if (detail === null) return <p class="results-note">No plan is shown yet.</p>;
  const from = Math.min(cell.from, ranks - 1);
  const to = Math.min(cell.to, ranks - 1);
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Readonly<Record<string, readonly [number, number]>> = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const clamp = (value: number) => Math.min(Math.max(value, 0), ranks - 1);
    setCell({ from: clamp(from + step[0]), to: clamp(to + step[1]) });
  };
  const onPointerMove = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const index = (place: number, size: number) => Math.min(Math.max(Math.floor((place / size) * ranks), 0), ranks - 1);
    setCell({ from: index(event.clientY - box.top, box.height), to: index(event.clientX - box.left, box.width) });
  };
  const bytes = detail.matrix[from * ranks + to]!;
  return (
    <div class="results-matrix">
      <div
        role="img"
        aria-label={`Bytes between ${ranks} ranks, from ${formatBytes(scale.least)} to ${formatBytes(scale.most)}. Arrow keys move the cell.`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys read the cells.
        tabIndex={0}
        onKeyDown={onKeyDown}
        onPointerMove={onPointerMove}
      >
        <canvas ref={canvas} style={{ width: `${SIZE_PX}px`, height: `${SIZE_PX}px` }} />
      </div>
      <div>
        <p aria-live="polite">
          rank {from} → rank {to}: <strong>{formatBytes(bytes)}</strong>
        </p>
        <p class="results-note">Rows send, columns receive; lines stand between machines.</p>
        <div class="results-scale">
          <span>{formatBytes(scale.least)}</span>
          <i style={{ background: `linear-gradient(90deg, ${scale.stops.join(",")})` }} />
          <span>{formatBytes(scale.most)}</span>
        </div>
        <p class="results-note">logarithmic; nothing where no byte goes</p>
        {ranks <= MAX_TABLE_RANKS && <MatrixTable detail={detail} />}
      </div>
    </div>
  );
}

function MatrixTable({ detail }: { readonly detail: PlanDetail }) {
  const ranks = detail.ranks.length;
  const numbers = Array.from({ length: ranks }, (_, rank) => rank);
  return (
    <details>
      <summary>As a table</summary>
      <table class="results-table">
        <thead>
          <tr>
            <th scope="col">from \ to</th>
            {numbers.map((rank) => (
              <th key={rank} scope="col">
                {rank}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {numbers.map((from) => (
            <tr key={from}>
              <th scope="row">{from}</th>
              {numbers.map((to) => (
                <td key={to}>{formatBytes(detail.matrix[from * ranks + to]!)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function draw(canvas: HTMLCanvasElement, detail: PlanDetail, theme: Theme): void {
  const ranks = detail.ranks.length;
  const side = Math.max(Math.floor((2 * SIZE_PX) / ranks), 1);
  canvas.width = side * ranks;
  canvas.height = side * ranks;
  const context = canvas.getContext("2d");
  if (context === null) return;
  const { colorOf, line } = matrixScale(detail.matrix, theme);
  const gap = side > 6 ? 1 : 0;
  for (let from = 0; from < ranks; from++) {
    for (let to = 0; to < ranks; to++) {
      const color = colorOf(detail.matrix[from * ranks + to]!);
      if (color === null) continue;
      context.fillStyle = color;
      context.fillRect(to * side, from * side, side - gap, side - gap);
    }
  }
  const perMachine = detail.trace.ranksPerMachine;
  context.fillStyle = line;
  for (let rank = 0; rank <= ranks; rank += perMachine) {
    context.fillRect(Math.min(rank * side, canvas.width - 2), 0, 2, canvas.height);
    context.fillRect(0, Math.min(rank * side, canvas.height - 2), canvas.width, 2);
  }
}
