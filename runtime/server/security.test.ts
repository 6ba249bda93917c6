import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ask, errorOf, makePage, serveForTest, smallSchedule, orderFor, post, talk } from "./server.test-support.ts";

const portOf = (url: string) => new URL(url).port;

describe("who is served", () => {
  test("the printed URL has a token of 48 hex digits, and the page needs none", async () => {
    const server = await serveForTest();
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[0-9a-f]{48}$/);
    const page = await ask(server, { path: "/?token=whatever", headers: { authorization: "" } });
    expect([page.status, page.text]).toEqual([200, "<!doctype html><title>page</title>"]);
    expect((await serveForTest()).token).not.toBe(server.token);
  });

  test.each([
    ["none", {}, ""],
    ["another", { authorization: `Bearer ${"0".repeat(48)}` }, ""],
    ["a part of it", { authorization: "Bearer PART" }, ""],
    ["another scheme", { authorization: "Basic TOKEN" }, ""],
    ["one in the query, where a header can be sent", { authorization: "" }, "?token=TOKEN"],
  ])("refuses the API to a token that is wrong: %s", async (_, headers: Record<string, string>, query) => {
    const server = await serveForTest();
    const fill = (text: string) => text.replace("TOKEN", server.token).replace("PART", server.token.slice(0, 47));
    for (const path of ["/api/status", "/api/runs", "/api/no-such-thing", "/api"]) {
      const authorization = fill(headers["authorization"] ?? "");
      const answer = await ask(server, { path: path + fill(query), headers: { authorization } });
      expect([path, answer.status]).toEqual([path, 401]);
      expect(errorOf(answer).hint).toContain("toroid serve");
    }
  });

  test("refuses an order without a token before it reads the body", async () => {
    const server = await serveForTest();
    const head = `POST /api/runs HTTP/1.1\r\nHost: 127.0.0.1:${portOf(server.url)}\r\nContent-Length: 1000000\r\n\r\n`;
    expect(await talk(server, head)).toMatch(/^HTTP\/1\.1 401 /);
  });

  test.each([
    "evil.example",
    "evil.example:PORT",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1.evil.example:PORT",
    "localhost:PORT.evil",
  ])("refuses the Host %j (DNS rebinding)", async (host) => {
    const server = await serveForTest();
    for (const path of ["/", "/api/status"]) {
      const answer = await ask(server, { path, headers: { host: host.replace("PORT", portOf(server.url)) } });
      expect([403, 400]).toContain(answer.status);
      expect(answer.text).not.toContain("page");
    }
  });

  test("refuses a request without a Host", async () => {
    const server = await serveForTest();
    for (const head of ["1.0", "1.1", "1.1\r\nHost:"]) {
      const heard = await talk(server, `GET / HTTP/${head}\r\nConnection: close\r\n\r\n`);
      expect(heard).toMatch(/^HTTP\/1\.1 40[03] /);
    }
  });

  test("takes localhost, in any case, for its own name", async () => {
    const server = await serveForTest();
    const answer = await ask(server, { headers: { host: `LocalHost:${portOf(server.url)}` } });
    expect(answer.status).toBe(200);
  });

  test.each([
    "http://evil.example",
    "null",
    "https://127.0.0.1:PORT",
    "http://127.0.0.1:1",
    "http://127.0.0.1:PORT@evil.example",
    "http://evil.example/http://127.0.0.1:PORT",
  ])("refuses the Origin %s", async (origin) => {
    const server = await serveForTest();
    const headers = { origin: origin.replace("PORT", portOf(server.url)) };
    expect((await ask(server, { headers })).status).toBe(403);
    expect((await ask(server, { path: "/", headers })).status).toBe(403);
    expect((await ask(server, { method: "POST", path: "/api/runs", headers, body: "{}" })).status).toBe(403);
  });

  test("takes its own Origin", async () => {
    const server = await serveForTest();
    expect((await ask(server, { headers: { origin: new URL(server.url).origin } })).status).toBe(200);
  });

  test.each([
    ["cross-site", 403],
    ["same-site", 403],
    ["same-origin", 200],
    ["none", 200],
  ])("Sec-Fetch-Site %s: %i", async (site, status) => {
    const server = await serveForTest();
    expect((await ask(server, { headers: { "sec-fetch-site": site } })).status).toBe(status);
    const navigation = { "sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
    expect((await ask(server, { headers: navigation })).status).toBe(status);
    expect((await ask(server, { path: "/", headers: { "sec-fetch-site": site } })).status).toBe(status);
    const framed = { ...navigation, "sec-fetch-dest": "iframe" };
    expect((await ask(server, { path: "/", headers: framed })).status).toBe(status);
    // A link to the page, followed by a person, works from wherever it stands.
    expect((await ask(server, { path: "/", headers: navigation })).status).toBe(200);
  });

  test("answers no preflight", async () => {
    const server = await serveForTest();
    const headers = { origin: "http://evil.example", "access-control-request-method": "POST" };
    const answer = await ask(server, { method: "OPTIONS", path: "/api/runs", headers });
    expect(answer.status).toBe(403);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });
});

