import type { Theme } from "../theme/palette.ts";
import { methodColor, methodDash, methodMark } from "./method-style.ts";

/** A method's line and mark as in the chart, for legends and tables; its name stands beside it. */
export function MethodMark({ method, theme }: { readonly method: string; readonly theme: Theme }) {
  const color = methodColor(method, theme);
  return (
    <svg class="methods-mark" width="30" height="14" viewBox="-15 -7 30 14" aria-hidden="true">
      <path d="M-15,0H15" stroke={color} stroke-width="2" stroke-dasharray={methodDash(method)} fill="none" />
      <path d={methodMark(method, 52)} fill={color} />
    </svg>
  );
}
