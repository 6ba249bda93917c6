import { useEffect, useRef, useState } from "preact/hooks";
import { defaultState, type ExplorerState } from "../state/explorer-state.ts";
import type { Store } from "./store.ts";
import { keep, readKept } from "./theme.ts";

const KEY = "toroid.tour";

interface Step {
  readonly title: string;
  readonly text: string;
  /** Where to look: a selector of the page. */
  readonly at: string;
  /** What the step shows. */
  readonly state?: Partial<ExplorerState>;
}

/** Two minutes: one cluster, one model, and what a slower network does to them. */
const steps: readonly Step[] = [
  {
    title: "What should I run?",
    text: "Four p4de machines and FLUX at 3072×3072. Every plan that fits was simulated: the sentence on top is the answer, the command beneath it makes the schedule.",
    at: ".shell-verdict",
    state: { ...defaultState },
  },
  {
    title: "Why that one?",
    text: "Each bar is a plan: computing, then hatched what communication it could not hide, then idle time. Choose another with the arrow keys or a click; everything else follows.",
    at: ".shell-ranking",
  },
  {
    title: "Where does the time go?",
    text: "One lane for each rank and stream. W and S zoom, A and D pan, F fits, . and , go from op to op; the critical path is lit. Shift and drag sums up an area.",
    at: ".shell-timeline",
  },
  {
    title: "What limits it?",
    text: "The critical path split by what binds it, each rank's time, heap, bytes by link, the communication matrix, and the proof of the schedule.",
    at: ".shell-limits",
  },
  {
    title: "And with a slower network?",
    text: "The NICs of a machine now carry 50 Gb/s together. The ranking was made again as the number changed. Click a link in the topology for its flows and a slider of its own.",
    at: ".shell-topology",
    state: { ...defaultState, topology: { ...defaultState.topology, inter: 50 } },
  },
];

/** Whoever follows a link comes for what it shows. Asked before the page writes its own state into the address. */
const cameByLink = location.hash.length > 1;

export function wasTourSeen(): boolean {
  return readKept(KEY) !== null || cameByLink;
}

/** The guide: a card beside what it speaks of; the page stays usable meanwhile. Escape ends it. */
export function Tour({ store, onClose }: { readonly store: Store; readonly onClose: () => void }) {
  const [index, setIndex] = useState(0);
  const card = useRef<HTMLElement>(null);
  const step = steps[index]!;
  useEffect(() => {
    if (step.state !== undefined && index > 0) store.update(step.state);
    const target = document.querySelector(step.at);
    target?.classList.add("shell-tour-target");
    if (index > 0) target?.scrollIntoView({ block: "nearest" });
    return () => target?.classList.remove("shell-tour-target");
  }, [index]);
  const close = () => {
    keep(KEY, "seen");
    onClose();
  };
  return (
    <section
      ref={card}
      class="shell-tour"
      aria-label={`Guide, step ${index + 1} of ${steps.length}`}
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
      }}
    >
      <h2>{step.title}</h2>
      <p aria-live="polite">{step.text}</p>
      <div class="shell-tour-buttons">
        <span class="shell-tour-count">
          {index + 1} of {steps.length}
        </span>
        <button type="button" disabled={index === 0} onClick={() => setIndex(index - 1)}>
          Back
        </button>
        {index + 1 < steps.length ? (
          <button type="button" class="shell-primary" onClick={() => setIndex(index + 1)}>
            Next
          </button>
        ) : null}
        <button type="button" onClick={close}>
          {index + 1 < steps.length ? "Skip the guide" : "Done"}
        </button>
      </div>
    </section>
  );
}
