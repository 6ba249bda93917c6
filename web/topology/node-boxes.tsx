import { formatCount } from "../../plan/units.ts";
import type { PlacedMachine, PlacedNode, TopologyLayout } from "./layout-types.ts";

const kindNames = { gpu: "GPU", cpu: "CPU", switch: "switch", pcie: "PCIe", nic: "NIC", net: "network" } as const;

/** Px of a letter at the labels' size, for what fits. */
const LETTER_PX = 5.8;

interface NodeBoxesProps {
  readonly layout: TopologyLayout;
  readonly ranks: ReadonlyMap<string, number> | null;
  readonly shape: PlacedNode["shape"];
}

/** Ranks, switches, PCIe, NICs. */
export function NodeBoxes({ layout, ranks, shape }: NodeBoxesProps) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group takes no focus.
    <g aria-hidden="true">
      {layout.nodes.map((node) => (node.shape === shape ? <NodeBox key={node.id} node={node} ranks={ranks} /> : null))}
    </g>
  );
}

function NodeBox({ node, ranks }: { readonly node: PlacedNode; readonly ranks: NodeBoxesProps["ranks"] }) {
  const { x, y, width, height, kind, id, rank } = node;
  const number = rank === null ? null : ranks === null ? rank : (ranks.get(id) ?? null);
  const isIdle = rank !== null && number === null;
  const what = rank === null ? kindNames[kind] : isIdle ? `${kindNames[kind]}, takes no part` : `rank ${number}`;
  const label = rank === null ? fitted(node.label, width) : String(number ?? "–");
  const isBar = node.shape === "bar";
  return (
    <g class={`topology-node topology-${kind}${isIdle ? " topology-idle" : ""}`}>
      <title>{`${id}: ${what}`}</title>
      <rect x={x} y={y} width={width} height={height} rx={kind === "nic" ? height / 2 : 3} />
      <text x={isBar ? x + 6 : x + width / 2} y={y + height / 2 + 3.5} text-anchor={isBar ? "start" : "middle"}>
        {!isBar ? label : node.machine === null ? node.label : ""}
      </text>
    </g>
  );
}

/** The label, its last letters where they tell it from its neighbors, or nothing. */
function fitted(label: string, width: number): string {
  const most = Math.floor((width - 4) / LETTER_PX);
  if (label.length <= most) return label;
  const number = /\d+$/.exec(label)?.[0] ?? "";
  if (number !== "" && number.length < most) return label.slice(0, most - number.length) + number;
  return number.length === most ? number : "";
}

interface MachineFramesProps {
  readonly layout: TopologyLayout;
  onOpen(machine: number): void;
}

/** Frames of the machines and of the network; folded machines open with a click. */
export function MachineFrames({ layout, onOpen }: MachineFramesProps) {
  const { machines, band, numHiddenSwitches } = layout;
  const first = machines.findIndex(({ isFolded }) => isFolded);
  return (
    <g>
      {band !== null && (
        // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group takes no focus.
        <g aria-hidden="true" class="topology-band">
          <rect {...band} rx={6} />
          {numHiddenSwitches > 0 && (
            <text x={band.x + 8} y={band.y + band.height + 12}>
              {`and ${formatCount(numHiddenSwitches)} switches more, which are in the table`}
            </text>
          )}
        </g>
      )}
      {machines.map((machine, at) =>
        machine.isFolded ? (
          <Glyph key={machine.machines[0]} machine={machine} at={at} isFirst={at === first} onOpen={onOpen} />
        ) : (
          <Frame key={machine.machines[0]} machine={machine} />
        ),
      )}
    </g>
  );
}

function Frame({ machine }: { readonly machine: PlacedMachine }) {
  const { x, y, width, height, numRanks, isFlipped } = machine;
  const textY = isFlipped ? y + height - 7 : y + 15;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group takes no focus.
    <g aria-hidden="true" class="topology-machine">
      <rect x={x} y={y} width={width} height={height} rx={6} />
      <text x={x + 10} y={textY}>
        {`machine ${machine.machines[0]} · ${formatCount(numRanks)} ${numRanks === 1 ? "rank" : "ranks"}`}
      </text>
      <text x={x + width - 12} y={textY} text-anchor="end">
        {machine.switches}
      </text>
    </g>
  );
}

interface GlyphProps {
  readonly machine: PlacedMachine;
  readonly at: number;
  /** The one that Tab reaches; arrow keys go to the others. */
  readonly isFirst: boolean;
  onOpen(machine: number): void;
}

function Glyph({ machine, at, isFirst, onOpen }: GlyphProps) {
  const { x, y, width, height, machines, numRanks } = machine;
  const name = machines.length > 1 ? `${formatCount(machines.length)} more` : `machine ${machines[0]}`;
  const text = `${name}, ${formatCount(numRanks)} ranks`;
  const label = `${text}: open`;
  const open = () => onOpen(machines[0]!);
  return (
    // biome-ignore lint/a11y/useSemanticElements: there is no button in SVG.
    <g
      class="topology-glyph"
      role="button"
      tabindex={isFirst ? 0 : -1}
      aria-label={label}
      onClick={open}
      onKeyDown={(event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (event.key === "Enter" || event.key === " ") open();
        else if (step !== undefined) focusGlyph(event.currentTarget, step);
        else return;
        event.preventDefault();
      }}
    >
      <title>{label}</title>
      <rect x={x} y={y} width={width} height={height} rx={5} />
      <rect class="topology-glyph-use" x={x + 6} y={y + height - 9} width={width - 12} height={4} data-inside={at} />
      <text x={x + 8} y={y + 14}>
        {text}
      </text>
    </g>
  );
}

function focusGlyph(from: SVGElement, step: number): void {
  const glyphs = [...(from.parentElement?.querySelectorAll<SVGElement>(".topology-glyph") ?? [])];
  glyphs[glyphs.indexOf(from) + step]?.focus();
}
