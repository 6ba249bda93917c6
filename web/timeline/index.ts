export { Timeline } from "./view/timeline.tsx";
