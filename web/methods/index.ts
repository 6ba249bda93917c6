export { MethodsView } from "./methods-view.tsx";
