import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import type { Launch } from "../job.ts";
import { Channel } from "./channel.ts";
import { type CommandLine, commandLine } from "./launch.ts";
import type { ClockSample } from "./align-clocks.ts";
import { type FromRank, type LauncherAddress, LOST_MS, TOKEN_BYTES, type ToRank } from "./pe-messages.ts";

const BEAT_MS = 500;

/** How long `oshrun` has to end by itself, and after it was asked to, ms. */
const END_MS = 3000;
const TERMINATE_MS = 1500;

/** Exchanges with each rank's clock, before a run and after it. */
const CLOCK_SAMPLES = 40;

/** Bytes of the launcher's error output that are kept. */
const MAX_ERROR_BYTES = 8192;

/** One rank as the launcher knows it. */
interface Member {
  readonly channel: Channel<FromRank, ToRank>;
  readonly socket: Socket;
  readonly host: string;
  /** Where its environment said which rank it is, or since OpenSHMEM was initialized; else −1. */
  rank: number;
  hasJoined: boolean;
  lastWordMs: number;
}

export interface RanksOwner {
  /** A rank says something that is not about starting or clocks. */
  onMessage(rank: number, message: FromRank): void;
  /** A rank is gone, or nothing is heard of it, or the launcher has ended. Called once. */
  onLoss(rank: number | null, why: string): void;
}

/**
 * The processes of all ranks: starts them, knows which are there, and sees that all are gone in the end. Every rank keeps
 * a connection to this process; one that closes or falls silent is lost.
 */
export class Ranks {
  readonly #owner: RanksOwner;
  readonly #count: number;
  readonly #launch: Launch;
  readonly #token = randomBytes(TOKEN_BYTES);
  readonly #server: Server;
  readonly #members: Member[] = [];
  readonly #timer: NodeJS.Timeout;
  #launcher: ChildProcess | null = null;
  #launcherExited: Promise<void> = Promise.resolve();
  #errorOutput = "";
  /** Every rank reports. */
  #isRunning = false;
  #hasLost = false;
  #isEnding = false;
  #onChange: () => void = () => {};
  readonly #clockReplies = new Map<number, (ns: bigint) => void>();
  #numClocks = 0;

  constructor(launch: Launch, count: number, owner: RanksOwner) {
    this.#launch = launch;
    this.#count = count;
    this.#owner = owner;
    this.#server = createServer((socket) => this.#admit(socket));
    this.#timer = setInterval(() => this.#look(), BEAT_MS);
  }

