import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeLog } from "../plan/formats/nccl-log.test-support.ts";
import { temporaryFolder, toroid, writeFiles } from "./support/cli.ts";

const folder = temporaryFolder();

const sizes = Array.from({ length: 24 }, (_, index) => 1024 * 2 ** index);
const rowsOf = (startNs: number, nsPerByte: number) =>
  sizes.map((bytes) => ({ bytes, ns: startNs + bytes * nsPerByte }));
const machine = (name: string) => Array<string>(8).fill(name);
const intra = makeLog({ test: "all_reduce", hosts: machine("a"), rows: rowsOf(6_600 + 14 * 1000, 1.75 / 200) });
const inter = makeLog({
  test: "all_gather",
  hosts: [...machine("a"), ...machine("b")],
  rows: rowsOf(6_600 + 14 * 1000 + 1600 + 20_000, 0.9375 / 40),
});

writeFiles(folder, {
  "intra.txt": intra,
  "logs/inter.txt": inter.replaceAll(/^/gm, "[1,0]<stdout>:"),
  "single.txt": makeLog({ test: "all_reduce", hosts: ["a"], rows: rowsOf(5000, 0.001) }),
  "three.txt": makeLog({ test: "all_reduce", hosts: ["a", "b", "c"], rows: rowsOf(5000, 0.1) }),
  "wrong.txt": intra.replace(/ {5,}0(?= |$)/gm, "      7").replace("values : 0 OK", "values : 99 FAILED"),
  "headless.txt": intra.slice(0, intra.lastIndexOf("(GB/s)") + 7),
  "empty.txt": "",
  "binary.txt": Uint8Array.from({ length: 4096 }, (_, at) => (at * 7919) % 256),
  "prose.txt": "Bandwidth was fine.\n",
  "nameless.txt": intra.replaceAll(/^# Collective.*\n/gm, ""),
});

/** Runs in the folder, expects success and returns standard output and error. */
async function run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const { exitCode, stdout, stderr } = await toroid(args, { cwd: folder });
  expect(stderr).not.toMatch(/^error/m);
  expect(exitCode).toBe(0);
  return { stdout, stderr };
}

const cluster = ["--topology", "p4de.24xlarge:2"];

interface Link {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
  readonly evidence: string;
  readonly bytesPerSecond: number;
  readonly latencyNs: number;
}

describe("logs", () => {
  test("links, spread and residuals as JSON; the file holds them and is a topology", async () => {
    const { stdout, stderr } = await run(
      ...["calibrate", "--nccl-tests", "intra.txt", "logs/inter.txt", ...cluster, "-o", "fitted.json", "--json"],
    );
    expect(stderr.trim()).toBe("wrote fitted.json");
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ name: "p4de.24xlarge:2", compute: [], assumed: [] });
    expect(document.runs).toMatchObject([
      { path: "intra.txt", test: "all_reduce", ranks: 8, machines: 1, rows: 24 },
      { path: "logs/inter.txt", test: "all_gather", ranks: 16, machines: 2 },
    ]);
    const links: readonly Link[] = document.links;
    const [fabric, uplink] = ["m0/gpu0", "m1/efa3"].map((from) => links.find((link) => link.from === from)!);
    expect(fabric).toMatchObject({
      ...{
        to: "m0/nvswitch",
        kind: "gpu–switch inside a machine",
        evidence: "measured",
        crossed: true,
        duplex: "full",
      },
      before: { bytesPerSecond: 230e9, latencyNs: 300 },
      rows: { bytesPerSecond: expect.any(Number), latencyNs: expect.any(Number) },
      spread: { bytesPerSecond: { low: expect.any(Number), high: expect.any(Number) } },
    });
    expect(fabric!.bytesPerSecond / 200e9).toBeCloseTo(1, 2);
    expect(fabric!.latencyNs).toBeCloseTo(500, -2);
    expect(uplink).toMatchObject({ to: "net", before: { bytesPerSecond: 12e9 } });
    expect(uplink!.bytesPerSecond / 10e9).toBeCloseTo(1, 2);
    expect(document.residuals).toHaveLength(2 * 48);
    for (const { error } of document.residuals) expect(Math.abs(error)).toBeLessThan(0.03);

    const shown = JSON.parse((await run("topology", "show", "fitted.json", "--json")).stdout);
    for (const { from, to, bytesPerSecond, latencyNs } of links) {
      expect(shown.links).toContainEqual({ from, to, bytesPerSecond, latencyNs, duplex: "full" });
    }
    expect(shown.assumed.join()).toMatch(/nccl-tests logs \(all_reduce of 8 ranks, all_gather of 16 ranks\)/);
  });

  test("a table for people, and nothing written without -o", async () => {
    const before = readdirSync(folder).sort();
    const { stdout, stderr } = await run("calibrate", "--nccl-tests", "intra.txt", "--topology", "dgx-a100");
    expect(stdout).toMatch(/intra\.txt:1 +all_reduce +8 +1 +24/);
    expect(stdout).toMatch(/gpu–switch inside a machine +8 +230 GB\/s +\d+ GB\/s .* 300 ns +[45]\d\d ns/);
    expect(stdout).toMatch(/worst rows/);
    expect(stderr).toMatch(/nothing written: add -o/);
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  test("reads standard input", async () => {
    const args = ["calibrate", "--nccl-tests", "-", "--topology", "dgx-a100", "--json"];
    const { exitCode, stdout } = await toroid(args, { cwd: folder, input: intra });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).runs).toMatchObject([{ path: "-", ranks: 8 }]);
  });

  test("flags correct the topology first, and a fitted file can be fitted again", async () => {
    await run("calibrate", "--nccl-tests", "intra.txt", ...cluster, "--nic", "200", "-o", "first.json");
    await run("calibrate", "--nccl-tests", "logs/inter.txt", "--topology", "first.json", "-o", "second.json");
    const { links } = JSON.parse(readFileSync(join(folder, "second.json"), "utf8"));
    const rateOf = (from: string, to: string) =>
      links.find((link: Link) => link.from === from && link.to === to).bytesPerSecond;
    expect(rateOf("m0/gpu0", "m0/nvswitch") / 200e9).toBeCloseTo(1, 2);
    expect(rateOf("m0/efa0", "net") / 10e9).toBeCloseTo(1, 2);
  });

  test("help and completion", async () => {
    const { stdout } = await run("calibrate", "--help");
    expect(stdout).toMatch(/toroid calibrate --nccl-tests one-node\.txt two-nodes\.txt/);
    expect((await run("complete", "--", "calibrate", "--nccl-tests", "intra")).stdout).toContain("intra.txt");
    expect((await run("complete", "--", "calibrate", "--topology", "dgx-h")).stdout).toContain("dgx-h100");
  });
});

