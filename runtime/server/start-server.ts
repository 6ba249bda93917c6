import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { UsageError } from "../../plan/errors.ts";
import { describeHardware } from "../hardware.ts";
import { superviseRun } from "../supervisor.ts";
import { createApp } from "./app.ts";
import { defaultDataFolder, takeDataFolder } from "./data-folder.ts";
import { isWildcard, ownHosts, urlHost } from "./guards.ts";
import { findPageFolder } from "./page-files.ts";
import { maxRanks } from "./run-order.ts";
import { RunQueue, type Runner } from "./run-queue.ts";
import { RunStore } from "./run-store.ts";

/** Taken where nothing is said and it is free. */
const usualPort = 7411;

/** A schedule of 16 ranks with some millions of ops, in base64. */
const defaultMaxBodyBytes = 2 ** 27;

export interface ServeOptions {
  /** What the API says of itself. */
  readonly version: string;
  /** Address to listen on; 127.0.0.1 unless it is said. */
  readonly host?: string;
  /** 0 for any free one; unless it is said 7411, or a free one where that is taken. */
  readonly port?: number;
  /** Where runs are kept, in `runs/`; unless it is said the user's folder for data. */
  readonly dataFolder?: string;
  /** The built page; unless it is said that of this build. */
  readonly pageFolder?: string;
  readonly maxBodyBytes?: number;
  /** What does runs; `superviseRun` unless it is said. */
  readonly runner?: Runner;
  /** Told of errors that are nobody's input; standard error unless it is said. */
  readonly onError?: (error: unknown) => void;
}

export interface RunningServer {
  /** Of the page, token included. */
  readonly url: string;
  readonly token: string;
  /** Stops the run that is under way, ends all connections and gives the folder back. */
  close(): Promise<void>;
}

/**
 * Serves the page and its API over HTTP and goes on with the runs that were queued. Throws a UsageError where the page is
 * not built, the folder is taken or not writable, or the address cannot be listened on.
 */
export async function startServer(options: ServeOptions): Promise<RunningServer> {
  const host = options.host ?? "127.0.0.1";
  const pageFolder = options.pageFolder ?? findPageFolder();
  const dataFolder = options.dataFolder ?? defaultDataFolder();
  const giveBack = takeDataFolder(dataFolder);
  try {
    const queue = new RunQueue(new RunStore(join(dataFolder, "runs")), options.runner ?? superviseRun);
    const token = randomBytes(24).toString("hex");
    let hosts: ReadonlySet<string> = new Set();
    const app = createApp({
      queue,
      token,
      pageFolder,
      status: { version: options.version, backends: ["threads"], hardware: describeHardware("onnx"), maxRanks },
      maxBodyBytes: options.maxBodyBytes ?? defaultMaxBodyBytes,
      ownHosts: () => hosts,
      onError: options.onError ?? console.error,
    });
    const server = createServer(getRequestListener(app.fetch, { hostname: "localhost" }));
    const port = await listen(server, host, options.port);
    hosts = ownHosts(host, port);
    queue.start();
    const shown = isWildcard(host) ? "127.0.0.1" : urlHost(host);
    return {
      url: `http://${shown}:${port}/?token=${token}`,
      token,
      close: async () => {
        await queue.close();
        await closeServer(server);
        giveBack();
      },
    };
  } catch (error) {
    giveBack();
    throw error;
  }
}

/** Listens, and returns the port. */
async function listen(server: Server, host: string, wanted: number | undefined): Promise<number> {
  try {
    return await listenOn(server, host, wanted ?? usualPort);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE" && wanted === undefined) return listenOn(server, host, 0);
    throw refusedAddress(host, wanted, code);
  }
}

function listenOn(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function refusedAddress(host: string, port: number | undefined, code: string | undefined): UsageError {
  if (code === "EADDRINUSE") {
    return new UsageError("usage", `port ${port} is taken`, {
      path: "--port",
      hint: "Leave --port out for a free one.",
    });
  }
  if (code === "EACCES") {
    return new UsageError("usage", `port ${port} may not be used: ${code}`, {
      path: "--port",
      hint: "Take a port from 1024 on.",
    });
  }
  return new UsageError("usage", `cannot listen on ${JSON.stringify(host)}: ${code}`, {
    path: "--host",
    hint: "Give an address of this machine.",
  });
}

/** Streams of events would keep it open. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
