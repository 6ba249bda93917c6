/** Sizes a canvas to CSS px at the screen's density, clears it and gives its context scaled to CSS px. */
export function beginDrawing(canvas: HTMLCanvasElement, widthPx: number, heightPx: number) {
  const ratio = globalThis.devicePixelRatio || 1;
  const [width, height] = [Math.max(1, Math.round(widthPx * ratio)), Math.max(1, Math.round(heightPx * ratio))];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d");
  if (context === null) return null;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, widthPx, heightPx);
  return context;
}
