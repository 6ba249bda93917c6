/** What a key asks of the timeline. */
export type TimelineCommand =
  | "zoom-in"
  | "zoom-out"
  | "pan-left"
  | "pan-right"
  | "fit"
  | "next"
  | "previous"
  | "lane-up"
  | "lane-down"
  | "search"
  | "help"
  | "clear";

const COMMANDS: Readonly<Record<string, TimelineCommand>> = {
  w: "zoom-in",
  "+": "zoom-in",
  "=": "zoom-in",
  s: "zoom-out",
  "-": "zoom-out",
  a: "pan-left",
  d: "pan-right",
  f: "fit",
  ".": "next",
  ",": "previous",
  arrowright: "next",
  arrowleft: "previous",
  arrowup: "lane-up",
  arrowdown: "lane-down",
  "/": "search",
  "?": "help",
  escape: "clear",
};

/** The command of a key, null for all others and for those with ctrl, alt or meta, which belong to the browser. */
export function commandOf(
  event: Pick<KeyboardEvent, "key" | "ctrlKey" | "altKey" | "metaKey">,
): TimelineCommand | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  return COMMANDS[event.key.toLowerCase()] ?? null;
}

/** For the help: keys and what they do. */
export const KEY_HELP: readonly (readonly [keys: string, does: string])[] = [
  ["W / S, wheel, pinch", "zoom in and out"],
  ["A / D, drag, shift+wheel", "pan"],
  ["F", "fit the selected span, else the whole run"],
  [". / , or → / ←", "next and previous op on the lane"],
  ["↑ / ↓", "nearest op on the lane above or below"],
  ["/", "search; Enter goes to the next match, shift+Enter to the one before"],
  ["shift+drag", "select an area and sum it up"],
  ["double click", "zoom to a span"],
  ["Escape", "clear area, search and selection"],
  ["?", "this list"],
];
