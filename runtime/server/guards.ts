import { createHash, timingSafeEqual } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import { Refusal } from "./refusal.ts";

/** What of a request says who sent it. Names as in Node's headers. */
export interface Sender {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly fetchSite: string | undefined;
  /** Whether a person follows a link or types an address: nothing but a page may answer that. */
  readonly isNavigation: boolean;
}

/** Addresses that listen on every interface of the machine. */
const wildcards = new Set(["0.0.0.0", "::"]);

/** Whether that address means every interface of the machine. */
export function isWildcard(host: string): boolean {
  return wildcards.has(host);
}

/** Whether only programs of this machine reach that address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** A host as it stands in a URL: IPv6 addresses in brackets. */
export function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * Host headers of requests that are meant for this server. A page elsewhere whose name was made to resolve to this machine
 * (DNS rebinding) sends that name, which is none of them. On every interface, names are this machine's own and its
 * addresses: an address cannot be rebound.
 */
export function ownHosts(host: string, port: number): ReadonlySet<string> {
  const names = ["127.0.0.1", "localhost", ...(host.includes(":") ? ["::1"] : []), host];
  if (isWildcard(host)) names.push(hostname(), ...machineAddresses());
  const written = names.map((name) => urlHost(name).toLowerCase());
  // Browsers leave the port of plain HTTP out.
  return new Set(written.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`])));
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}

/** Refuses (403) what is not addressed to this server or comes from a page of another origin. */
export function requireOwnSender({ host, origin, fetchSite, isNavigation }: Sender, own: ReadonlySet<string>): void {
  if (host === undefined || !own.has(host.toLowerCase())) {
    throw new Refusal(403, "this Host is not served", { hint: "Open the URL that `toroid serve` printed." });
  }
  if (origin !== undefined && !isOwnOrigin(origin, own)) {
    throw new Refusal(403, "requests of other origins are not served");
  }
  const isForeign = fetchSite !== undefined && fetchSite !== "same-origin" && fetchSite !== "none";
  if (isForeign && !isNavigation) throw new Refusal(403, "requests of other sites are not served");
}

function isOwnOrigin(origin: string, own: ReadonlySet<string>): boolean {
  return origin.startsWith("http://") && own.has(origin.slice("http://".length).toLowerCase());
}

/** Refuses (401) a token that is not the server's; the time this takes says nothing about it. */
export function requireToken(given: string | undefined, token: string): void {
  if (given !== undefined && timingSafeEqual(digest(given), digest(token))) return;
  throw new Refusal(401, given === undefined ? "a token is needed" : "this is not the server's token", {
    hint: "Open the URL that `toroid serve` printed, token included: each start has a new one.",
  });
}

/** The token of `Authorization: Bearer TOKEN`. */
export function bearerToken(header: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? "")?.[1];
}

/** Of one length, whatever was given. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
