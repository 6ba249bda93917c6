import type { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { UsageError } from "../../plan/errors.ts";
import { isLoopback, startServer } from "../../runtime/server/index.ts";
import { integerFlag } from "../numbers.ts";
import { note, print } from "../output.ts";
import { withStopSignals } from "../stop-signals.ts";

interface Flags {
  readonly host: string;
  readonly port?: number;
  readonly data?: string;
}

const examples = `
Opening the printed URL is all there is to do: it holds a token, new at each start, without which no run can be started or
read. Runs are done one at a time and kept; what is queued when the server ends goes on at its next start.

Examples:
  toroid serve
  toroid serve --port 8080 --data ./runs-of-today
  ssh -L 7411:127.0.0.1:7411 machine toroid serve --port 7411     (from a machine without a browser)`;

/** Adds `toroid serve`. */
export function addServeCommand(program: Command): void {
  program
    .command("serve")
    .summary("serve the explorer in a browser, with runs on this machine")
    .description(
      "Serves the explorer page and runs the schedules that it orders, on threads of this machine, until Ctrl-C.",
    )
    .option(
      "--port <n>",
      "port to listen on, 0 for any (default: 7411, or a free one)",
      integerFlag("--port", 0, 65_535),
    )
    .option("--host <address>", "address to listen on", hostFlag, "127.0.0.1")
    .option("--data <dir>", "folder where runs are kept (default: $XDG_DATA_HOME/toroid or ~/.local/share/toroid)")
    .addHelpText("after", examples)
    .action((flags: Flags) => serve(flags));
}

/** An empty address would listen on every interface without saying so. */
function hostFlag(text: string): string {
  if (/^(?:\d{1,3}(?:\.\d{1,3}){3}|[a-zA-Z][a-zA-Z0-9.-]*|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*)$/.test(text)) return text;
  throw new UsageError("usage", `expected a host name or an address, got ${JSON.stringify(text.slice(0, 80))}`, {
    path: "--host",
    hint: "127.0.0.1 serves this machine alone, 0.0.0.0 all that reach it.",
  });
}

/** Serves until a signal ends it; also at the end of `npm start`. */
export async function serve({ host, port, data }: Flags): Promise<void> {
  await withStopSignals(async (signal) => {
    const server = await startServer({
      version: packageJson.version,
      host,
      ...(port === undefined ? {} : { port }),
      ...(data === undefined ? {} : { dataFolder: data }),
    });
    if (!isLoopback(host)) {
      note(
        `warning: ${host} is reached from other machines; whoever has the token starts runs here, and HTTP lets others on ` +
          "the network read it. An ssh tunnel to 127.0.0.1 does not.",
      );
    }
    print(server.url);
    note("serving the explorer; Ctrl-C ends it");
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    await server.close();
  });
}