describe("what is served", () => {
  const paths = [
    "/../secret.txt",
    "/assets/../../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/%252e%252e%252fsecret.txt",
    "/..\\secret.txt",
    "/..%5csecret.txt",
    "//secret.txt",
    "/assets/%00",
    "/link.txt",
    "/assets",
    "/assets/",
    "/etc/passwd",
  ];
  test.each(paths)("no path leads out of the page's folder: %s", async (path) => {
    const pageFolder = makePage();
    symlinkSync(join(pageFolder, "..", "secret.txt"), join(pageFolder, "link.txt"));
    const server = await serveForTest({ pageFolder });
    const answer = await ask(server, { path });
    expect([400, 404]).toContain(answer.status);
    expect(answer.text).not.toBe("secret");
  });

  test.each(["..", "%2e%2e", "..%2f..%2fsecret", "x%00", "__proto__"])("no run is called %s", async (id) => {
    const server = await serveForTest();
    for (const rest of ["", "/trace", "/events"]) {
      expect((await ask(server, { path: `/api/runs/${id}${rest}` })).status).toBe(404);
    }
    expect((await ask(server, { method: "DELETE", path: `/api/runs/${id}` })).status).toBe(404);
  });

  test("an absolute form of the address is no way round", async () => {
    const server = await serveForTest();
    const own = `127.0.0.1:${portOf(server.url)}`;
    const heard = await talk(
      server,
      `GET http://${own}/api/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`,
    );
    expect(heard).toMatch(/^HTTP\/1\.1 40[03] /);
  });

  test.each([
    ["PUT", "/", "GET, HEAD"],
    ["POST", "/index.html", "GET, HEAD"],
    ["POST", "/api/status", "GET"],
    ["PATCH", "/api/runs", "GET, POST"],
    ["PUT", "/api/runs/x", "GET, DELETE"],
    ["DELETE", "/api/runs/x/trace", "GET"],
    ["POST", "/api/runs/x/events", "GET"],
    ["OPTIONS", "/api/runs", "GET, POST"],
    ["HEAD", "/api/status", "GET"],
  ])("refuses %s %s and says what is served", async (method, path, allow) => {
    const answer = await ask(await serveForTest(), { method, path });
    expect([answer.status, answer.headers.allow]).toEqual([405, allow]);
  });

  test("every answer has the security headers, refusals too", async () => {
    const server = await serveForTest();
    for (const path of ["/", "/assets/main-1a2b.js", "/api/status", "/api/nothing", "/nothing"]) {
      for (const host of [`127.0.0.1:${portOf(server.url)}`, "evil.example"]) {
        const { headers } = await ask(server, { path, headers: { host } });
        expect(headers["content-security-policy"]).toContain("default-src 'self'");
        expect(headers["content-security-policy"]).toContain("worker-src 'self' blob:");
        expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
        expect(headers["content-security-policy"]).not.toContain("script-src 'self' 'unsafe");
        expect(headers["x-content-type-options"]).toBe("nosniff");
        expect(headers["referrer-policy"]).toBe("no-referrer");
        expect(headers["cross-origin-opener-policy"]).toContain("same-origin");
        expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
        expect(headers["access-control-allow-origin"]).toBeUndefined();
      }
    }
  });

  test("files have their types, and those with a hash in the name are kept", async () => {
    const server = await serveForTest();
    const script = await ask(server, { path: "/assets/main-1a2b.js" });
    expect(script.headers["content-type"]).toContain("text/javascript");
    expect(script.headers["cache-control"]).toContain("immutable");
    const page = await ask(server, { path: "/index.html" });
    expect(page.headers["content-type"]).toContain("text/html");
    expect(page.headers["cache-control"]).toBe("no-cache");
    expect((await ask(server)).headers["cache-control"]).toBe("no-store");
    const head = await ask(server, { method: "HEAD", path: "/" });
    expect([head.status, head.text]).toEqual([200, ""]);
  });
});

