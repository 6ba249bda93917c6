import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { mutate, mutations, readOrRefuse } from "../../test/support/tensor-bytes.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

/** A file with that header (text or value) and `numBytes` (or the bytes given) after it. */
function file(header: unknown, data: number | readonly number[]): Uint8Array {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Uint8Array.from([...length, ...text, ...(typeof data === "number" ? new Uint8Array(data) : data)]);
}

function row(dtype: string, shape: readonly number[], start: number, end: number): object {
  return { dtype, shape, data_offsets: [start, end] };
}

const q = { shape: [1, 2, 1, 2], data: Float32Array.of(1, -2, 0.5, 3e38) };
const k = { shape: [3], data: Float32Array.of(4, 5, 6) };
const both = writeSafetensors({ q, k });

describe("a safetensors file", () => {
  test("holds several tensors by name", () => {
    expect(readSafetensors(both, "q")).toEqual(q);
    expect(readSafetensors(both, "k")).toEqual(k);
    expect(both.length % 4).toBe(0);
  });

  test("is written as its README says", () => {
    const header = '{"out":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
    const expected = Buffer.concat([Buffer.from([header.length, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(header)]);
    const written = writeSafetensors({ out: { shape: [1], data: Float32Array.of(1) } });
    expect(Buffer.from(written)).toEqual(Buffer.concat([expected, Buffer.from([0, 0, 0x80, 0x3f])]));
  });

  test("is read in all types of floats, with metadata, space and tensors of other types", () => {
    const header = {
      __metadata__: { format: "pt" },
      flags: row("BOOL", [3], 0, 3),
      none: row("F32", [0, 5], 3, 3),
      b: row("BF16", [2], 3, 7),
      h: row("F16", [2], 7, 11),
      d: row("F64", [1], 11, 19),
    };
    const bytes = [
      1, 0, 1, 0x80, 0x3f, 0x20, 0xc0, 0x00, 0x3c, 0x01, 0x00, 0x50, 0x35, 0xdd, 0x5f, 0xfb, 0x21, 0x09, 0x40,
    ];
    const all = file(`${JSON.stringify(header)}     `, bytes);
    expect([...readSafetensors(all, "b").data]).toEqual([1, -2.5]);
    expect([...readSafetensors(all, "h").data]).toEqual([1, 2 ** -24]);
    expect([...readSafetensors(all, "d").data]).toEqual([Math.fround(3.14159274)]);
    expect(readSafetensors(all, "none")).toEqual({ shape: [0, 5], data: new Float32Array(0) });
    expect(() => readSafetensors(all, "flags")).toThrow('expected one of F16, BF16, F32, F64, got "BOOL"');
  });
});

const good = row("F32", [1], 0, 4);

describe("a safetensors file is refused", () => {
  test.each([
    ["nothing", new Uint8Array(0), "byte 0", "8 bytes"],
    [
      "a length beyond the file",
      Uint8Array.from([...new Uint8Array(7).fill(255), 127, 123]),
      "byte 0",
      "within the file's 9",
    ],
    ["no object", file("[]", 0), "byte 8", "begin with {"],
    ["no JSON", file('{"q":', 0), "header", "not a JSON"],
    ["no UTF-8", file('{"k":{}}', 0).map((byte, i) => (i === 10 ? 0x80 : byte)), "header", "UTF-8"],
    ["a null", file({ q: null }, 0), 'header: "q"', "expected an object, got null"],
    ["no type", file({ q: { shape: [], data_offsets: [0, 4] } }, 4), 'header: "q".dtype', "got nothing"],
    [
      "no shape",
      file({ q: { dtype: "F32", data_offsets: [0, 4] } }, 4),
      'header: "q".shape',
      "expected a list, got nothing",
    ],
    ["a fraction", file({ q: row("F32", [0.5], 0, 4) }, 4), 'header: "q".shape[0]', "got 0.5"],
    ["a negative offset", file({ q: row("F32", [1], -4, 0) }, 4), 'header: "q".data_offsets[0]', "got -4"],
    ["offsets that are reversed", file({ q: row("F32", [1], 4, 0) }, 4), 'header: "q".data_offsets', "[4, 0]"],
    ["one offset", file({ q: { ...good, data_offsets: [0] } }, 4), 'header: "q".data_offsets', "[0]"],
    [
      "an overlap",
      file({ q: good, k: row("F32", [1], 2, 6) }, 6),
      'header: "k".data_offsets',
      "start of 4, got 2: an overlap",
    ],
    ["a gap", file({ q: good, k: row("F32", [1], 6, 10) }, 10), 'header: "k".data_offsets', "start of 4, got 6: a gap"],
    ["too few bytes", file({ q: good }, 3), "byte 65", "expected 66 bytes, got 65"],
    ["too many bytes", file({ q: good }, 5), "byte 66", "expected 66 bytes, got 67"],
    [
      "a shape that lies",
      file({ q: row("F32", [2 ** 40], 0, 4) }, 4),
      'header: "q".data_offsets',
      "4398046511104 bytes",
    ],
    ["a product that lies", file({ q: row("F32", [2 ** 40, 2 ** 40], 0, 4) }, 4), 'header: "q"', "fewer than 2^53"],
    ["another name", file({ k: good }, 4), 'header: "q"', 'one of the file\'s tensors: "k"'],
    ["no tensors", file({}, 0), 'header: "q"', "it has none"],
    ["a key twice", file('{"q":{},"q":{}}', 0), "header: character 8", "once"],
    ["deep nesting", file(`{"q":${"[".repeat(100_000)}`, 0), "header", "deeper nesting"],
    ["a type of the prototype", file({ q: row("constructor", [1], 0, 4) }, 4), 'header: "q".dtype', "constructor"],
  ])("for %s", (_, bytes, path, message) => {
    expect(() => readSafetensors(bytes, "q")).toThrow(expect.objectContaining({ name: "UsageError", path }));
    expect(() => readSafetensors(bytes, "q")).toThrow(message);
  });

  test("for a header that is larger than any use", () => {
    const bytes = new Uint8Array(2 ** 24 + 100);
    new DataView(bytes.buffer).setUint32(0, 2 ** 24 + 1, true);
    expect(() => readSafetensors(bytes, "q")).toThrow("at most 16777216 bytes, got 16777217");
  });

  test("or read, whatever it holds: mutations and cut-offs", () => {
    const isSafe = (changes: Parameters<typeof mutate>[2], fixLength: boolean) => {
      const bytes = mutate(both, 170, changes);
      // With the right length most changes get past the first check.
      if (fixLength && bytes.length > 28) bytes.set([bytes.length - 28 - 8, 0, 0, 0, 0, 0, 0, 0]);
      const tensor = readOrRefuse(() => readSafetensors(bytes, "q"));
      if (tensor !== null) expect(2 * tensor.data.length).toBeLessThan(bytes.length);
    };
    fc.assert(fc.property(fc.array(mutations, { minLength: 1, maxLength: 4 }), fc.boolean(), isSafe), {
      seed,
      numRuns: campaign(30_000),
    });
  });
});
