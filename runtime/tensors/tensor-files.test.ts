import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { smallWorkload } from "../../test/support/plans.ts";
import { isSame, type Mutation, mutate, mutations, readOrRefuse } from "../../test/support/tensor-bytes.ts";
import { npyHead, readNpy, writeNpy } from "./npy.ts";
import { fillRandom } from "./random-tensors.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import { readTensorFile, shapeOfTensor } from "./tensor-files.ts";
import { writeTensorFile } from "./write-tensor-file.ts";

const workload = smallWorkload({ tokens: 6, heads: 4, kvHeads: 2, headDim: 4 });
const shape = shapeOfTensor(workload, "q");
const data = new Float32Array(96);
fillRandom(data, { seed: 1, tensor: "q", group: 0 });

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "toroid-tensors-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function place(name: string, bytes?: Uint8Array): string {
  const path = join(folder, name);
  if (bytes !== undefined) writeFileSync(path, bytes);
  return path;
}

/** What a reader says against a file: message and place, without the folder. */
function refusal(file: string, expected: readonly number[] = shape): string {
  try {
    readTensorFile(file, "q", expected);
  } catch (error) {
    const { name, path, message } = error as { name: string; path: string; message: string };
    return `${name}: ${path}: ${message}`.replaceAll(`${folder}/`, "");
  }
  return "read";
}

describe("reading a tensor", () => {
  test("has the shape of the workload, KV heads for K and V", () => {
    expect(shape).toEqual([1, 6, 4, 4]);
    expect(shapeOfTensor(workload, "k")).toEqual([1, 6, 2, 4]);
    expect(shapeOfTensor(workload, "out")).toEqual(shape);
  });

  test("goes by contents, not by the name", () => {
    const npy = place("a.safetensors", writeNpy({ shape, data }));
    const safetensors = place("b.npy", writeSafetensors({ q: { shape, data } }));
    for (const file of [npy, safetensors]) expect(readTensorFile(file, "q", shape)).toEqual({ shape, data });
  });

  test("takes [L, H, D] for one batch entry", () => {
    const file = place("three.npy", writeNpy({ shape: shape.slice(1), data }));
    expect(readTensorFile(file, "q", shape)).toEqual({ shape, data });
    expect(refusal(file, [2, 6, 4, 2])).toContain("expected shape [2, 6, 4, 2] ([B, L, H, D]), got [6, 4, 4]");
  });

  test("finds a tensor by its name, its letter or as the only one", () => {
    const other = data.map((x) => -x);
    const tensors = { q: { shape, data }, "block.0:q": { shape, data: other }, "block.1": { shape, data: other } };
    const several = place("several.safetensors", writeSafetensors(tensors));
    expect(readTensorFile(several, "q", shape).data).toEqual(data);
    expect(readTensorFile(`${several}:block.1`, "q", shape).data).toEqual(other);
    expect(refusal(`${several}:k`)).toContain('several.safetensors: header: "k": expected one of the file\'s tensors');
    const single = place("single.safetensors", writeSafetensors({ out: { shape, data } }));
    expect(readTensorFile(single, "q", shape).data).toEqual(data);
    const colon = place("with:colon.npy", writeNpy({ shape, data }));
    expect(readTensorFile(colon, "q", shape).data).toEqual(data);
  });

  test("fills memory that the caller makes, once everything fits", () => {
    const shared = new Float32Array(new SharedArrayBuffer(4 * 96));
    const file = place("shared.npy", writeNpy({ shape, data }));
    expect(readTensorFile(file, "q", shape, () => shared).data).toBe(shared);
    expect(shared).toEqual(data);
    const never = () => {
      throw new Error("allocated");
    };
    expect(() => readTensorFile(file, "q", [1, 6, 4, 5], never)).toThrow("expected shape [1, 6, 4, 5] or [6, 4, 5]");
    const none = () => new Float32Array(2 ** 60);
    expect(() => readTensorFile(file, "q", shape, none)).toThrow("no memory for 384 bytes");
  });

  test("takes several pieces for a large file, whatever its type", () => {
    const large = [1, 6_000, 4, 256];
    const numbers = new Float32Array(6_000 * 1024);
    fillRandom(numbers, { seed: 2, tensor: "q", group: 0 });
    const npy = place("large.npy", writeNpy({ shape: large, data: numbers }));
    expect(isSame(readTensorFile(npy, "q", large).data, numbers)).toBe(true);
    const header = Buffer.from(
      JSON.stringify({ q: { dtype: "F64", shape: large, data_offsets: [0, 8 * numbers.length] } }),
    );
    const length = Buffer.alloc(8, 0);
    length.writeUInt32LE(header.length);
    const doubles = Buffer.from(Float64Array.from(numbers).buffer);
    const file = place("large.safetensors", Buffer.concat([length, header, doubles]));
    expect(isSame(readTensorFile(file, "q", large).data, numbers)).toBe(true);
  });

  test.each([
    ["no such file", () => place("missing.npy"), "missing.npy: no such file"],
    ["no such file with a name", () => `${place("missing.npy")}:q`, "missing.npy:q: no such file"],
    ["a folder", () => folder, "expected a regular file"],
    ["a device", () => "/dev/zero", "/dev/zero: expected a regular file"],
    [
      "an empty file",
      () => place("empty", new Uint8Array(0)),
      "empty: byte 0: expected an .npy or a safetensors file, got an empty file",
    ],
    [
      "a zip file",
      () => place("q.npz", Buffer.from("PK\u0003\u0004")),
      "q.npz: byte 0: expected an .npy or a safetensors file, got a zip file",
    ],
    ["text", () => place("q.txt", Buffer.from("1 2 3")), "got something else"],
    [
      "a name for .npy",
      () => `${place("named.npy", writeNpy({ shape, data }))}:q`,
      'named.npy: expected no tensor\'s name for an .npy file, got "q"',
    ],
    [
      "another shape",
      () => place("other.npy", writeNpy({ shape: [6, 16], data })),
      "other.npy: expected shape [1, 6, 4, 4] or [6, 4, 4] ([B, L, H, D]), got [6, 16]",
    ],
    [
      "NaN",
      () => place("nan.npy", writeNpy({ shape, data: data.with(37, Number.NaN) })),
      "nan.npy: element [0, 2, 1, 1]: expected numbers that are finite in fp32, got NaN",
    ],
  ])("is refused for %s", (_, file, message) => {
    expect(refusal(file())).toContain(message);
    expect(refusal(file())).toMatch(/^UsageError: /);
  });

  test("is refused for a file whose header and size lie, before any memory is taken", () => {
    const lying = place("lying.npy", npyHead([1, 2 ** 30, 64, 128]));
    expect(refusal(lying, [1, 2 ** 30, 64, 128])).toContain("expected 35184372088960 bytes");
    truncateSync(lying, 2 ** 33);
    expect(refusal(lying, [1, 2 ** 30, 64, 128])).toContain("got 8589934592");
  });

  test("of a changed or cut file either works or is refused with the file and a place", () => {
    const files = [writeNpy({ shape, data }), writeSafetensors({ q: { shape, data } })];
    const isSafe = (start: Uint8Array, changes: readonly Mutation[]) => {
      const file = place("fuzz", mutate(start, start.length, changes));
      const tensor = readOrRefuse(() => readTensorFile(file, "q", shape));
      if (tensor !== null) expect(tensor.data.length).toBe(96);
    };
    const runs = { seed, numRuns: campaign(3000) };
    fc.assert(
      fc.property(fc.constantFrom(...files), fc.array(mutations, { minLength: 1, maxLength: 3 }), isSafe),
      runs,
    );
  });
});

