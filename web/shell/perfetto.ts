import type { Trace } from "../../plan/trace/trace.ts";

const PERFETTO = "https://ui.perfetto.dev";

/** How often and how long Perfetto's page is asked whether it listens, ms. */
const PING_MS = 100;
const GIVE_UP_MS = 20_000;

/**
 * Opens Perfetto's page in a window of its own and hands it the trace, which stays in this browser (Perfetto, "Deep linking":
 * PING until PONG, then the buffer). False where the window was not allowed.
 */
export function openInPerfetto(trace: Trace, title: string): boolean {
  const target = window.open(PERFETTO);
  if (target === null) return false;
  const buffer = chromeTrace(trace);
  const started = Date.now();
  const timer = setInterval(() => {
    if (Date.now() - started > GIVE_UP_MS || target.closed) stop();
    else target.postMessage("PING", PERFETTO);
  }, PING_MS);
  const onMessage = async (event: MessageEvent): Promise<void> => {
    if (event.origin !== PERFETTO || event.data !== "PONG") return;
    stop();
    target.postMessage({ perfetto: { buffer: await buffer, title, fileName: `${title}.json` } }, PERFETTO);
  };
  const stop = (): void => {
    clearInterval(timer);
    removeEventListener("message", onMessage);
  };
  addEventListener("message", onMessage);
  return true;
}

/** Loaded when it is needed: it weighs a fifth of the page. */
async function chromeTrace(trace: Trace): Promise<ArrayBuffer> {
  const { encodeChromeTrace } = await import("../../plan/trace/codec-chrome.ts");
  return new Blob([...encodeChromeTrace(trace)]).arrayBuffer();
}
