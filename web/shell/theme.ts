import { effect, signal } from "@preact/signals";
import type { Theme } from "../theme/palette.ts";

const KEY = "toroid.theme";

/** Light or dark: what was chosen here before, else what the system prefers. */
export const theme = signal<Theme>(initialTheme());

function initialTheme(): Theme {
  const kept = readKept(KEY);
  if (kept === "light" || kept === "dark") return kept;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Applies the theme and keeps it. */
export function followTheme(): void {
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value;
  });
}

export function toggleTheme(): void {
  theme.value = theme.value === "light" ? "dark" : "light";
  keep(KEY, theme.value);
}

/** Storage may be switched off: then nothing is kept. */
export function readKept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A private window: it is asked again on the next visit.
  }
}
