import { useEffect, useRef, useState } from "preact/hooks";
import { VIEWS, type ViewName } from "../state/explorer-state.ts";
import { Controls } from "./controls.tsx";
import { DropArea } from "./drop-area.tsx";
import { ExplorePage } from "./explore-page.tsx";
import { shareLink } from "./link.ts";
import { MeasuredPage } from "./measured-page.tsx";
import { MethodsPage } from "./methods-page.tsx";
import { RunsPage } from "./runs-page.tsx";
import type { Store } from "./store.ts";
import { theme, toggleTheme } from "./theme.ts";
import { Tour, wasTourSeen } from "./tour.tsx";
import "./shell.css";

const viewNames: Readonly<Record<ViewName, string>> = {
  explore: "Explore",
  methods: "Compare methods",
  measured: "Predicted vs measured",
  runs: "Runs here",
};

/** The whole page: head, controls, the view, and a status line that screen readers hear. */
export function App({ store }: { readonly store: Store }) {
  const [hasTour, setTour] = useState(!wasTourSeen());
  const { view } = store.state.value;
  return (
    <div class="shell-page">
      <DropArea onFiles={(files) => void store.openFiles(files)} />
      <button type="button" class="shell-skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the result
      </button>
      <header class="shell-head">
        <h1>
          Toroid <span class="shell-head-word">explorer</span>
        </h1>
        <nav aria-label="Views">
          {VIEWS.map((name) => (
            <button
              key={name}
              type="button"
              class="shell-tab"
              aria-current={name === view ? "page" : undefined}
              onClick={() => store.update({ view: name, window: null })}
            >
              {viewNames[name]}
            </button>
          ))}
        </nav>
        <div class="shell-actions">
          <ShareButton store={store} />
          <button type="button" onClick={() => setTour(true)}>
            Guide
          </button>
          <button type="button" aria-pressed={theme.value === "dark"} onClick={toggleTheme}>
            Dark
          </button>
        </div>
      </header>
      {hasTour && <Tour store={store} onClose={() => setTour(false)} />}
      <div class={`shell-body shell-body-${view}`}>
        {(view === "explore" || view === "methods") && (
          <aside aria-label="What to plan">
            <Controls store={store} />
          </aside>
        )}
        <main id="main" tabIndex={-1}>
          {view === "explore" && <ExplorePage store={store} />}
          {view === "methods" && <MethodsPage store={store} />}
          {view === "measured" && <MeasuredPage store={store} />}
          {view === "runs" && <RunsPage store={store} />}
        </main>
      </div>
      <footer class="shell-status">
        <div role="status" aria-live="polite">
          {store.status.value}
        </div>
      </footer>
    </div>
  );
}

function ShareButton({ store }: { readonly store: Store }) {
  const [isCopied, setCopied] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    const link = await shareLink(store);
    try {
      await navigator.clipboard.writeText(link);
      store.status.value = "link copied: it reproduces this view";
    } catch {
      store.status.value = `the clipboard is closed to pages here; the link is ${link}`;
    }
    setCopied(true);
    timer.current = setTimeout(() => setCopied(false), 2000);
  };
  return (
    <button type="button" class="shell-share" onClick={() => void copy()}>
      {isCopied ? "Copied" : "Copy link"}
    </button>
  );
}
