import type { ForeignTrace } from "../../engine/protocol.ts";
import { durationNs, readClock, TimeUnit } from "./clock.ts";
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  JsonScanner,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from "./json-scanner.ts";
import { nameLanes, type ProcessNames } from "./kineto-names.ts";
import { refuseEmpty, SpanColumns } from "./span-columns.ts";

/**
 * Chrome trace events as the PyTorch profiler (Kineto) writes them: `{"traceEvents": [{"ph": "X", "ts": …, "dur": …}]}`, or
 * the list alone. Complete events become spans; flows, counters and instants are counted. Null for other files.
 */
export function readKineto(bytes: Uint8Array): ForeignTrace | null {
  const scanner = new JsonScanner(bytes);
  const head = findEvents(scanner);
  if (head === null) return null;
  const columns = new SpanColumns();
  const reader = new EventReader(scanner, columns);
  reader.readAll(!head.isObject);
  const rank = head.isObject ? (rankOf(head.distributed) ?? rankOf(distributedAfter(scanner))) : null;
  nameLanes(columns.lanes, reader.lanePid, reader.laneTid, reader.names, rank);
  const tool = reader.isKineto || head.isKineto ? "PyTorch profiler" : "Chrome trace";
  const named = rank === null ? tool : `${tool}, rank ${rank}`;
  refuseEmpty(columns, tool, "Profile at least one step, and export the trace after the profiler has stopped.");
  return columns.finish(named);
}

interface Head {
  readonly isObject: boolean;
  readonly isKineto: boolean;
  readonly distributed: unknown;
}

/** Goes to the bracket that opens the list of events. */
function findEvents(scanner: JsonScanner): Head | null {
  try {
    return scanner.peek() === OPEN_BRACKET ? findInList(scanner) : findInObject(scanner);
  } catch {
    // Broken before there was a sign that it is such a file: some other format.
    return null;
  }
}

function findInList(scanner: JsonScanner): Head | null {
  const start = scanner.at;
  scanner.at++;
  if (scanner.peek() !== OPEN_BRACE) return null;
  const from = scanner.at;
  scanner.skipValue();
  const first = scanner.value(from, scanner.at);
  scanner.at = start;
  const isEvent = typeof first === "object" && first !== null && "ph" in first;
  return isEvent ? { isObject: false, isKineto: false, distributed: null } : null;
}

function findInObject(scanner: JsonScanner): Head | null {
  let isKineto = false;
  let distributed: unknown = null;
  for (const key of fields(scanner)) {
    if (key === "traceEvents")
      return scanner.peek() === OPEN_BRACKET ? { isObject: true, isKineto, distributed } : null;
    if (key === "deviceProperties" || key === "schemaVersion") isKineto = true;
    const from = scanner.at;
    scanner.skipValue();
    if (key === "distributedInfo") distributed = scanner.value(from, scanner.at);
  }
  return null;
}

/** What comes after the events; nothing where the file breaks off there. */
function distributedAfter(scanner: JsonScanner): unknown {
  try {
    while (scanner.take(COMMA)) {
      const key = readKey(scanner);
      scanner.peek();
      const from = scanner.at;
      scanner.skipValue();
      if (key === "distributedInfo") return scanner.value(from, scanner.at);
    }
  } catch {
    return null;
  }
  return null;
}

function rankOf(distributed: unknown): number | null {
  if (typeof distributed !== "object" || distributed === null) return null;
  const rank = (distributed as Record<string, unknown>)["rank"];
  return typeof rank === "number" && Number.isInteger(rank) && rank >= 0 ? rank : null;
}

/** The keys of an object, each with the scanner at its value, which the caller steps over. */
function* fields(scanner: JsonScanner): Generator<string> {
  if (!scanner.take(OPEN_BRACE) || scanner.take(CLOSE_BRACE)) return;
  do {
    const key = readKey(scanner);
    scanner.peek();
    yield key;
  } while (scanner.take(COMMA));
}

function readKey(scanner: JsonScanner): string {
  if (scanner.peek() !== QUOTE) scanner.fail("a key");
  const from = scanner.at;
  scanner.skipString();
  const key = scanner.text(from, scanner.at);
  scanner.expect(COLON);
  return key;
}

/** Categories of what runs on a device. */
const deviceCategories = new Set(["kernel", "gpu_memcpy", "gpu_memset", "gpu_user_annotation"]);
const kinetoCategories = new Set([...deviceCategories, "cpu_op", "cuda_runtime", "user_annotation", "python_function"]);

/** Where the fields of the event that is read stand: `[from, to)`, `to` 0 for none. */
const Field = { ph: 0, cat: 1, name: 2, pid: 3, tid: 4, ts: 5, dur: 6, args: 7 } as const;

/** Reads the events one by one, without making an object of each. */
class EventReader {
  readonly names = new Map<string, ProcessNames>();
  readonly lanePid: string[] = [];
  readonly laneTid: string[] = [];
  isKineto = false;
  readonly #scanner: JsonScanner;
  readonly #columns: SpanColumns;
  readonly #from = new Float64Array(8);
  readonly #to = new Float64Array(8);
  readonly #lanes = new Map<string, Map<string, number>>();

  constructor(scanner: JsonScanner, columns: SpanColumns) {
    this.#scanner = scanner;
    this.#columns = columns;
  }

