import type { RunOrder, RunRecord, ServerStatus } from "../../plan/http/run-api.ts";

/** What the server answered to a request that it did not serve, as the command line prints it. */
export class ServerRefusal extends Error {
  override readonly name = "ServerRefusal";
  readonly code: string;
  readonly path: string | null;
  readonly hint: string | null;

  constructor(code: string, message: string, path: string | null, hint: string | null) {
    super(message);
    this.code = code;
    this.path = path;
    this.hint = hint;
  }
}

/** `toroid serve` behind the page. Every function but `follow` rejects with a `ServerRefusal`. */
export interface ServerClient {
  readonly status: ServerStatus;
  /** Newest first. */
  list(): Promise<readonly RunRecord[]>;
  start(order: RunOrder): Promise<RunRecord>;
  /** Cancels a run that waits or runs; one that has ended meanwhile stays as it is. */
  cancel(id: string): Promise<RunRecord>;
  /** Removes a run that has ended. */
  remove(id: string): Promise<RunRecord>;
  trace(id: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Tells the record now and after each change; a lost connection is taken up again. Returns what ends it. */
  follow(id: string, onRecord: (record: RunRecord) => void): () => void;
}

/** The server that the page came from: null where the address has no token (a static site) or it is not taken. */
export async function connectServer(address: Pick<Location, "href" | "search">): Promise<ServerClient | null> {
  const token = new URLSearchParams(address.search).get("token");
  if (token === null || token === "") return null;
  const ask = createAsk(new URL("api/", withoutQuery(address.href)), token);
  try {
    return createClient(ask, (await (await ask("GET", "status")).json()) as ServerStatus);
  } catch {
    return null;
  }
}

interface Ask {
  (method: string, path: string, body?: unknown): Promise<Response>;
  /** Of a stream of events, which cannot carry headers. */
  readonly eventsUrl: (path: string) => string;
}

function withoutQuery(href: string): URL {
  const url = new URL(href);
  url.search = "";
  url.hash = "";
  return url;
}

function createAsk(base: URL, token: string): Ask {
  const ask = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const response = await fetch(new URL(path, base), {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch(() => {
      throw new ServerRefusal("not-found", "the server does not answer", null, "Start `toroid serve` again.");
    });
    if (!response.ok) throw await refusalOf(response);
    return response;
  };
  const eventsUrl = (path: string) => new URL(`${path}?token=${encodeURIComponent(token)}`, base).href;
  return Object.assign(ask, { eventsUrl });
}

async function refusalOf(response: Response): Promise<ServerRefusal> {
  const document = (await response.json().catch(() => null)) as { error?: Partial<ServerRefusal> } | null;
  const { code = "usage", message = `status ${response.status}`, path = null, hint = null } = document?.error ?? {};
  return new ServerRefusal(code, message, path, hint);
}

function createClient(ask: Ask, status: ServerStatus): ServerClient {
  const read = async <T>(response: Promise<Response>): Promise<T> => (await (await response).json()) as T;
  const runPath = (id: string, rest = "") => `runs/${encodeURIComponent(id)}${rest}`;
  return {
    status,
    list: async () => (await read<{ runs: readonly RunRecord[] }>(ask("GET", "runs"))).runs,
    start: (order) => read(ask("POST", "runs", order)),
    cancel: (id) => read(ask("POST", runPath(id, "/cancel"))),
    remove: (id) => read(ask("DELETE", runPath(id))),
    trace: async (id) => new Uint8Array(await (await ask("GET", runPath(id, "/trace"))).arrayBuffer()),
    follow: (id, onRecord) => {
      const source = new EventSource(ask.eventsUrl(runPath(id, "/events")));
      source.addEventListener("progress", ({ data }: MessageEvent<string>) => {
        const record = JSON.parse(data) as RunRecord;
        // The server ends the stream then, and an EventSource would ask for it again.
        if (record.state !== "queued" && record.state !== "running") source.close();
        onRecord(record);
      });
      return () => source.close();
    },
  };
}
