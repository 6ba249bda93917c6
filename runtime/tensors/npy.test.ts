import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { mutate, mutations, readOrRefuse } from "../../test/support/tensor-bytes.ts";
import { parseNpyHeader, readNpy, writeNpy } from "./npy.ts";

const values = [1, -2.5, Math.fround(3.14159274), 0, 65504, Math.fround(6e-8)];

const data = "AACAPwAAIMDbD0lAAAAAAADgf0dZ2YAz";

/** What NumPy 2.4 wrote for these values as `<f4` of shape (2, 3). */
const head = "\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
const numpy = Uint8Array.from([...Buffer.from(`${head.padEnd(127)}\n`, "latin1"), ...Buffer.from(data, "base64")]);

/** A file with that header, padded as NumPy does; `data` in base64. */
function file(header: string, elements: string = data, version = 1): Uint8Array {
  const start = version === 1 ? 10 : 12;
  const padded = `${header.padEnd(Math.ceil((start + header.length + 1) / 64) * 64 - start - 1)}\n`;
  const head = [0x93, ...Buffer.from("NUMPY"), version, 0, padded.length & 255, padded.length >> 8];
  const length = version === 1 ? head : [...head, 0, 0];
  return Uint8Array.from([...length, ...Buffer.from(padded, "latin1"), ...Buffer.from(elements, "base64")]);
}

