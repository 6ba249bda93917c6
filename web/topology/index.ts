export { TopologyView } from "./topology-view.tsx";
