/** Signals that stop a run in an orderly way: its process is gone before this one ends. */
const stopSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Does work that the user's Ctrl-C, and a request to end, abort instead of ending this process. */
export async function withStopSignals<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  for (const signal of stopSignals) process.on(signal, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    for (const signal of stopSignals) process.off(signal, onSignal);
  }
}
