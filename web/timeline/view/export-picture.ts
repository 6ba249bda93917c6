import { saveFile } from "../../save-file.ts";
import { frameSvg } from "../model/index.ts";
import type { Frame } from "../model-types.ts";

/** Saves the frame as a standing SVG file. */
export function saveSvg(frame: Frame, widthPx: number, heightPx: number, title: string, fileName: string): void {
  const svg = frameSvg(frame, widthPx, heightPx, title);
  saveFile(`${fileName}.svg`, new Blob([svg], { type: "image/svg+xml" }));
}

/** Saves the same picture as PNG, two pixels for each CSS pixel, drawn from the SVG so that names and axis are in it. */
export async function savePng(
  frame: Frame,
  widthPx: number,
  heightPx: number,
  title: string,
  fileName: string,
): Promise<void> {
  const url = URL.createObjectURL(new Blob([frameSvg(frame, widthPx, heightPx, title)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 2 * (image.naturalWidth || widthPx);
    canvas.height = 2 * (image.naturalHeight || heightPx);
    canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (blob) saveFile(`${fileName}.png`, blob);
  } finally {
    URL.revokeObjectURL(url);
  }
}
