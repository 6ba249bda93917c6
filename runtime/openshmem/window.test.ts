import { describe, expect, test } from "vitest";
import { Window } from "./window.ts";
import { PARTS } from "./words.ts";

const MIB = 1024 * 1024;

/** A peer behind a link of some rate: acknowledges in order, once the bytes have crossed. */
function openLink(bytesPerNs: number) {
  let nowNs = 0;
  let freeNs = 0;
  /** By offset: when its acknowledgement lands; bytes count from the last ask. */
  const landings = new Map<number, number>();
  let unasked = 0;
  const land = (offset: number) => {
    freeNs = Math.max(freeNs, nowNs) + unasked / bytesPerNs;
    unasked = 0;
    landings.set(offset, freeNs);
    return offset;
  };
  const window = new Window({
    nowNs: () => nowNs,
    hasArrived: (offset) => (landings.get(offset) ?? Number.POSITIVE_INFINITY) <= nowNs,
    ask: (index) => land(index),
  });
  return {
    window,
    /** Hands over what there is room for; returns its bytes. */
    send(): number {
      let sum = 0;
      for (let room = window.room(); room > 0; room = window.room()) {
        unasked = room;
        window.sent(room);
        sum += room;
      }
      return sum;
    },
    sendTo(bytes: number, landing: number): void {
      unasked = bytes;
      land(landing);
      window.sent(bytes, landing);
    },
    pass(ns: number): void {
      nowNs += ns;
    },
    /** How long a signal handed over now takes to get there, beyond its own way. */
    waitNs: () => Math.max(0, freeNs - nowNs),
  };
}

/** The rate in bytes/ns over `steps` looks, one every `everyNs`, and the longest that a signal would have waited. */
function drive(bytesPerNs: number, everyNs: number, steps: number) {
  const link = openLink(bytesPerNs);
  let longestNs = 0;
  let bytes = 0;
  for (let step = 0; step < steps; step++) {
    const sent = link.send();
    // The first looks find how fast the link is.
    if (step >= steps / 2) {
      bytes += sent;
      longestNs = Math.max(longestNs, link.waitNs());
    }
    link.pass(everyNs);
  }
  return { share: bytes / (Math.ceil(steps / 2) * everyNs) / bytesPerNs, longestNs };
}

describe("a window", () => {
  test.each([
    ["10 Mb/s", 0.00125],
    ["0.5 Gb/s", 0.0625],
    ["10 Gb/s", 1.25],
  ])("keeps a link of %s busy, and no signal waits long", (_, bytesPerNs) => {
    const { share, longestNs } = drive(bytesPerNs, 1e6, 2000);
    expect(share).toBeGreaterThan(0.97);
    // Twice what it aims at, or the time of the least that may be under way.
    expect(longestNs).toBeLessThan(Math.max(40e6, (512 * 1024) / bytesPerNs));
  });

  test("lets a link run dry only where nobody looks for longer than it aims at", () => {
    expect(drive(0.0625, 4e6, 1000).share).toBeGreaterThan(0.97);
  });

  test("counts a transfer's own acknowledgement as that of its last part", () => {
    const link = openLink(1);
    link.send();
    expect(link.window.room()).toBe(0);
    link.pass(1e12);
    const before = link.window.room();
    expect(before).toBeGreaterThan(0);
    link.sendTo(16 * MIB, 1000);
    expect(link.window.room()).toBe(0);
    link.pass(16 * MIB);
    expect(link.window.room()).toBeGreaterThan(0);
  });

  test("never has more parts under way than there are words for their acknowledgements", () => {
    const link = openLink(1);
    for (let index = 0; index < PARTS; index++) link.sendTo(1, 1000 + index);
    expect(link.window.room()).toBe(0);
    link.pass(1e9);
    expect(link.window.room()).toBeGreaterThan(0);
  });

  test("once cleared, has room again", () => {
    const link = openLink(1e-9);
    link.send();
    expect(link.window.room()).toBe(0);
    link.window.clear();
    expect(link.window.room()).toBeGreaterThan(0);
  });
});
