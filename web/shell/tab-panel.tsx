import type { ComponentChildren } from "preact";
import { useId, useRef, useState } from "preact/hooks";

interface TabPanelProps {
  readonly label: string;
  readonly tabs: readonly (readonly [name: string, content: () => ComponentChildren])[];
}

/** Tabs as the ARIA Authoring Practices describe them: arrows, Home and End move between them. */
export function TabPanel({ label, tabs }: TabPanelProps) {
  const [current, setCurrent] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const go = (index: number) => {
    const next = (index + tabs.length) % tabs.length;
    setCurrent(next);
    list.current?.querySelectorAll("button")[next]?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: current + 1,
      ArrowLeft: current - 1,
      Home: 0,
      End: tabs.length - 1,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    go(next);
  };
  return (
    <>
      <div role="tablist" aria-label={label} class="shell-tabs" ref={list} onKeyDown={onKey}>
        {tabs.map(([name], index) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-tab-${index}`}
            aria-selected={index === current}
            aria-controls={`${id}-panel`}
            tabIndex={index === current ? 0 : -1}
            onClick={() => setCurrent(index)}
          >
            {name}
          </button>
        ))}
      </div>
      <div
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-tab-${current}`}
        class="shell-tabpanel"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a panel that scrolls must be reached by keyboard
        tabIndex={0}
      >
        {tabs[current]![1]()}
      </div>
    </>
  );
}
