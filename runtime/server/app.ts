import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { streamSSE } from "hono/streaming";
import type { RunRecord, ServerStatus } from "../../plan/http/run-api.ts";
import { bearerToken, requireOwnSender, requireToken } from "./guards.ts";
import { readPageFile } from "./page-files.ts";
import { answerOf, Refusal } from "./refusal.ts";
import { readOrder } from "./run-order.ts";
import type { RunQueue } from "./run-queue.ts";

export interface AppOptions {
  readonly queue: RunQueue;
  readonly status: ServerStatus;
  readonly token: string;
  readonly pageFolder: string;
  readonly maxBodyBytes: number;
  /** Host headers that are served; known when the port is. */
  readonly ownHosts: () => ReadonlySet<string>;
  /** Told of errors that are nobody's input. */
  readonly onError: (error: unknown) => void;
}

type Env = { Bindings: HttpBindings };

/** A quiet stream of events is kept open by a comment so often, ms. */
const keepAliveMs = 15_000;

/**
 * Scripts, workers and requests of this server only. `wasm-unsafe-eval`: reading SQLite files compiles WebAssembly. Pictures
 * are exported by way of `blob:`; styles of elements are set by the drawing code.
 */
const contentPolicy = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "worker-src 'self' blob:",
  "img-src 'self' blob: data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const securityHeaders: Readonly<Record<string, string>> = {
  "Content-Security-Policy": contentPolicy,
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  // Windows that the page opens (Perfetto's, which is handed a trace) stay in touch with it, no others.
  "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Frame-Options": "DENY",
};

/** The page and the API of plan/http/run-api.ts. */
export function createApp(options: AppOptions): Hono<Env> {
  const app = new Hono<Env>();
  app.use(addSecurityHeaders);
  app.use((context, next) => {
    const { headers } = context.env.incoming;
    const isNavigation = headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document";
    requireOwnSender(
      {
        host: headers.host,
        origin: headers.origin,
        fetchSite: headers["sec-fetch-site"]?.toString(),
        isNavigation: isNavigation && !isApi(context.req.path),
      },
      options.ownHosts(),
    );
    return next();
  });
  app.route("/api", createApi(options));
  app.get("*", (context) => sendPageFile(context, options.pageFolder));
  app.all("*", refuseMethod("GET, HEAD"));
  app.onError((error, context) => {
    const { status, document } = answerOf(error);
    if (status === 500) options.onError(error);
    if (error instanceof Refusal && error.allow !== null) context.header("Allow", error.allow);
    if (status === 401) context.header("WWW-Authenticate", "Bearer");
    return context.json(document, status);
  });
  return app;
}

const addSecurityHeaders: MiddlewareHandler = async (context, next) => {
  await next();
  for (const [name, value] of Object.entries(securityHeaders)) context.res.headers.set(name, value);
  if (!context.res.headers.has("Cache-Control")) context.res.headers.set("Cache-Control", "no-store");
};

function isApi(path: string): boolean {
  return path === "/api" || path.startsWith("/api/");
}

function createApi({ queue, status, token, maxBodyBytes }: AppOptions): Hono<Env> {
  const api = new Hono<Env>();
  api.use((context, next) => {
    // An EventSource cannot set headers.
    const isEvents = /^\/api\/runs\/[^/]+\/events$/.test(context.req.path);
    const inQuery = isEvents ? context.req.query("token") : undefined;
    requireToken(bearerToken(context.req.header("authorization")) ?? inQuery, token);
    if (context.req.method === "HEAD") throw methodRefused("HEAD", "GET");
    return next();
  });
  api.get("/status", (context) => context.json(status));
  api.all("/status", refuseMethod("GET"));
  api.get("/runs", (context) => context.json({ runs: queue.list() }));
  api.post("/runs", limitBody(maxBodyBytes), async (context) =>
    context.json(queue.add(readOrder(await context.req.text())), 201),
  );
  api.all("/runs", refuseMethod("GET, POST"));
  api.get("/runs/:id", (context) => context.json(runOf(queue, context.req.param("id"))));
  api.delete("/runs/:id", (context) => {
    const removed = queue.remove(runOf(queue, context.req.param("id")).id);
    if (removed === null) throw new Refusal(409, "this run has not ended", { hint: "Cancel it first." });
    return context.json(removed);
  });
  api.all("/runs/:id", refuseMethod("GET, DELETE"));
  api.post("/runs/:id/cancel", async (context) =>
    context.json((await queue.cancel(runOf(queue, context.req.param("id")).id)) ?? notFound()),
  );
  api.all("/runs/:id/cancel", refuseMethod("POST"));
  api.get("/runs/:id/trace", (context) => {
    const trace = queue.trace(runOf(queue, context.req.param("id")).id);
    if (trace === null) throw new Refusal(404, "this run has no trace", { hint: "Only runs that are done have one." });
    return context.body(trace, 200, { "Content-Type": "application/octet-stream" });
  });
  api.all("/runs/:id/trace", refuseMethod("GET"));
  api.get("/runs/:id/events", (context) => sendEvents(context, queue, runOf(queue, context.req.param("id"))));
  api.all("/runs/:id/events", refuseMethod("GET"));
  api.all("*", () => notFound());
  return api;
}

/** While it is read: a length that was promised is no more than a promise. */
function limitBody(maxSize: number): MiddlewareHandler {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new Refusal(413, `expected a body of at most ${maxSize} bytes`, {
        hint: "Run so large a schedule with `toroid run`.",
      });
    },
  });
}

function runOf(queue: RunQueue, id: string): RunRecord {
  return queue.get(id) ?? notFound();
}

function notFound(): never {
  throw new Refusal(404, "there is no such run or address");
}

function refuseMethod(allow: string): (context: Context) => never {
  return (context) => {
    throw methodRefused(context.req.method, allow);
  };
}

function methodRefused(method: string, allow: string): Refusal {
  return new Refusal(405, `${method} is not served here`, { allow });
}

function sendPageFile(context: Context, folder: string): Response {
  const file = readPageFile(folder, new URL(context.req.url).pathname);
  if (file === null) throw new Refusal(404, "there is no such file", { hint: "Open the URL that was printed." });
  return context.body(file.bytes, 200, {
    "Content-Type": file.type,
    "Cache-Control": file.isHashed ? "public, max-age=31536000, immutable" : "no-cache",
  });
}

/** The run as it is, then every change of it until it has ended. */
function sendEvents(context: Context, queue: RunQueue, first: RunRecord): Response {
  return streamSSE(context, async (stream) => {
    let written: Promise<unknown> = Promise.resolve();
    let stopListening = () => {};
    const over = new Promise<void>((resolve) => {
      const send = (record: RunRecord) => {
        written = stream.writeSSE({ event: "progress", data: JSON.stringify(record) });
        if (hasEnded(record)) resolve();
      };
      stream.onAbort(resolve);
      send(first);
      stopListening = queue.listen(first.id, send);
    });
    const timer = setInterval(() => void stream.write(": still here\n\n"), keepAliveMs);
    try {
      await over;
      if (!stream.aborted) await written;
    } finally {
      clearInterval(timer);
      stopListening();
    }
  });
}

function hasEnded({ state }: RunRecord): boolean {
  return state !== "queued" && state !== "running";
}
