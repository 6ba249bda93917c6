export { MeasuredView } from "./measured-view.tsx";
