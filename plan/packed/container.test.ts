import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { UsageError } from "../errors.ts";
import { decodePacked, encodePacked, hashPacked, hasMagic, type PackedForm, type SectionTypes } from "./container.ts";
import { createPortableHasher } from "./hasher.ts";

const form = {
  magic: "TESTFORM",
  version: 3,
  noun: "test",
  sections: { a: { bytes: "u8", halves: "u16" }, b: { words: "u32", doubles: "f64" } },
} as const satisfies PackedForm<SectionTypes>;

const readHeader = (json: unknown) => ({ name: (json as { name: string } | undefined)?.name ?? "" });
const nodeHasher = () => createHash("sha256");

const contents = fc.record({
  header: fc.record({ name: fc.string({ unit: "grapheme" }) }, { noNullPrototype: true }),
  sections: fc.record(
    {
      a: fc.record({ bytes: fc.uint8Array(), halves: fc.uint16Array() }, { noNullPrototype: true }),
      b: fc.record({ words: fc.uint32Array(), doubles: fc.float64Array() }, { noNullPrototype: true }),
    },
    { noNullPrototype: true },
  ),
});

const example = {
  header: { name: "eins" },
  sections: {
    a: { bytes: Uint8Array.of(1, 2, 3), halves: Uint16Array.of(4, 5) },
    b: { words: Uint32Array.of(6), doubles: Float64Array.of(0.5) },
  },
};

/** The bytes with another header text, and the right lengths and hash for it. */
function withHeaderText(bytes: Uint8Array, change: (text: string) => string): Uint8Array {
  const length = new DataView(bytes.buffer).getUint32(12, true);
  const columns = bytes.subarray(Math.ceil((16 + length) / 8) * 8, bytes.length - 32);
  const header = new TextEncoder().encode(change(new TextDecoder().decode(bytes.subarray(16, 16 + length))));
  const start = Math.ceil((16 + header.length) / 8) * 8;
  const changed = new Uint8Array(start + columns.length + 32);
  changed.set(bytes.subarray(0, 16));
  new DataView(changed.buffer).setUint32(12, header.length, true);
  changed.set(header, 16);
  changed.set(columns, start);
  return withHash(changed);
}

function withHash(bytes: Uint8Array): Uint8Array {
  bytes.set(nodeHasher().update(bytes.subarray(0, -32)).digest(), bytes.length - 32);
  return bytes;
}

