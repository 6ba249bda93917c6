import {
  decodePacked,
  encodePacked,
  hashPacked,
  hasMagic,
  type PackedForm,
  type SectionTypes,
} from "../packed/container.ts";
import type { CreateHasher } from "../packed/hasher.ts";
import { headerOf, readHeader } from "./header.ts";
import type { Schedule } from "./schedule.ts";
import { validateColumns } from "./validate-schedule.ts";

/** A change of anything here, or of the types in `schedule.ts`, is a new version. */
const scheduleForm = {
  magic: "TOROID-S",
  version: 1,
  noun: "schedule",
  sections: {
    signals: { rank: "u16", word: "u32", writerRank: "u16", writerStream: "u8" },
    operands: {
      slot: "u16",
      row: "u32",
      column: "u16",
      tensor: "u8",
      head: "u16",
      numHeads: "u16",
      token: "u32",
      numTokens: "u32",
    },
    ops: {
      kind: "u8",
      rank: "u16",
      stream: "u8",
      peer: "u16",
      group: "u32",
      signal: "u32",
      signalValue: "u32",
      work: "u16",
      depsStart: "u32",
      deps: "u32",
      fromStart: "u32",
      from: "u32",
      toStart: "u32",
      to: "u32",
    },
  },
} as const satisfies PackedForm<SectionTypes>;

function contentsOf(schedule: Schedule) {
  const { signals, operands, ops } = schedule;
  return { header: headerOf(schedule), sections: { signals, operands, ops } };
}

/** Whether `bytes` begin as a packed schedule does. */
export function isPackedSchedule(bytes: Uint8Array): boolean {
  return hasMagic(scheduleForm, bytes);
}

/** The packed form of a schedule; see `PackedForm` for the layout. */
export function encodeSchedule(schedule: Schedule, createHasher?: CreateHasher): Uint8Array<ArrayBuffer> {
  return encodePacked(scheduleForm, contentsOf(schedule), createHasher);
}

/** SHA-256 of the packed form, hex. Makes no copy of the columns. */
export function scheduleHash(schedule: Schedule, createHasher?: CreateHasher): string {
  return hashPacked(scheduleForm, contentsOf(schedule), createHasher);
}

/**
 * Reads a packed schedule and validates it; its columns are views of `bytes` where these lie at a multiple of 8.
 * Errors: `version`, `hash`, `format` with the place.
 */
export function decodeSchedule(bytes: Uint8Array, createHasher?: CreateHasher): Schedule {
  const { header, sections } = decodePacked(scheduleForm, bytes, readHeader, createHasher);
  const schedule: Schedule = { version: 1, ...header, ...sections };
  validateColumns(schedule);
  return schedule;
}
