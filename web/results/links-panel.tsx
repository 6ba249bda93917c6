import { useMemo, useState } from "preact/hooks";
import { formatBytes, formatCount, formatPercent, formatRate } from "../../plan/units.ts";
import type { LinkUse, PlanDetail } from "../engine/protocol.ts";
import { groupLinks, type LinkGroup, linkText } from "./group-links.ts";

interface LinksPanelProps {
  readonly detail: PlanDetail | null;
  readonly onSelectLink: (name: string | null) => void;
  readonly selectedLink: string | null;
}

const MAX_GROUPS = 60;
const MAX_LINKS = 64;

/** Bytes by link in one pass; equal links are one line that opens. */
export function LinksPanel({ detail, onSelectLink, selectedLink }: LinksPanelProps) {
  const [sought, setSought] = useState("");
  const groups = useMemo(() => groupLinks(detail?.links ?? [], sought), [detail, sought]);
  if (detail === null) return <p class="results-note">No plan is shown yet.</p>;
  const choose = (link: LinkUse) => onSelectLink(linkText(link) === selectedLink ? null : linkText(link));
  return (
    <>
      <div class="results-head">
        <input
          type="search"
          aria-label="Search links"
          placeholder="search links"
          value={sought}
          onInput={(event) => setSought(event.currentTarget.value)}
        />
        <button
          type="button"
          onClick={() => {
            const rows = detail.links.map((link) => [link.from, link.to, link.bytesPerSecond, link.bytes].join(","));
            void navigator.clipboard?.writeText(["from,to,bytes_per_second,bytes", ...rows].join("\n"));
          }}
        >
          Copy CSV
        </button>
      </div>
      <table class="results-table">
        <caption>Bytes by directed link in one pass, the busiest first</caption>
        <thead>
          <tr>
            {["Link", "Bytes each", "Capacity", "Busy"].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {groups.slice(0, MAX_GROUPS).map((group) => (
            <Line key={group.name + group.bytes} {...{ group, detail, choose, selectedLink }} />
          ))}
        </tbody>
      </table>
      {groups.length === 0 && <p class="results-note">No link has “{sought}” in its name.</p>}
      {groups.length > MAX_GROUPS && (
        <p class="results-note">{formatCount(groups.length - MAX_GROUPS)} lines more: search for a link.</p>
      )}
    </>
  );
}

interface LineProps {
  readonly group: LinkGroup;
  readonly detail: PlanDetail;
  readonly choose: (link: LinkUse) => void;
  readonly selectedLink: string | null;
}

function Line({ group, detail, choose, selectedLink }: LineProps) {
  const busy = group.bytes / group.bytesPerSecond / (detail.passNs / 1e9);
  const button = (link: LinkUse) => (
    <button
      key={linkText(link)}
      type="button"
      class="results-link"
      aria-pressed={linkText(link) === selectedLink}
      onClick={() => choose(link)}
    >
      {linkText(link)}
    </button>
  );
  return (
    <tr>
      <th scope="row">
        {group.links.length === 1 ? (
          button(group.links[0]!)
        ) : (
          <details>
            <summary>
              {formatCount(group.links.length)} × {group.name}
            </summary>
            <div class="results-links">{group.links.slice(0, MAX_LINKS).map(button)}</div>
            {group.links.length > MAX_LINKS && (
              <p class="results-note">and {formatCount(group.links.length - MAX_LINKS)} more: search for one</p>
            )}
          </details>
        )}
      </th>
      <td>{formatBytes(group.bytes)}</td>
      <td>{formatRate(group.bytesPerSecond)}</td>
      <td>
        <span class="results-meter-box">
          <span class="results-meter" style={{ width: `${Math.min(100 * busy, 100)}%` }} />
        </span>
        {formatPercent(busy)}
      </td>
    </tr>
  );
}
