import type { Frame, TimelineRenderer } from "../model-types.ts";
import { arrowsOf, curveOf } from "./arrows.ts";
import { bad, ground, ink, inkOn } from "./colors.ts";
import { middleOf } from "./layout.ts";
import { type LabelPlace, Raster } from "./raster.ts";

const FONT = "11px system-ui, sans-serif";
const LABEL_PX = 34;
const LABEL_PADDING_PX = 4;
/** Most labels of a picture; the widest spans stand first where there are more. */
const MAX_LABELS = 260;

/** Draws into a 2D canvas: spans by the raster, then text, outlines and arrows. */
export function createTimelineRenderer(canvas: HTMLCanvasElement): TimelineRenderer {
  // Pixels are written by the CPU each frame: a canvas in its memory saves the way to a GPU and back.
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true })!;
  let image: ImageData | null = null;
  let raster: Raster | null = null;
  let ratio = 1;
  let size = { widthPx: 1, heightPx: 1 };
  let letterPx = 6;
  let lastDrawMs = 0;

  function draw(frame: Frame): void {
    if (raster === null || image === null) return;
    const started = performance.now();
    const labels = raster.paint(frame, ratio, LABEL_PX * ratio);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.putImageData(image, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawLabels(frame, labels);
    if (frame.hovered >= 0) outline(frame, frame.hovered, 1);
    if (frame.selected >= 0) outline(frame, frame.selected, 2);
    if (frame.arrows !== "none") drawArrows(frame);
    lastDrawMs = performance.now() - started;
  }

  function drawLabels(frame: Frame, places: LabelPlace[]): void {
    context.font = FONT;
    context.textBaseline = "middle";
    const shown =
      places.length <= MAX_LABELS
        ? places
        : [...places].sort((a, b) => b.right - b.left - (a.right - a.left)).slice(0, MAX_LABELS);
    for (const { span, left, right, middleY, fill } of shown) {
      const text = fitText(frame.prepared.source.label(span), (right - left) / ratio - 2 * LABEL_PADDING_PX, letterPx);
      if (text === "") continue;
      context.fillStyle = inkOn(fill);
      context.fillText(text, left / ratio + LABEL_PADDING_PX, middleY / ratio + 0.5);
    }
  }

  function outline(frame: Frame, span: number, width: number): void {
    const { startNs, endNs } = frame.prepared.source;
    const { window } = frame;
    const perNs = size.widthPx / (window.endNs - window.startNs);
    const left = Math.max((startNs[span]! - window.startNs) * perNs, -4);
    const right = Math.min((endNs[span]! - window.startNs) * perNs, size.widthPx + 4);
    if (right < -2 || left > size.widthPx + 2) return;
    const half = frame.layout.spanHeight / 2;
    const y = middleOf(frame, span) - frame.scrollY;
    context.strokeStyle = ink[frame.theme];
    context.lineWidth = width;
    context.strokeRect(left, y - half + 0.5, Math.max(right - left, 2), 2 * half - 1);
  }

  function drawArrows(frame: Frame): void {
    const { lines, total } = arrowsOf(frame, size.widthPx, size.heightPx);
    context.strokeStyle = ink[frame.theme];
    context.fillStyle = ink[frame.theme];
    context.lineWidth = 1;
    for (const each of lines) {
      const bend = curveOf(each);
      context.beginPath();
      context.moveTo(each.fromX, each.fromY);
      context.bezierCurveTo(each.fromX + bend, each.fromY, each.toX - bend, each.toY, each.toX, each.toY);
      context.stroke();
      context.beginPath();
      context.moveTo(each.toX, each.toY);
      context.lineTo(each.toX - 6, each.toY - 3.5);
      context.lineTo(each.toX - 6, each.toY + 3.5);
      context.fill();
    }
    if (total <= lines.length) return;
    const text = `${lines.length} of ${total.toLocaleString("en-US")} arrows: zoom in for the others`;
    context.font = FONT;
    const width = context.measureText(text).width + 12;
    context.fillStyle = ground[frame.theme];
    context.fillRect(size.widthPx - width, size.heightPx - 18, width, 18);
    context.fillStyle = bad[frame.theme];
    context.fillText(text, size.widthPx - width + 6, size.heightPx - 9);
  }

  return {
    resize(widthPx, heightPx, pixelRatio) {
      ratio = pixelRatio;
      size = { widthPx, heightPx };
      const width = Math.max(Math.round(widthPx * ratio), 1);
      const height = Math.max(Math.round(heightPx * ratio), 1);
      if (image?.width === width && image.height === height) return;
      canvas.width = width;
      canvas.height = height;
      image = context.createImageData(width, height);
      raster = new Raster(new Uint32Array(image.data.buffer), width, height);
      context.font = FONT;
      letterPx = context.measureText("abcdefghij 0123456789").width / 21;
    },
    draw,
    get lastDrawMs() {
      return lastDrawMs;
    },
    dispose() {
      image = null;
      raster = null;
    },
  };
}

/** As much of a text as fits, with an ellipsis; nothing where not even two letters would. */
export function fitText(text: string, widthPx: number, letterPx: number): string {
  const room = Math.floor(widthPx / letterPx);
  if (text.length <= room) return text;
  return room < 3 ? "" : `${text.slice(0, room - 1)}…`;
}