  /** Chrome's format allows a comma before the end, and a list that stands alone to have none, as killed processes leave it. */
  readAll(canLackEnd: boolean): void {
    const scanner = this.#scanner;
    scanner.expect(OPEN_BRACKET);
    while (scanner.peek() !== CLOSE_BRACKET && !(canLackEnd && scanner.peek() < 0)) {
      this.#scanFields();
      this.#takeEvent();
      if (!scanner.take(COMMA)) break;
    }
    if (!canLackEnd || scanner.peek() >= 0) scanner.expect(CLOSE_BRACKET);
  }

  #scanFields(): void {
    const scanner = this.#scanner;
    this.#to.fill(0);
    scanner.expect(OPEN_BRACE);
    if (scanner.take(CLOSE_BRACE)) return;
    do {
      if (scanner.peek() !== QUOTE) scanner.fail("a key");
      const keyAt = scanner.at;
      scanner.skipString();
      const field = fieldOf(scanner.bytes, keyAt + 1, scanner.at - 1);
      scanner.expect(COLON);
      scanner.peek();
      const from = scanner.at;
      scanner.skipValue();
      if (field < 0) continue;
      this.#from[field] = from;
      this.#to[field] = scanner.at;
    } while (scanner.take(COMMA));
    scanner.expect(CLOSE_BRACE);
  }

  #takeEvent(): void {
    const phase = this.#text(Field.ph);
    if (phase === "X") this.#takeSpan();
    else if (phase === "M") this.#takeName();
    else this.#columns.numSkipped++;
  }

  #takeSpan(): void {
    if (this.#to[Field.dur] === 0) {
      this.#columns.numSkipped++;
      return;
    }
    const [start, length] = [this.#clock(Field.ts), this.#clock(Field.dur)];
    const durNs = durationNs(length);
    // Kineto writes −1 for what had not ended.
    if (durNs < 0) {
      this.#columns.numSkipped++;
      return;
    }
    const category = this.#text(Field.cat);
    if (kinetoCategories.has(category)) this.isKineto = true;
    const lane = this.#laneOf(this.#text(Field.pid), this.#text(Field.tid));
    if (deviceCategories.has(category)) this.#columns.lanes[lane]!.isDevice = true;
    const name = this.#to[Field.name] === 0 ? category || "unnamed" : this.#text(Field.name);
    this.#columns.add(lane, this.#columns.nameOf(name), start, durNs);
  }

  /** Metadata: names of processes and threads. */
  #takeName(): void {
    const args =
      this.#to[Field.args] === 0 ? null : this.#scanner.value(this.#from[Field.args]!, this.#to[Field.args]!);
    if (typeof args !== "object" || args === null) return;
    const { name, labels } = args as { readonly name?: unknown; readonly labels?: unknown };
    const pid = this.#text(Field.pid);
    let process = this.names.get(pid);
    if (process === undefined) {
      process = { name: "", labels: "", threads: new Map() };
      this.names.set(pid, process);
    }
    switch (this.#text(Field.name)) {
      case "process_name":
        process.name = String(name ?? "");
        break;
      case "process_labels":
        process.labels = String(labels ?? "");
        break;
      case "thread_name":
        process.threads.set(this.#text(Field.tid), String(name ?? ""));
        break;
    }
  }

  #laneOf(pid: string, tid: string): number {
    let threads = this.#lanes.get(pid);
    if (threads === undefined) {
      threads = new Map();
      this.#lanes.set(pid, threads);
    }
    let lane = threads.get(tid);
    if (lane === undefined) {
      lane = this.#columns.addLane({ group: "", name: "", isDevice: false });
      threads.set(tid, lane);
      this.lanePid.push(pid);
      this.laneTid.push(tid);
    }
    return lane;
  }

  #text(field: number): string {
    return this.#to[field] === 0 ? "" : this.#scanner.text(this.#from[field]!, this.#to[field]!);
  }

  /** A time in µs; some writers put it in quotes. */
  #clock(field: number) {
    const scanner = this.#scanner;
    const isQuoted = scanner.bytes[this.#from[field]!] === QUOTE ? 1 : 0;
    const [from, to] = [this.#from[field]! + isQuoted, this.#to[field]! - isQuoted];
    const time = readClock(scanner.bytes, from, to, TimeUnit.us);
    if (time !== null) return time;
    scanner.at = this.#from[field]!;
    return scanner.fail(`a time in µs as "${field === Field.ts ? "ts" : "dur"}" of an event`);
  }
}

/** Which field a key names, −1 for those that are not needed. By its letters, since there are millions. */
function fieldOf(bytes: Uint8Array, from: number, to: number): number {
  const first = bytes[from];
  const second = bytes[from + 1];
  switch (to - from) {
    case 2:
      if (first === 0x70 && second === 0x68) return Field.ph;
      return first === 0x74 && second === 0x73 ? Field.ts : -1;
    case 3: {
      const third = bytes[from + 2];
      if (first === 0x63 && second === 0x61 && third === 0x74) return Field.cat;
      if (first === 0x64 && second === 0x75 && third === 0x72) return Field.dur;
      if (second !== 0x69 || third !== 0x64) return -1;
      return first === 0x70 ? Field.pid : first === 0x74 ? Field.tid : -1;
    }
    case 4: {
      const key = String.fromCharCode(first!, second!, bytes[from + 2]!, bytes[from + 3]!);
      return key === "name" ? Field.name : key === "args" ? Field.args : -1;
    }
    default:
      return -1;
  }
}