describe("bodies over the limit", () => {
  const maxBodyBytes = 100_000;
  const piece = new Uint8Array(10_000).fill(97);
  const order = { method: "POST", path: "/api/runs" };

  test("are refused by their length", async () => {
    const server = await serveForTest({ maxBodyBytes });
    const head = `POST /api/runs HTTP/1.1\r\nHost: 127.0.0.1:${portOf(server.url)}\r\nAuthorization: Bearer ${server.token}\r\n`;
    expect(await talk(server, `${head}Content-Length: ${maxBodyBytes + 1}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("are refused while they are read, where no length is said", async () => {
    const server = await serveForTest({ maxBodyBytes });
    const head = `POST /api/runs HTTP/1.1\r\nHost: 127.0.0.1:${portOf(server.url)}\r\nAuthorization: Bearer ${server.token}\r\n`;
    // Never ended: an answer can only come from what was read so far.
    const chunk = `${piece.length.toString(16)}\r\n${"a".repeat(piece.length)}\r\n`;
    const heard = await talk(server, `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(11)}`);
    expect(heard).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("what is just within is read", async () => {
    const server = await serveForTest({ maxBodyBytes });
    const answer = await ask(server, { ...order, body: Array.from({ length: 10 }, () => piece) });
    expect([answer.status, errorOf(answer).code]).toEqual([400, "parse"]);
  });
});

describe("orders that are none", () => {
  const small = () => orderFor(smallSchedule());

  test.each([
    ["no JSON", () => "{", "parse", "body"],
    ["no object", () => "[]", "format", "body"],
    ["nothing", () => "", "parse", "body"],
    ["another backend", () => ({ ...small(), backend: "cuda" }), "format", "backend"],
    ["no repeats", () => ({ ...small(), repeats: 0 }), "format", "repeats"],
    ["too many repeats", () => ({ ...small(), repeats: 1e9 }), "format", "repeats"],
    ["a seed that is none", () => ({ ...small(), seed: 0.5 }), "format", "seed"],
    ["a member that nobody knows", () => ({ ...small(), output: "/etc/passwd" }), "format", "body"],
    ["a title of a page", () => ({ ...small(), title: "a".repeat(201) }), "format", "title"],
    ["no base64", () => ({ ...small(), schedule: "?" }), "format", "schedule"],
    ["no schedule", () => ({ ...small(), schedule: "aGVsbG8=" }), "format", "schedule"],
    ["a broken schedule", () => ({ ...small(), schedule: brokenBase64(small().schedule) }), "hash", "schedule"],
    ["another type", () => orderFor(smallSchedule("bf16")), "workload", "schedule"],
    ["too many ranks", () => orderFor(smallSchedule("fp32", 32)), "limit", "schedule"],
    ["a schedule with findings", () => orderFor(withFinding()), "format", "schedule"],
    ["a topology that is none", () => ({ ...small(), emulated: { version: 1, nodes: 1 } }), "topology", "emulated"],
  ])("%s", async (_, body, code, place) => {
    const server = await serveForTest();
    const made = body();
    const text = typeof made === "string" ? made : JSON.stringify(made);
    const answer = await ask(server, { method: "POST", path: "/api/runs", body: text });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ code, path: expect.stringContaining(place) });
    expect((await ask(server, { path: "/api/runs" })).text).toBe('{"runs":[]}');
  });

  test("one that is good is taken", async () => {
    const answer = await post(await serveForTest(), small());
    expect(answer.status).toBe(201);
  });

  function brokenBase64(text: string): string {
    const bytes = Buffer.from(text, "base64");
    bytes[bytes.length - 5] = bytes[bytes.length - 5]! ^ 1;
    return bytes.toString("base64");
  }

  /** Nobody says any more which signal a put sets. */
  function withFinding() {
    const schedule = smallSchedule();
    const signalValue = schedule.ops.signalValue.slice();
    const op = signalValue.findIndex((value) => value > 0);
    signalValue[op] = signalValue[op]! + 1;
    return { ...schedule, ops: { ...schedule.ops, signalValue } };
  }
});
