import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { RunOrder, RunRecord } from "../../plan/http/run-api.ts";
import type { ServerClient } from "./client.ts";
import { followedRun, isUnfinished, withoutRecord, withRecord } from "./run-words.ts";

/** What went wrong, as the server says it. */
export interface RunsError {
  readonly message: string;
  readonly path: string | null;
  readonly hint: string | null;
}

export interface Runs {
  /** Newest first; null until the server has answered. */
  readonly records: readonly RunRecord[] | null;
  readonly error: RunsError | null;
  /** What was done last, to be announced. */
  readonly news: string;
  start(order: RunOrder): Promise<void>;
  end(record: RunRecord): Promise<void>;
  open(record: RunRecord, onTrace: (trace: Uint8Array, record: RunRecord) => void): Promise<void>;
}

/** The server's runs, kept up to date: the one that runs by its events, the others when it ends or one comes back. */
export function useRuns(server: ServerClient): Runs {
  const [records, setRecords] = useState<readonly RunRecord[] | null>(null);
  const [error, setError] = useState<RunsError | null>(null);
  const [news, setNews] = useState("");
  const isMounted = useRef(true);
  const attempt = useCallback(async (work: () => Promise<void>) => {
    try {
      await work();
      if (isMounted.current) setError(null);
    } catch (failure) {
      if (isMounted.current) setError(errorOf(failure));
    }
  }, []);
  const refresh = useCallback(() => attempt(async () => setRecords(await server.list())), [server, attempt]);
  const take = useCallback((record: RunRecord) => setRecords((list) => withRecord(list ?? [], record)), []);

  useEffect(() => {
    isMounted.current = true;
    void refresh();
    const onFocus = () => void refresh();
    addEventListener("focus", onFocus);
    return () => {
      isMounted.current = false;
      removeEventListener("focus", onFocus);
    };
  }, [refresh]);

  const followed = followedRun(records ?? []);
  useEffect(() => {
    if (followed === null) return;
    return server.follow(followed, (record) => {
      take(record);
      if (isUnfinished(record)) return;
      setNews(`${record.title}: ${record.state}`);
      void refresh();
    });
  }, [server, followed, take, refresh]);

  return {
    records,
    error,
    news,
    start: (order) =>
      attempt(async () => {
        take(await server.start(order));
        setNews(`${order.title}: queued`);
      }),
    end: (record) =>
      attempt(async () => {
        const ended = await (isUnfinished(record) ? server.cancel(record.id) : server.remove(record.id));
        if (isUnfinished(record)) take(ended);
        else setRecords((list) => withoutRecord(list ?? [], record.id));
        setNews(`${record.title}: ${isUnfinished(record) ? ended.state : "removed"}`);
      }),
    open: (record, onTrace) => attempt(async () => onTrace(await server.trace(record.id), record)),
  };
}

function errorOf(failure: unknown): RunsError {
  const { message, path, hint } = failure as Partial<RunsError>;
  return { message: message ?? String(failure), path: path ?? null, hint: hint ?? null };
}