  /** Starts the processes; resolves once all have joined OpenSHMEM. `bytes`: symmetric memory of each. */
  async start(bytes: number): Promise<void> {
    const isLocal = this.#launch.hosts.length === 0 && this.#launch.launcher === "oshrun";
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port: 0, ...(isLocal ? { host: "127.0.0.1" } : {}) }, resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("bug: no port");
    const launcherAddress: LauncherAddress = {
      addresses: isLocal ? ["127.0.0.1"] : ownAddresses(),
      port: address.port,
      token: this.#token.toString("hex"),
    };
    const { addressFile } = this.#launch;
    if (addressFile !== undefined) writeWhole(addressFile, JSON.stringify(launcherAddress));
    else this.#spawn(commandLine(this.#launch, this.#count, bytes, JSON.stringify(launcherAddress)));
    await new Promise<void>((resolve) => {
      this.#onChange = () => {
        if (this.#members.filter(({ hasJoined }) => hasJoined).length === this.#count) resolve();
      };
    });
  }

  #spawn({ program, args, env }: CommandLine): void {
    const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"], detached: true });
    this.#launcher = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#errorOutput = (this.#errorOutput + text).slice(-MAX_ERROR_BYTES);
    });
    this.#launcherExited = new Promise((resolve) => {
      child.once("error", () => resolve());
      child.once("exit", () => resolve());
    });
    child.once("error", (error) => this.#lose(null, `${program} did not start: ${error.message}`));
    child.once("close", (code, signal) =>
      this.#lose(null, `${program} ended with ${signal ?? `exit code ${code}`}${this.lastError()}`),
    );
  }

  send(rank: number, message: ToRank): void {
    this.#memberOf(rank)?.channel.send(message);
  }

  sendAll(message: ToRank): void {
    for (const { channel } of this.#members) channel.send(message);
  }

  hostOf(rank: number): string {
    return this.#memberOf(rank)?.host ?? "?";
  }

  /** Ranks that have not joined OpenSHMEM, as far as they are known, in words. */
  describeMissing(): string {
    const known = new Set(this.#members.filter(({ hasJoined }) => hasJoined).map(({ rank }) => rank));
    const started = new Set(this.#members.map(({ rank }) => rank));
    const hosts = this.#launch.hosts.flatMap(({ name, slots }) => Array.from({ length: slots }, () => name));
    const place = (rank: number) => (hosts[rank] === undefined ? `rank ${rank}` : `rank ${rank} on ${hosts[rank]}`);
    const all = Array.from({ length: this.#count }, (_, rank) => rank);
    const absent = all.filter((rank) => !started.has(rank)).map(place);
    const waiting = all.filter((rank) => started.has(rank) && !known.has(rank)).map(place);
    const sentences = [
      ...(absent.length > 0 ? [`${absent.join(", ")} did not start`] : []),
      ...(waiting.length > 0 ? [`${waiting.join(", ")} wait for all to join OpenSHMEM`] : []),
    ];
    return sentences.join("; ");
  }

  /** Exchanges with the clocks of one rank of each host but this one; by host. */
  async sampleClocks(): Promise<Map<string, ClockSample[]>> {
    const samples = new Map<string, ClockSample[]>();
    for (const member of this.#members) {
      if (member.host === hostname() || samples.has(member.host)) continue;
      const list: ClockSample[] = [];
      samples.set(member.host, list);
      for (let i = 0; i < CLOCK_SAMPLES && !this.#isEnding; i++) list.push(await this.#exchange(member));
    }
    return samples;
  }

  /** Ends all processes: in good order if `isWell`, else at once. Returns when they are gone. */
  async end(isWell: boolean): Promise<void> {
    this.#isEnding = true;
    this.sendAll({ type: isWell ? "end" : "stop" });
    if (!(await this.#exits(isWell ? 2 * END_MS : END_MS))) {
      this.#kill("SIGTERM");
      if (!(await this.#exits(TERMINATE_MS))) {
        this.#kill("SIGKILL");
        await this.#exits(TERMINATE_MS);
      }
    }
    clearInterval(this.#timer);
    for (const { socket } of this.#members) socket.destroy();
    this.#server.close();
  }

  #admit(socket: Socket): void {
    socket.on("error", () => {});
    const refuse = setTimeout(() => socket.destroy(), LOST_MS);
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      if (head.length < TOKEN_BYTES) return;
      clearTimeout(refuse);
      socket.off("data", onData);
      if (!timingSafeEqual(head.subarray(0, TOKEN_BYTES), this.#token)) {
        socket.destroy();
        return;
      }
      this.#welcome(socket, head.subarray(TOKEN_BYTES));
    };
    socket.on("data", onData);
  }

  #welcome(socket: Socket, rest: Buffer): void {
    let member: Member | null = null;
    const channel: Channel<FromRank, ToRank> = new Channel(socket, (message) => {
      if (message.type === "hello") {
        member = {
          channel,
          socket,
          host: message.host,
          rank: message.rank ?? -1,
          hasJoined: false,
          lastWordMs: performance.now(),
        };
        this.#members.push(member);
      } else if (member !== null) this.#hear(member, message);
    });
    socket.on("close", () => {
      if (member !== null) this.#lose(member.rank, "ended before the run did");
    });
    if (rest.length > 0) socket.emit("data", rest);
  }

  #hear(member: Member, message: FromRank): void {
    member.lastWordMs = performance.now();
    if (message.type === "joined") {
      member.rank = message.rank;
      member.hasJoined = true;
      if (message.ranks !== this.#count)
        this.#lose(null, `${message.ranks} ranks have joined in place of ${this.#count}`);
      this.#onChange();
    } else if (message.type === "clock") this.#clockReplies.get(message.id)?.(message.ns);
    else this.#owner.onMessage(member.rank, message);
  }

  /** Tells all ranks that this process lives, and sees who does not. A rank that initializes the library may be busy. */
  #look(): void {
    this.sendAll({ type: "beat" });
    const nowMs = performance.now();
    for (const { rank, hasJoined, lastWordMs, host } of this.#members) {
      if (!hasJoined || !this.#isRunning || nowMs - lastWordMs < LOST_MS) continue;
      const seconds = ((nowMs - lastWordMs) / 1000).toFixed(0);
      this.#lose(rank, `on ${host} has not been heard of for ${seconds} s: its machine or the link to it is down`);
    }
  }

  /** From now on every rank reports. */
  expectReports(): void {
    const nowMs = performance.now();
    for (const member of this.#members) member.lastWordMs = nowMs;
    this.#isRunning = true;
  }

  #lose(rank: number | null, why: string): void {
    if (this.#isEnding || this.#hasLost) return;
    this.#hasLost = true;
    this.#owner.onLoss(rank, why);
  }

  async #exchange({ channel }: Member): Promise<ClockSample> {
    const id = this.#numClocks++;
    const sentNs = Number(process.hrtime.bigint());
    const there = await new Promise<bigint>((resolve) => {
      this.#clockReplies.set(id, resolve);
      channel.send({ type: "clock", id });
    });
    const receivedNs = Number(process.hrtime.bigint());
    this.#clockReplies.delete(id);
    return { sentNs, receivedNs, thereNs: Number(there) };
  }

  #memberOf(rank: number): Member | undefined {
    return this.#members.find((member) => member.rank === rank);
  }

  /** What the launcher has said of a loss, in parentheses; empty if nothing. */
  lastError(): string {
    const lines = this.#errorOutput.split("\n").filter((line) => /\w/.test(line) && !/^-+$/.test(line));
    return lines.length === 0 ? "" : ` (${lines.slice(0, 3).join(" ").slice(0, 400)})`;
  }

  async #exits(limitMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), limitMs);
    });
    const exited = this.#launcherExited.then(() => true);
    const result = await Promise.race([exited, late]);
    clearTimeout(timer);
    return result;
  }

  /** The launcher and all that it started in its process group, such as ssh. */
  #kill(signal: "SIGTERM" | "SIGKILL"): void {
    const pid = this.#launcher?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It is gone already.
    }
  }
}

/** The file appears with all of it. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const others = all.filter(({ internal, address }) => !internal && !address.startsWith("fe80:"));
  return others.length > 0 ? others.map(({ address }) => address) : ["127.0.0.1"];
}
