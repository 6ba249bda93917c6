export { connectServer, type ServerClient } from "./client.ts";
export { RunsView } from "./runs-view.tsx";