function header(descr: string, shape = "(2, 3)", order = "False"): string {
  return `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
}

describe("an .npy file", () => {
  test("of NumPy is read, and written the same to the byte", () => {
    expect(readNpy(numpy)).toEqual({ shape: [2, 3], data: Float32Array.from(values) });
    expect(writeNpy({ shape: [2, 3], data: Float32Array.from(values) })).toEqual(numpy);
    expect(file(header("<f4"))).toEqual(numpy);
  });

  test.each([
    ["<f4", data],
    [">f4", "P4AAAMAgAABASQ/bAAAAAEd/4AAzgNlZ"],
    ["<f8", "AAAAAAAA8D8AAAAAAAAEwFA13V/7IQlAAAAAAAAAAAAAAAAAAPzvQCtppCkrG3A+"],
    [">f8", "P/AAAAAAAADABAAAAAAAAEAJIftf3TVQAAAAAAAAAABA7/wAAAAAAD5wGysppGkr"],
  ])("of %s is read, fp64 rounded", (descr, elements) => {
    expect(readNpy(file(header(descr), elements)).data).toEqual(Float32Array.from(values));
  });

  test("of halves is read exactly, subnormal ones too", () => {
    const expected = [1, -2.5, 3.140625, 0, 65504, 2 ** -24];
    expect([...readNpy(file(header("<f2"), "ADwAwUhCAAD/ewEA")).data]).toEqual(expected);
    const special = readNpy(file(header("<f2", "(4,)"), "AHwA/ACAAX4="));
    expect([...special.data]).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, Number.NaN]);
  });

  test.each([2, 3])("of version %i is read", (version) => {
    expect(readNpy(file(header("<f4"), data, version)).data).toEqual(Float32Array.from(values));
  });

  test.each([
    ["double quotes, other order, no spaces", '{"shape":(2,3),"descr":"<f4","fortran_order":False}', [2, 3]],
    ["space everywhere", "  {  'descr' : '<f4' ,\n 'fortran_order' : False , 'shape' : ( 2 , 3 ) , } ", [2, 3]],
    ["Python 2", header("<f4", "(2L, 3L)"), [2, 3]],
    ["one dimension", header("<f4", "(6,)"), [6]],
    ["five dimensions", header("<f4", "(1, 2, 1, 3, 1)"), [1, 2, 1, 3, 1]],
  ])("with %s is read", (_, text, shape) => {
    expect(readNpy(file(text))).toEqual({ shape, data: Float32Array.from(values) });
  });

  test("may hold one number, or none", () => {
    expect(readNpy(file(header("<f4", "()"), "AADgQA=="))).toEqual({ shape: [], data: Float32Array.of(7) });
    expect(readNpy(file(header("<f4", "(0, 3)"), ""))).toEqual({ shape: [0, 3], data: new Float32Array(0) });
  });

  test("at an odd place in memory is read", () => {
    const odd = new Uint8Array(numpy.length + 1);
    odd.set(numpy, 1);
    expect(readNpy(odd.subarray(1)).data).toEqual(Float32Array.from(values));
  });
});

describe("an .npy file is refused", () => {
  test.each([
    ["no magic", Uint8Array.of(1, 2, 3), "byte 0", "magic"],
    ["nothing", new Uint8Array(0), "byte 0", "magic"],
    ["another version", Uint8Array.from(numpy, (byte, i) => (i === 6 ? 4 : byte)), "byte 6", "got 4.0"],
    ["a header that is cut off", numpy.subarray(0, 50), "byte 8", "a header of 118 bytes, got 40"],
    ["data that is cut off", numpy.subarray(0, 140), "byte 140", "expected 152 bytes"],
    ["bytes after the data", Uint8Array.from([...numpy, 0]), "byte 152", "expected 152 bytes"],
    [
      "a length that lies",
      file(header("<f4"), data, 2).fill(255, 8, 12),
      "byte 8",
      "at most 10000 bytes, got 4294967295",
    ],
    ["Fortran order", file(header("<f4", "(2, 3)", "True")), "header: fortran_order", "C order"],
    ["booleans", file(header("|b1"), "AQ=="), "header: descr", 'got "|b1"'],
    ["complex numbers", file(header("<c8")), "header: descr", "'<f4', '<f8' or '<f2'"],
    ["objects", file(header("|O")), "header: descr", 'got "|O"'],
    [
      "records",
      file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }"),
      "header: character 10",
      "records",
    ],
    ["a number for a shape", file(header("<f4", "(6)")), "header: shape", "(6,)"],
    ["a negative dimension", file(header("<f4", "(-2, -3)")), "header: character 50", "tuple of integers"],
    ["a shape that lies", file(header("<f4", "(9007199254740991, 2)")), "header: shape", "fewer than 2^53"],
    ["a dimension too large", file(header("<f4", "(9007199254740993,)")), "header: shape", "2^53"],
    ["a shape larger than the file", file(header("<f4", "(2000000000, 3)")), "byte 152", "expected 24000000128 bytes"],
    ["too many dimensions", file(header("<f4", `(${"1,".repeat(65)})`)), "header: shape", "64 dimensions"],
    ["a key that is missing", file("{'descr': '<f4', 'shape': (2, 3), }"), "header", "no fortran_order"],
    ["a key twice", file("{'descr': '<f4', 'descr': '<f4', 'shape': (2, 3), }"), "header: character 17", "once"],
    ["another key", file("{'descr': '<f4', '__proto__': (2, 3), }"), "header: character 17", "__proto__"],
    ["code", file("__import__('os')"), "header: character 0", "expected {"],
    ["something after the dictionary", file(`${header("<f4")} x`), "header: character 58", "nothing after"],
  ])("for %s", (_, bytes, path, message) => {
    expect(() => readNpy(bytes)).toThrow(expect.objectContaining({ name: "UsageError", path }));
    expect(() => readNpy(bytes)).toThrow(message);
  });

  test("or read, whatever it holds: mutations and cut-offs", () => {
    const isSafe = (start: Uint8Array, changes: Parameters<typeof mutate>[2]) => {
      const bytes = mutate(start, 140, changes);
      const tensor = readOrRefuse(() => readNpy(bytes));
      if (tensor === null) return;
      const count = tensor.shape.reduce((product, size) => product * size, 1);
      expect(tensor.data.length).toBe(count);
      expect(2 * count).toBeLessThan(bytes.length);
    };
    const starts = fc.constantFrom(numpy, file(header("<f8", "(3,)")), file(header("<f2", "(12,)"), data, 3));
    fc.assert(fc.property(starts, fc.array(mutations, { minLength: 1, maxLength: 4 }), isSafe), {
      seed,
      numRuns: campaign(30_000),
    });
  });

  test("at once, however its header is made to backtrack", () => {
    for (const text of [" ", "(1,", "1,", "1 ", "'", "{", "(1 ,  "]) {
      const long = `{'descr': '<f4', 'shape': (${text.repeat(9900 / text.length)}`;
      const start = performance.now();
      expect(readOrRefuse(() => parseNpyHeader(file(long), 1e6))).toBeNull();
      expect(performance.now() - start).toBeLessThan(500);
    }
  });
});
