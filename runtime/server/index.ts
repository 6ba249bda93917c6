export { isLoopback } from "./guards.ts";
export { type RunningServer, type ServeOptions, startServer } from "./start-server.ts";
