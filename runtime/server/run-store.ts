import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readTopologyValue } from "../../plan/formats/topology-file.ts";
import { RUN_STATES, type RunRecord } from "../../plan/http/run-api.ts";
import type { Topology } from "../../plan/topology/topology.ts";

/** How a run is done; kept beside its schedule, so that it can be done after a restart. */
export interface RunSettings {
  readonly repeats: number;
  readonly seed: number;
  readonly emulated: Topology | null;
}

const idPattern = /^[0-9a-z]{8,12}-[0-9a-f]{8}$/;
const partPattern = /^\.(?:new|old)-/;

const count = z.number().min(0);
const recordSchema = z.object({
  id: z.string().regex(idPattern),
  title: z.string(),
  state: z.enum(RUN_STATES),
  createdAt: count,
  startedAt: count.nullable(),
  endedAt: count.nullable(),
  progress: z.object({ done: count, total: count }).nullable(),
  scheduleHash: z.string(),
  ranks: count,
  emulated: z.boolean(),
  result: z
    .object({
      makespanNs: count,
      relativeError: count.nullable(),
      spread: count,
      makespans: z.array(count),
      hardware: z.unknown(),
    })
    .nullable(),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() }).nullable(),
});

const settingsSchema = z.object({ repeats: z.int(), seed: z.int(), emulated: z.unknown() });

/**
 * Runs on disk, a folder each: `record.json`, `settings.json`, `schedule.toroid` and, when it is done, `trace.toroid`. Files
 * and folders appear whole or not at all.
 */
export class RunStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Records of all runs, in no order; a folder that holds no record is left alone. Clears up what a crash left behind. */
  load(): readonly RunRecord[] {
    const names = readdirSync(this.#folder);
    for (const name of names.filter((one) => partPattern.test(one))) this.#delete(name);
    return names.filter((name) => idPattern.test(name)).flatMap((id) => this.#readRecord(id));
  }

  create(record: RunRecord, schedule: Uint8Array, settings: RunSettings): void {
    const part = `.new-${record.id}`;
    const folder = join(this.#folder, part);
    mkdirSync(folder, { mode: 0o700 });
    try {
      writeFileSync(join(folder, "schedule.toroid"), schedule);
      writeFileSync(join(folder, "settings.json"), JSON.stringify(settings));
      writeFileSync(join(folder, "record.json"), JSON.stringify(record));
      renameSync(folder, join(this.#folder, record.id));
    } catch (error) {
      this.#delete(part);
      throw error;
    }
  }

  write(record: RunRecord): void {
    this.#replace(record.id, "record.json", JSON.stringify(record));
  }

  readSchedule(id: string): Uint8Array {
    return new Uint8Array(readFileSync(this.#path(id, "schedule.toroid")));
  }

  readSettings(id: string): RunSettings {
    const { emulated, ...rest } = settingsSchema.parse(
      JSON.parse(readFileSync(this.#path(id, "settings.json"), "utf8")),
    );
    return { ...rest, emulated: emulated == null ? null : readTopologyValue(emulated) };
  }

  writeTrace(id: string, trace: Uint8Array): void {
    this.#replace(id, "trace.toroid", trace);
  }

  /** The packed trace, or null where there is none. */
  readTrace(id: string): Uint8Array<ArrayBuffer> | null {
    const path = this.#path(id, "trace.toroid");
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? new Uint8Array(readFileSync(path)) : null;
  }

  remove(id: string): void {
    const old = `.old-${id}`;
    // Somebody may have tidied up by hand: then there is nothing left to remove.
    if (!existsSync(join(this.#folder, id))) return;
    renameSync(join(this.#folder, id), join(this.#folder, old));
    this.#delete(old);
  }

  #readRecord(id: string): RunRecord[] {
    try {
      const record = recordSchema.parse(JSON.parse(readFileSync(this.#path(id, "record.json"), "utf8"))) as RunRecord;
      return record.id === id ? [record] : [];
    } catch {
      return [];
    }
  }

  #replace(id: string, name: string, contents: string | Uint8Array): void {
    const part = this.#path(id, `${name}.new`);
    writeFileSync(part, contents);
    renameSync(part, this.#path(id, name));
  }

  #path(id: string, name: string): string {
    return join(this.#folder, id, name);
  }

  #delete(name: string): void {
    rmSync(join(this.#folder, name), { recursive: true, force: true });
  }
}
