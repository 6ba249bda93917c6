import type { ColorClass } from "../timeline/timeline-source.ts";

export type Theme = "light" | "dark";

/**
 * Fill of each class, from the palette of Okabe and Ito (2008), which people with any kind of color blindness tell apart;
 * lightness differs too. Dark theme: the same hues, lighter where they would sink into the ground.
 */
export const palette: Readonly<Record<Theme, Readonly<Record<ColorClass, string>>>> = {
  light: {
    compute: "#0072b2",
    merge: "#56b4e9",
    copy: "#009e73",
    transfer: "#e69f00",
    wait: "#cfd4da",
    barrier: "#9aa3ad",
    other: "#cc79a7",
  },
  dark: {
    compute: "#3a9ad9",
    merge: "#7cc8f2",
    copy: "#2fbf95",
    transfer: "#e9ac2b",
    wait: "#3a424c",
    barrier: "#66707c",
    other: "#d994ba",
  },
};

/** Fill of a method in charts. */
export const methodColors: Readonly<Record<Theme, Readonly<Record<string, string>>>> = {
  light: { ulysses: "#0072b2", ring: "#d55e00", usp: "#9a6f00", tas: "#cc79a7", torus: "#007a59" },
  dark: { ulysses: "#56b4e9", ring: "#f08a3c", usp: "#e9c22b", tas: "#e3a1c5", torus: "#2fbf95" },
};
