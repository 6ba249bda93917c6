import { createServer, type Server } from "node:http";
import { access, readFile } from "node:fs/promises";
import { delimiter, extname, join, normalize } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** Nothing is fetched from elsewhere, and no sandbox, since tests may run as root. */
const browserArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** What a test says when it skips for want of a browser. */
export const noBrowser =
  "no Chromium found: install it (Debian: apt-get install chromium) or name it in TOROID_CHROMIUM";

/** The browser's program: TOROID_CHROMIUM, or the first of the usual names on the path; null where there is none. */
export async function findBrowser(): Promise<string | null> {
  const own = process.env["TOROID_CHROMIUM"];
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const places = own === undefined ? names.flatMap((name) => folders.map((folder) => join(folder, name))) : [own];
  for (const place of places) {
    const isThere = await access(place).then(
      () => true,
      () => false,
    );
    if (isThere) return place;
  }
  return null;
}

export async function launchBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, headless: true, args: browserArguments });
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** The built page as a static site on loopback; `stop` ends it. */
export async function serveBuiltPage(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const folder = join(import.meta.dirname, "..", "..", "dist", "web");
  const server: Server = createServer(async (request, response) => {
    // The page must work from any folder: all that is asked for is looked up as if it stood at the root.
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname).replace(/^\/some\/folder/, "");
    const file = join(folder, path === "/" ? "index.html" : path);
    const bytes = await readFile(file).catch(() => null);
    response.writeHead(bytes === null ? 404 : 200, { "content-type": types[extname(file)] ?? "text/plain" });
    response.end(bytes ?? "not found");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** A page of its own profile that notes whatever the browser complains about. */
export async function openPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => {
    const why = request.failure()?.errorText;
    // The page ends a run's events itself once it has heard that the run is over, if the server has not yet.
    const isEnd = request.resourceType() === "eventsource" && why === "net::ERR_ABORTED";
    if (!isEnd) complaints.push(`${request.url()}: ${why}`);
  });
  return { page, complaints };
}

/** Drops files on the page, as a person does who drags them there. */
export async function dropFiles(page: Page, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  const contents = Object.entries(files).map(
    ([name, content]) => [name, Buffer.from(content).toString("base64")] as const,
  );
  const transfer = await page.evaluateHandle((list) => {
    const data = new DataTransfer();
    for (const [name, base64] of list) {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      data.items.add(new File([bytes], name));
    }
    return data;
  }, contents);
  for (const type of ["dragenter", "dragover", "drop"]) {
    await page.dispatchEvent("body", type, { dataTransfer: transfer });
  }
}

/** Waits until the search has ended and the plan that it names is shown, on the page `explore`. */
export async function searched(page: Page): Promise<void> {
  await page.waitForSelector(".results-ranking[data-stale=false]", { timeout: 60_000 });
  await page.waitForSelector(".shell-verdict[data-current=true]", { timeout: 60_000 });
}

/** The page's text as a person reads it, line by line, without empty ones. */
export async function textOf(page: Page, selector: string): Promise<string> {
  const text = await page.locator(selector).first().innerText();
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join("\n");
}
