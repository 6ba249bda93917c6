export { readForeignTrace } from "./read-foreign-trace.ts";
