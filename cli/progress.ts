import { SingleBar } from "cli-progress";

/** What work calls to say how far it is. */
export type Progress = (done: number, total: number) => void;

/** Runs work with a progress bar on standard error; in a pipe there is none. */
export function withProgress<T>(label: string, work: (progress: Progress) => T): T {
  const bar = startBar(label);
  try {
    return work(bar.show);
  } finally {
    bar.stop();
  }
}

/** As `withProgress`, for work that goes on beside the bar. */
export async function withAsyncProgress<T>(label: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  const bar = startBar(label);
  try {
    return await work(bar.show);
  } finally {
    bar.stop();
  }
}

function startBar(label: string): { readonly show: Progress; readonly stop: () => void } {
  if (process.stderr.isTTY !== true) return { show: () => {}, stop: () => {} };
  const bar = new SingleBar({
    format: `${label} {bar} {value}/{total}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(1, 0);
  return {
    show: (done, total) => {
      bar.setTotal(Math.max(1, total));
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