function errorOf(bytes: Uint8Array): UsageError {
  try {
    decodePacked(form, bytes, readHeader);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("packed form", () => {
  test("gives back what was put in, at any place in memory", () => {
    fc.assert(
      fc.property(contents, fc.nat(15), (input, shift) => {
        const bytes = encodePacked(form, input);
        const shifted = new Uint8Array(shift + bytes.length).subarray(shift);
        shifted.set(bytes);
        expect(decodePacked(form, shifted, readHeader)).toEqual(input);
        // Buffer's own `slice` makes no copy, so a Buffer is a case of its own.
        expect(decodePacked(form, Buffer.from(shifted.buffer, shift), readHeader)).toEqual(input);
        expect(encodePacked(form, decodePacked(form, shifted, readHeader))).toEqual(bytes);
      }),
      { seed, numRuns: campaign(1000) },
    );
  });

  test("has the same hash from every hasher, and ends with it", () => {
    fc.assert(
      fc.property(contents, (input) => {
        const bytes = encodePacked(form, input);
        const hash = hashPacked(form, input);
        expect(hashPacked(form, input, nodeHasher)).toBe(hash);
        expect(Buffer.from(bytes.subarray(-32)).toString("hex")).toBe(hash);
        expect(nodeHasher().update(bytes.subarray(0, -32)).digest("hex")).toBe(hash);
        expect(encodePacked(form, input, nodeHasher)).toEqual(bytes);
      }),
      { seed, numRuns: campaign(1000) },
    );
  });

  test("columns are views of aligned bytes", () => {
    const bytes = encodePacked(form, example);
    const { sections } = decodePacked(form, bytes, readHeader);
    expect(sections.b.doubles.buffer).toBe(bytes.buffer);
    for (const column of [...Object.values(sections.a), ...Object.values(sections.b)]) {
      expect(column.byteOffset % 8).toBe(0);
    }
  });

  test("is refused wherever it is cut off or goes on", () => {
    const bytes = encodePacked(form, example);
    for (let length = 0; length < bytes.length; length++) {
      expect(errorOf(bytes.subarray(0, length)).code, `at ${length} bytes`).toBe("format");
    }
    for (const more of [1, 8, 32]) {
      const longer = new Uint8Array(bytes.length + more);
      longer.set(bytes);
      expect(errorOf(longer).code).toBe("format");
    }
  });

  test("is refused when any bit of it is flipped", () => {
    const bytes = encodePacked(form, example);
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(["format", "version", "hash"]).toContain(errorOf(flipped).code);
    }
  });

  test.each([
    ["magic", "format", 0],
    ["version", "version", 8],
    ["hash", "hash", -1],
    ["hash", "hash", -40],
  ])("names the %s as what is wrong", (path, code, at) => {
    const bytes = encodePacked(form, example);
    bytes[(at + bytes.length) % bytes.length]! ^= 64;
    expect(errorOf(bytes)).toMatchObject({ code, path });
  });

  test("has only one way to be written", () => {
    const bytes = encodePacked(form, example);
    const changes: ((text: string) => string)[] = [
      (text) => text.replace(",", ", "),
      (text) => `\ufeff${text}`,
      (text) => text.replace('{"name":"eins"}', '{"name":"eins","more":1}'),
      (text) => text.replace('{"name":"eins"}', '{"name":"zwei","name":"eins"}'),
      (text) => text.replace("eins", "\\u0065ins"),
      (text) => text.replace(/^\{(.*),("columns".*)\}$/, "{$2,$1}"),
    ];
    expect(withHeaderText(bytes, (text) => text)).toEqual(bytes);
    for (const change of changes) {
      expect(errorOf(withHeaderText(bytes, change)), change.toString()).toMatchObject({
        code: "format",
        path: "header",
      });
    }
  });

  test("has zeros in its gaps", () => {
    const bytes = encodePacked(form, example);
    const { sections } = decodePacked(form, bytes, readHeader);
    bytes[sections.a.bytes.byteOffset + sections.a.bytes.byteLength] = 1;
    expect(errorOf(withHash(bytes))).toMatchObject({ code: "format", path: "columns" });
  });

  test.each([
    ["a length that is no count", '"u8",3', '"u8",-3'],
    ["a length that is no integer", '"u8",3', '"u8",2.5'],
    ["a length that is no number", '"u8",3', '"u8","3"'],
    ["a length above memory", '"u8",3', '"u8",9007199254740991'],
    ["a length that is infinite", '"u8",3', '"u8",1e999'],
    ["another type", '"u8",3', '"u16",3'],
    ["another name", "a.bytes", "a.bites"],
    ["no table", '"columns"', '"rows"'],
    ["no header", '"header"', '"footer"'],
    ["no JSON", '"header"', '"header'],
    ["deep JSON", '{"name":"eins"}', `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ])("is refused with %s", (_, from, to) => {
    const changed = withHeaderText(encodePacked(form, example), (text) => text.replace(from, to));
    expect(["format", "version"]).toContain(errorOf(changed).code);
  });

  test("tells its magic apart", () => {
    const bytes = encodePacked(form, example);
    expect(hasMagic(form, bytes)).toBe(true);
    expect(hasMagic({ magic: "TESTFOR2" }, bytes)).toBe(false);
    expect(hasMagic(form, bytes.subarray(0, 7))).toBe(false);
  });
});

describe("portable hasher", () => {
  test("is SHA-256 for every way to cut the input", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (pieces) => {
        const portable = createPortableHasher();
        const node = nodeHasher();
        for (const piece of pieces) {
          portable.update(piece);
          node.update(piece);
        }
        expect(Buffer.from(portable.digest()).toString("hex")).toBe(node.digest("hex"));
      }),
      { seed, numRuns: campaign(2000) },
    );
  });
});