describe("writing a tensor", () => {
  test("takes the form of its extension, over what was there", () => {
    const npy = place("out.npy", Uint8Array.of(1));
    writeTensorFile(npy, shape, data);
    expect(readNpy(readFileSync(npy))).toEqual({ shape, data });
    const safetensors = place("out.safetensors");
    writeTensorFile(safetensors, shape, data);
    expect(readSafetensors(readFileSync(safetensors), "out")).toEqual({ shape, data });
  });

  test("writes what lies in shared memory, in several pieces", () => {
    const shared = new Float32Array(new SharedArrayBuffer(4 * (2 ** 24 + 5)));
    shared[2 ** 24 + 4] = 7;
    const path = place("pieces.npy");
    writeTensorFile(path, [1, shared.length, 1, 1], shared);
    expect(isSame(readTensorFile(path, "q", [1, shared.length, 1, 1]).data, shared)).toBe(true);
  });

  test("is refused for another extension, and where there is no folder", () => {
    expect(() => writeTensorFile(place("out.bin"), shape, data)).toThrow('ends in .npy or .safetensors, got ".bin"');
    expect(() => writeTensorFile(join(folder, "none", "out.npy"), shape, data)).toThrow("does not exist");
    mkdirSync(place("folder.npy"));
    expect(() => writeTensorFile(place("folder.npy"), shape, data)).toThrow("this is a folder");
  });

  test.runIf(process.platform === "linux")("to a full device is a UsageError", () => {
    symlinkSync("/dev/full", place("full.npy"));
    expect(() => writeTensorFile(place("full.npy"), shape, data)).toThrow(
      expect.objectContaining({ name: "UsageError", message: "cannot be written: ENOSPC" }),
    );
  });

  test.runIf(process.platform === "linux")(
    "that breaks off leaves nothing behind, and what was there as it was",
    () => {
      mkdirSync(place("limited"));
      const path = join(folder, "limited", "out.npy");
      writeFileSync(path, "before");
      // The shell limits files to 64 blocks of 1 KiB (or half of that); the tensor takes 400,000 bytes.
      const script = place("write.mjs");
      const contents = `import { writeTensorFile } from "./write-tensor-file.ts";
      try { writeTensorFile(process.argv[2], [1, 100000, 1, 1], new Float32Array(100000)); }
      catch (error) { console.log(error.name, error.message); }`;
      const stdin = { contents, resolveDir: fileURLToPath(new URL(".", import.meta.url)) };
      buildSync({ stdin, bundle: true, platform: "node", format: "esm", outfile: script });
      const limited = ["-c", 'ulimit -f 64 && exec "$@"', "sh", process.execPath, script, path];
      const said = execFileSync("sh", limited, { encoding: "utf8" });
      expect(said.trim()).toBe("UsageError cannot be written: EFBIG");
      expect(readFileSync(path, "utf8")).toBe("before");
      expect(readdirSync(join(folder, "limited"))).toEqual(["out.npy"]);
    },
  );
});
