import { useState } from "preact/hooks";
import { formatBytes, formatCount, formatNs, formatPercent, formatRate } from "../../plan/units.ts";
import type { LinkModel } from "./links.ts";
import { linkClassNames } from "./links.ts";

interface LinkTableProps {
  readonly model: LinkModel;
  /** By directed link; null where there is no plan. */
  readonly use: Float64Array | null;
  readonly bytes: Float64Array | null;
  readonly useName: string;
  readonly selected: number | null;
  onSelect(name: string | null): void;
}

const PAGE = 100;

/** The drawing as a table: each directed link in the order of the topology. */
export function LinkTable(props: LinkTableProps) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details class="topology-all" onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>All {formatCount(props.model.links.length)} links as a table</summary>
      {isOpen && <Rows {...props} />}
    </details>
  );
}

function Rows({ model, use, bytes, useName, selected, onSelect }: LinkTableProps) {
  const [count, setCount] = useState(PAGE);
  const { links } = model;
  return (
    <>
      <table class="topology-table">
        <caption>Directed links of the topology</caption>
        <thead>
          <tr>
            {["Link", "Kind", "Capacity", "Latency", "Bytes in a pass", useName].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {links.slice(0, count).map(({ name, linkClass, bytesPerSecond, latencyNs }, index) => (
            <tr key={name}>
              <th scope="row">
                <button
                  type="button"
                  class="topology-name"
                  aria-pressed={selected === index}
                  onClick={() => onSelect(selected === index ? null : name)}
                >
                  {name}
                </button>
              </th>
              <td class="topology-word">{linkClassNames[linkClass]}</td>
              <td>{formatRate(bytesPerSecond)}</td>
              <td>{formatNs(latencyNs)}</td>
              <td>{bytes === null ? "–" : formatBytes(bytes[index]!)}</td>
              <td>{use === null ? "–" : formatPercent(Math.min(use[index]!, 1))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {links.length > count && (
        <button type="button" onClick={() => setCount(count + PAGE)}>
          Show {formatCount(Math.min(PAGE, links.length - count))} more
        </button>
      )}
    </>
  );
}
