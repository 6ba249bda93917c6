import { effect } from "@preact/signals";
import { decodeState, encodeState } from "../state/url.ts";
import type { Store } from "./store.ts";

/** How long the state must stand before the address follows, ms. */
const SETTLE_MS = 200;

/** Takes the state from the address, and keeps the address at the state. Returns what of a link was not understood. */
export async function followLink(store: Store): Promise<readonly string[]> {
  const { state, ignored } = await decodeState(location.hash);
  store.state.value = state;
  let last = location.hash.replace(/^#/, "");
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const current = store.state.value;
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const text = await encodeState(current);
      if (store.state.peek() !== current || text === last) return;
      const isNewView = new URLSearchParams(last).get("view") !== new URLSearchParams(text).get("view");
      last = text;
      // A page of its own is a step back; a value that was dragged is not.
      if (isNewView) history.pushState(null, "", `#${text}`);
      else history.replaceState(null, "", `#${text}`);
    }, SETTLE_MS);
  });
  addEventListener("hashchange", async () => {
    const text = location.hash.replace(/^#/, "");
    if (text === last) return;
    last = text;
    store.state.value = (await decodeState(text)).state;
  });
  return ignored;
}

/** The address that reproduces what is shown, without the server's token. */
export async function shareLink(store: Store): Promise<string> {
  const url = new URL(location.href);
  url.search = "";
  url.hash = await encodeState(store.state.peek());
  return url.href;
}
