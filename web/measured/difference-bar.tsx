interface DifferenceBarProps {
  readonly ns: number;
  /** What a full half of the bar stands for. */
  readonly mostNs: number;
}

/** A difference to see at a glance: to the right where it is positive, to the left where it is not. */
export function DifferenceBar({ ns, mostNs }: DifferenceBarProps) {
  const percent = mostNs === 0 ? 0 : (50 * Math.abs(ns)) / mostNs;
  return (
    <span class="measured-bar" aria-hidden="true">
      <span
        class={ns > 0 ? "measured-bar-more" : "measured-bar-less"}
        style={{ left: `${ns > 0 ? 50 : 50 - percent}%`, width: `${percent}%` }}
      />
    </span>
  );
}
