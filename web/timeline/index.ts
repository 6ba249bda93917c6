export { Timeline, type TimelineProps } from "./view/timeline.tsx";
