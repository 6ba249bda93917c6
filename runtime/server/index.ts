export { isLoopback } from "./guards.ts";
export { startServer } from "./start-server.ts";
