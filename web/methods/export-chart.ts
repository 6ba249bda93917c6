import { saveFile } from "../save-file.ts";

/** What makes the looks of shapes and text; all else of a style is the page's. */
const kept = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-linejoin",
  "paint-order",
  "font-family",
  "font-size",
  "font-weight",
];

/** Saves a chart as a picture that stands alone: the styles that the page gives it become attributes. */
export function saveSvg(svg: SVGSVGElement, fileName: string, title: string): void {
  saveFile(fileName, new Blob([standingSvg(svg, title)], { type: "image/svg+xml" }));
}

function standingSvg(svg: SVGSVGElement, text: string): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const sources = [svg, ...svg.querySelectorAll<SVGElement>("*")];
  const targets = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  for (const [i, source] of sources.entries()) {
    const style = getComputedStyle(source);
    for (const name of kept) targets[i]!.setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "aria-hidden"]) targets[i]!.removeAttribute(name);
  }
  for (const cursor of copy.querySelectorAll("[data-cursor]")) cursor.remove();
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = text;
  copy.prepend(title);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return new XMLSerializer().serializeToString(copy);
}
