import { SingleBar } from "cli-progress";

/** What work calls to say how far it is. */
export type Progress = (done: number, total: number) => void;

/** Runs work with a progress bar on standard error; in a pipe there is none. */
export function withProgress<T>(label: string, work: (progress: Progress) => T): T {
  if (process.stderr.isTTY !== true) return work(() => {});
  const bar = new SingleBar({
    format: `${label} {bar} {value}/{total}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(1, 0);
  try {
    return work((done, total) => {
      bar.setTotal(Math.max(1, total));
      bar.update(done);
    });
  } finally {
    bar.stop();
  }
}
