import type { LinkUse } from "../engine/protocol.ts";

/** Links alike in name but for numbers, in capacity and in bytes: one line of the table. */
export interface LinkGroup {
  /** `m#/gpu# → m#/nvswitch`; the link's own name where it is alone. */
  readonly name: string;
  readonly links: readonly LinkUse[];
  readonly bytesPerSecond: number;
  /** Of each. */
  readonly bytes: number;
}

export const linkText = ({ from, to }: LinkUse): string => `${from}→${to}`;

/** Groups, the busiest for their capacity first; links without a byte last. */
export function groupLinks(links: readonly LinkUse[], sought = ""): readonly LinkGroup[] {
  const groups = new Map<string, LinkUse[]>();
  const text = sought.trim().toLowerCase();
  for (const link of links) {
    if (text !== "" && !linkText(link).toLowerCase().includes(text)) continue;
    const key = [patternOf(link), link.bytesPerSecond, Math.round(link.bytes)].join("\n");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [link]);
    else group.push(link);
  }
  return [...groups.values()]
    .map((list): LinkGroup => {
      const [first] = list as [LinkUse];
      const name = list.length === 1 ? linkText(first) : patternOf(first);
      return { name, links: list, bytesPerSecond: first.bytesPerSecond, bytes: first.bytes };
    })
    .sort((a, b) => b.bytes / b.bytesPerSecond - a.bytes / a.bytesPerSecond || a.name.localeCompare(b.name));
}

function patternOf(link: LinkUse): string {
  return linkText(link).replace(/\d+/g, "#");
}
