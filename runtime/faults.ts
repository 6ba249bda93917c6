/**
 * What a test makes a run suffer, to see it stopped and explained: the thread throws, goes on for ever without looking
 * up, ends, the process is killed, memory runs out, or the signal of a put or notify is lost.
 */
export interface Fault {
  readonly kind: "throw" | "hang" | "exit" | "kill" | "out-of-memory" | "lose-signal";
  readonly op: number;
}

/** Does what a fault says when its op starts. */
export function sufferFault({ kind, op }: Fault): void {
  if (kind === "throw") throw new Error(`fault: op ${op} throws`);
  if (kind === "exit") process.exit(1);
  if (kind === "kill") process.kill(process.pid, "SIGKILL");
  if (kind === "out-of-memory") new Float64Array(2 ** 40);
  if (kind === "hang") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
