import { useEffect, useState } from "preact/hooks";

/** Takes files that are dropped anywhere on the page, and says so while they hover. */
export function DropArea({ onFiles }: { readonly onFiles: (files: readonly File[]) => void }) {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const change = (by: number) => {
      depth = Math.max(0, depth + by);
      setOver(depth > 0);
    };
    const controller = new AbortController();
    const listen = (type: "dragenter" | "dragleave" | "dragover" | "drop", handle: (event: DragEvent) => void) =>
      addEventListener(type, (event) => hasFiles(event) && handle(event), { signal: controller.signal });
    listen("dragenter", () => change(1));
    listen("dragleave", () => change(-1));
    listen("dragover", (event) => event.preventDefault());
    listen("drop", (event) => {
      event.preventDefault();
      change(-depth);
      onFiles([...(event.dataTransfer?.files ?? [])]);
    });
    return () => controller.abort();
  }, []);
  if (!isOver) return null;
  return (
    <div class="shell-drop-hint" aria-hidden="true">
      Drop a topology (`nvidia-smi topo -m`, JSON, YAML), a trace of Toroid, a PyTorch profile or an Nsight export
    </div>
  );
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") === true;
}