const onA100 = "--topology dgx-a100:2 -o out.json";

describe("bad input", () => {
  test.concurrent.for([
    ["--nccl-tests intra.txt", "usage", /--topology: no topology given/],
    [`--nccl-tests missing.txt ${onA100}`, "not-found", /missing\.txt/],
    [`--nccl-tests ${onA100}`, "usage", /expected files after this flag, got --topology/],
    [`--nccl-tests empty.txt ${onA100}`, "parse", /empty\.txt.*empty file/],
    [`--nccl-tests binary.txt ${onA100}`, "parse", /binary\.txt: line 1.*binary/],
    [`--nccl-tests prose.txt ${onA100}`, "format", /prose\.txt: line 1: expected the output of an nccl-tests program/],
    [`--nccl-tests headless.txt ${onA100}`, "parse", /headless\.txt: line \d+: expected rows below the header/],
    [`--nccl-tests nameless.txt ${onA100}`, "parse", /nameless\.txt: line 1: expected the name of the test/],
    [`--nccl-tests single.txt ${onA100}`, "usage", /single\.txt: line 1: expected at least 2 ranks.*MPI=1/],
    [`--nccl-tests three.txt ${onA100}`, "topology", /three\.txt: line 1: expected at most 2 hosts.*got 3/],
    [`--nccl-tests wrong.txt ${onA100}`, "usage", /wrong\.txt: line 1: .*wrong values in all of them/],
    ["--nccl-tests intra.txt --topology 4xrtx4090", "topology", /4 ranks of a machine.*device 7/],
    ["--nccl-tests intra.txt --topology dgx-a100 -o nowhere/out.json", "not-found", /folder/],
    [`--nccl-tests intra.txt ${onA100} --ranks 4`, "usage", /--ranks/],
    [`--nccl-tests intra.txt ${onA100} --backend threads`, "usage", /--backend/],
    [onA100, "usage", /--topology: expected --nccl-tests/],
    ["--backend abacus", "usage", /--backend: expected threads or openshmem, got "abacus"/],
    ["--hosts h0:2", "usage", /--hosts: expected --backend openshmem beside hosts/],
    ["--backend openshmem --hosts h0:x", "usage", /--hosts: expected a host and its number of ranks/],
    ["--nccl-tests intra.txt --hosts h0:2", "usage", /--hosts: expected no such flag beside --nccl-tests/],
    ["--ranks 0", "usage", /--ranks/],
  ] as const)("%s", async ([args, code, says], { expect }) => {
    const { exitCode, stdout, stderr } = await toroid(`calibrate ${args} --json`.split(" "), { cwd: folder });
    expect.soft(exitCode).toBe(2);
    expect.soft(stderr.match(/^error\[/gm)).toHaveLength(1);
    const { error } = JSON.parse(stdout);
    expect.soft(error.code).toBe(code);
    expect.soft(`${error.path}: ${error.message} ${error.hint}`).toMatch(says);
    expect.soft(readdirSync(folder)).not.toContain("out.json");
  });
});
