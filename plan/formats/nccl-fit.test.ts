import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { campaign, seed } from "../../test/support/campaign.ts";
import { UsageError } from "../errors.ts";
import { applyCorrections } from "../topology/corrections.ts";
import { presetTopology } from "../topology/presets.ts";
import type { Topology } from "../topology/topology.ts";
import { validateTopology } from "../topology/validate.ts";
import { fitNcclTests, ncclOverheadNs } from "./nccl-fit.ts";
import { makeLog } from "./nccl-log.test-support.ts";
import { parseNcclTests } from "./nccl-tests.ts";

const sizes = Array.from({ length: 28 }, (_, index) => 64 * 2 ** index);
const hostsOf = (...names: string[]) => names.flatMap((name) => Array<string>(8).fill(name));

/** A log whose times are `startNs` and a number of ns for each byte, with noise of 1 %. */
function logOf(test: string, hosts: readonly string[], startNs: number, nsPerByte: number, gpu?: string): string {
  const rows = sizes.map((bytes, at) => ({
    bytes,
    ns: (startNs + bytes * nsPerByte) * (1 + 0.01 * Math.sin(7 * at + bytes)),
  }));
  return makeLog({ test, hosts, rows, ...(gpu === undefined ? {} : { gpu }) });
}

function fitLogs(topology: Topology, ...logs: readonly string[]) {
  return fitNcclTests(
    topology,
    logs.flatMap((log, at) => parseNcclTests(log, `log${at}.txt`)),
  );
}

function linkOf(topology: Topology, from: string, to: string) {
  return topology.links.find((link) => link.from === from && link.to === to)!;
}

/** What the whole of a small message takes before the links' latencies. */
const overhead = ncclOverheadNs;

/** Latency of both links from GPU to GPU, and ns for each byte that one of 8 ranks sends, for rates in GB/s. */
const inside = {
  all_reduce: { hops: 14, load: 1.75 },
  all_gather: { hops: 7, load: 0.875 },
  reduce_scatter: { hops: 7, load: 0.875 },
  alltoall: { hops: 1, load: 0.875 },
  sendrecv: { hops: 1, load: 1 },
  broadcast: { hops: 7, load: 1 },
} as const;

/** Above PCIe, which would become the wider path between neighbors. */
const rates = fc.double({ min: 30, max: 900, noNaN: true });
const latencies = fc.double({ min: 200, max: 5_000, noNaN: true });

describe("known rates and latencies are found again", () => {
  test.each(Object.entries(inside))("%s of 8 ranks behind a switch", (name, { hops, load }) => {
    const property = fc.property(rates, latencies, (rate, latencyNs) => {
      const log = logOf(name, hostsOf("a"), overhead + hops * 2 * latencyNs, load / rate);
      const { topology, links, residuals } = fitLogs(presetTopology("dgx-a100:2"), log);
      const link = linkOf(topology, "m1/gpu3", "m1/nvswitch");
      expect(Math.abs(link.bytesPerSecond / (rate * 1e9) - 1)).toBeLessThan(0.02);
      expect(Math.abs(link.latencyNs / latencyNs - 1)).toBeLessThan(0.02 * (1 + overhead / (hops * 2 * latencyNs)));
      expect(links).toHaveLength(16);
      expect(
        links.every(({ evidence, crossed, from }) => evidence === "measured" && crossed === from.startsWith("m0")),
      ).toBe(true);
      expect(Math.max(...residuals.map(({ error }) => Math.abs(error)))).toBeLessThan(0.05);
      expect(linkOf(topology, "m0/nic0+nic1", "net")).toEqual(
        linkOf(presetTopology("dgx-a100:2"), "m0/nic0+nic1", "net"),
      );
    });
    fc.assert(property, { seed, numRuns: campaign(200) });
  });

  test("one log inside a machine and one between two: both kinds, each by its own log", () => {
    const property = fc.property(
      fc.double({ min: 100, max: 300, noNaN: true }),
      latencies,
      fc.double({ min: 2, max: 12, noNaN: true }),
      fc.double({ min: 1_000, max: 20_000, noNaN: true }),
      fc.boolean(),
      (nvlink, nvlinkNs, nic, nicNs, swapped) => {
        const near = logOf("all_reduce", hostsOf("a"), overhead + 28 * nvlinkNs, 1.75 / nvlink);
        // 15 of 16 parts twice over four NICs; tree: 14 hops inside, 2 over GPU, PCIe, NIC, network and back.
        const startNs = overhead + 28 * nvlinkNs + 2 * (4 * 400 + 2 * nicNs);
        const far = logOf("all_reduce", hostsOf("a", "b"), startNs, 1.875 / 4 / nic);
        const { topology } = fitLogs(presetTopology("p4de.24xlarge:2"), ...(swapped ? [far, near] : [near, far]));
        const [fabric, uplink] = [linkOf(topology, "m0/gpu0", "m0/nvswitch"), linkOf(topology, "m1/efa2", "net")];
        expect(Math.abs(fabric.bytesPerSecond / (nvlink * 1e9) - 1)).toBeLessThan(0.02);
        expect(Math.abs(uplink.bytesPerSecond / (nic * 1e9) - 1)).toBeLessThan(0.02);
        expect(Math.abs(fabric.latencyNs / nvlinkNs - 1)).toBeLessThan(0.1);
        expect(Math.abs(uplink.latencyNs - nicNs)).toBeLessThan(0.03 * startNs);
        expect(linkOf(topology, "m0/gpu0", "m0/pcie0").latencyNs).toBe(400);
      },
    );
    fc.assert(property, { seed, numRuns: campaign(200) });
  });

  test("all-to-all between machines: half of it crosses, two ranks a NIC", () => {
    const log = logOf("alltoall", hostsOf("a", "b"), 30_000, 2 * (8 / 16 / 9));
    const { topology, links } = fitLogs(presetTopology("p4de.24xlarge:2"), log);
    expect(linkOf(topology, "m0/efa0", "net").bytesPerSecond / 9e9).toBeCloseTo(1, 1);
    expect(new Set(links.map(({ kind }) => kind))).toEqual(new Set(["net–nic to the network"]));
  });

  test("a mesh of direct links: rings use all of them, a send uses one", () => {
    const [ring, send] = [
      ["all_reduce", 1.75 / 7],
      ["sendrecv", 1],
    ] as const;
    for (const [name, load] of [ring, send]) {
      const { topology } = fitLogs(
        presetTopology("8xmi300x"),
        logOf(name, hostsOf("a"), 20_000, load / 40, "AMD MI300X"),
      );
      expect(linkOf(topology, "m0/gpu0", "m0/gpu5").bytesPerSecond / 40e9).toBeCloseTo(1, 1);
    }
  });

  test("NICs that are faster than the PCIe links before them raise these too", () => {
    const log = logOf("sendrecv", ["a", "b"], 30_000, 1 / 40);
    const { topology, links } = fitLogs(presetTopology("p4de.24xlarge:2"), log);
    for (const [from, to] of [
      ["m0/gpu0", "m0/pcie0"],
      ["m0/efa0", "net"],
    ] as const) {
      expect(linkOf(topology, from, to).bytesPerSecond / 40e9).toBeCloseTo(1, 1);
    }
    expect(links.find(({ from }) => from === "m0/gpu0")!.evidence).toBe("at least");
    expect(links.find(({ to }) => to === "net")!.evidence).toBe("measured");
  });
});

describe("what an algorithm hides", () => {
  const h100 = "NVIDIA H100 80GB HBM3";

  test("all-reduce that an NVSwitch did says only what links reach at least", () => {
    const log = logOf("all_reduce", hostsOf("a"), 20_000, 1.75 / 480, h100);
    const before = presetTopology("dgx-h100");
    const { topology, links, assumed } = fitLogs(before, log);
    expect(linkOf(topology, "m0/gpu0", "m0/nvswitch").bytesPerSecond).toBe(370e9);
    expect(links[0]).toMatchObject({ evidence: "at least", rows: { bytesPerSecond: 0 } });
    expect(assumed.join()).toMatch(/4[78]\d GB\/s of links of 370 GB\/s, so the switch reduces/);
    const forced = fitLogs(before, log.replace("#\n", "# NCCL_ALGO=Ring\n"));
    expect(linkOf(forced.topology, "m0/gpu0", "m0/nvswitch").bytesPerSecond / 480e9).toBeCloseTo(1, 1);
  });

  test("a log between machines that links inside explain says nothing of NICs", () => {
    const near = logOf("all_gather", hostsOf("a"), 20_000, 0.875 / 60);
    const far = logOf("all_gather", hostsOf("a", "b"), 40_000, ((15 / 16) * 0.875) / 60);
    const before = presetTopology("dgx-a100:2");
    const { topology, assumed } = fitLogs(before, near, far);
    expect(linkOf(topology, "m0/nic0+nic1", "net").bytesPerSecond).toBe(47e9);
    expect(assumed.join()).toMatch(/links inside machines account for the time/);
  });

  test("small sizes alone change latencies only", () => {
    const rows = [64, 256, 1024].map((bytes) => ({ bytes, ns: 21_600 }));
    const { topology, links } = fitLogs(
      presetTopology("dgx-a100"),
      makeLog({ test: "sendrecv", hosts: hostsOf("a"), rows }),
    );
    expect(linkOf(topology, "m0/gpu0", "m0/nvswitch")).toMatchObject({ bytesPerSecond: 230e9, latencyNs: 7500 });
    expect(links[0]!.evidence).toBe("latency only");
  });

  test("logs that disagree are averaged, and said to", () => {
    const { assumed } = fitLogs(
      presetTopology("dgx-a100"),
      logOf("sendrecv", hostsOf("a"), 2e4, 1 / 200),
      logOf("alltoall", hostsOf("a"), 2e4, 0.875 / 100),
    );
    expect(assumed.join()).toMatch(/disagree on gpu–switch inside a machine links: from 99\.9 GB\/s to 200 GB\/s/);
  });
});

describe("ranks", () => {
  const rows = sizes.map((bytes) => ({ bytes, ns: 20_000 + bytes / 100 }));
  const refused = (topology: string, log: string): UsageError => {
    try {
      fitLogs(presetTopology(topology), log);
    } catch (error) {
      if (error instanceof UsageError) return error;
      throw error;
    }
    throw new Error("expected a UsageError");
  };

  test("more hosts or devices than the topology has are refused with both figures", () => {
    const three = refused("dgx-a100:2", makeLog({ test: "all_reduce", hosts: hostsOf("a", "b", "c"), rows }));
    expect(three).toMatchObject({ code: "topology", path: "log0.txt: line 1" });
    expect(three.message).toMatch(/at most 2 hosts.*got 3/);
    const eight = refused("4xrtx4090", makeLog({ test: "all_reduce", hosts: hostsOf("a"), rows }));
    expect(eight.message).toMatch(/the 4 ranks of a machine.*got device 7 on a/);
  });

  test("hosts of a rack lie in one machine", () => {
    const hosts = Array.from({ length: 18 }, (_, host) => Array<string>(4).fill(`tray${host}`)).flat();
    const rack = fitLogs(presetTopology("gb200-nvl72:2"), makeLog({ test: "sendrecv", hosts, rows }));
    expect(rack.runs[0]).toMatchObject({ ranks: 72, machines: 1 });
    expect(rack.assumed.join()).toMatch(/Hosts are taken as 4 ranks each, 18 of them/);
    const racks = fitLogs(
      presetTopology("gb200-nvl72:2"),
      makeLog({ test: "sendrecv", hosts: [...hosts, ..."abcdefgh"].slice(0, 72).concat("x"), rows }),
    );
    expect(racks.runs[0]!.machines).toBe(2);
  });

  test("processes that see one GPU each are told apart by their PCI addresses", () => {
    const log = makeLog({ test: "sendrecv", hosts: hostsOf("a"), rows });
    const same = log.replace(/device +\d+/g, "device  0");
    expect(fitLogs(presetTopology("dgx-a100"), same).runs[0]).toMatchObject({ ranks: 8 });
    const shared = refused("dgx-a100", same.replaceAll("0000:11:00", "0000:10:00"));
    expect(shared.message).toMatch(/one rank on each GPU, got ranks 0 and 1 on a/);
  });

  test("a log that does not list them takes the topology's, if bandwidths agree", () => {
    const bare = (log: string) => log.replace(/^# +Rank.*\n/gm, "").replace(/^# nThread.*\n/gm, "");
    const log = bare(makeLog({ test: "all_reduce", hosts: hostsOf("a", "b"), rows }));
    const { runs, assumed } = fitLogs(presetTopology("dgx-a100:2"), log);
    expect(runs[0]).toMatchObject({ ranks: 16, machines: 2 });
    expect(assumed.join()).toMatch(/first 8 ranks of each of the first 2 machines/);
    expect(refused("dgx-a100:4", log).message).toMatch(/busbw 1\.938 times algbw for the 32 ranks.*got 1\.87/);
  });

  test("several communicators at once share the links", () => {
    const log = makeLog({ test: "sendrecv", hosts: hostsOf("a", "b"), rows });
    const split = log.replace(/Rank +(\d+) Group +0/g, (_, rank) => `Rank ${rank} Group ${Number(rank) % 8}`);
    const { topology, runs } = fitLogs(presetTopology("p4de.24xlarge:2"), split);
    expect(runs[0]).toMatchObject({ ranks: 16, machines: 2 });
    // Eight pairs, two on each NIC.
    expect(linkOf(topology, "m0/efa0", "net").bytesPerSecond / 200e9).toBeCloseTo(1, 1);
  });

  test.each([
    ["a run of one rank", "sendrecv", ["a"], (log: string) => log, /at least 2 ranks/],
    ["CPU times", "sendrecv", ["a", "a"], (log: string) => log.replaceAll("   time", "cputime"), /CPU times/],
    ["a test without a model", "alltoallv", ["a", "a"], (log: string) => log, /got alltoallv/],
    ["a forced tree", "all_reduce", ["a", "a"], (log: string) => `# NCCL_ALGO=Tree\n${log}`, /NCCL_ALGO=Tree/],
    ["wrong values", "broadcast", ["a", "a"], (log: string) => log.replace(/ 0(?= |$)/gm, " 9"), /wrong values in all/],
    ["no name", "broadcast", ["a", "a"], (log: string) => log.replaceAll(/^# Coll.*\n/gm, ""), /name of the test/],
  ])("%s is refused, or left out beside a good log", (_, name, hosts, change, says) => {
    const bad = change(makeLog({ test: name, hosts, rows }));
    expect(refused("dgx-a100", bad).message).toMatch(says);
    if (name === "broadcast") return;
    const { runs, assumed } = fitLogs(
      presetTopology("dgx-a100"),
      bad,
      makeLog({ test: "sendrecv", hosts: ["a", "a"], rows }),
    );
    expect(runs).toHaveLength(1);
    expect(assumed.join()).toMatch(says);
  });

  test("another GPU than the topology's is said", () => {
    const log = makeLog({ test: "sendrecv", hosts: ["a", "a"], rows, gpu: "NVIDIA H200" });
    expect(fitLogs(presetTopology("dgx-a100"), log).assumed.join()).toMatch(/GPUs are H200, those of dgx-a100 A100/);
  });

  test("a thousand ranks are fitted within seconds", () => {
    const hosts = Array.from({ length: 128 }, (_, host) => Array<string>(8).fill(`n${host}`)).flat();
    const startMs = performance.now();
    fitLogs(presetTopology("dgx-h100:128"), makeLog({ test: "alltoall", hosts, rows }));
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });
});

test("logs with damaged figures: a valid topology with positive figures, or a UsageError", () => {
  const rows = sizes.slice(4, 20).map((bytes) => ({ bytes, ns: 20_000 + bytes / 100 }));
  const log = makeLog({ test: "all_reduce", hosts: hostsOf("a", "b"), rows });
  const numbers = [...log.matchAll(/\d[\d.]*/g)].map(({ index, 0: { length } }) => ({ index, length }));
  const change = fc.record({
    at: fc.nat({ max: numbers.length - 1 }),
    by: fc.constantFrom("0", "1", "7", "8192", "1e-300", "1e300", "9007199254740991", "0.01", "N/A", "", "16 16"),
  });
  const before = presetTopology("p4de.24xlarge:2");
  const property = fc.property(fc.array(change, { minLength: 1, maxLength: 30 }), (changes) => {
    const sorted = changes.sort((a, b) => b.at - a.at).filter(({ at }, i, all) => i === 0 || at !== all[i - 1]!.at);
    const text = sorted.reduce((all, { at, by }) => {
      const { index, length } = numbers[at]!;
      return all.slice(0, index) + by + all.slice(index + length);
    }, log);
    try {
      const { topology, residuals } = fitLogs(before, text);
      for (const { error } of residuals) expect(error).toBeGreaterThanOrEqual(-1);
      validateTopology(topology);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      expect(error.message).toMatch(/^expected /);
    }
  });
  fc.assert(property, { seed, numRuns: campaign(5_000) });
});

test("the fitted topology says where its figures come from, and no longer which flags correct them", () => {
  const before = presetTopology("4xrtx4090:2");
  expect(before.assumed.join()).toContain("--inter");
  const after = fitLogs(
    before,
    logOf(
      "all_gather",
      hostsOf("a", "b").filter((_, at) => at % 2 === 0),
      5e4,
      0.875 / 10,
    ),
  );
  expect(after.topology.assumed).toEqual([
    "Fitted to nccl-tests logs (all_gather of 8 ranks): net–nic to the network.",
  ]);
});

test("posted logs give figures that their authors name", (context) => {
  const folder = new URL("../../../shared/data/samples/nccl-tests/", import.meta.url);
  if (!existsSync(folder)) context.skip("no folder of posted samples beside the repository");
  const of = (fileName: string, topology: Topology) =>
    fitNcclTests(topology, parseNcclTests(readFileSync(new URL(fileName, folder), "utf8"), fileName)).links[0]!;
  const a100 = of("11-8xA100-sendrecv.txt", presetTopology("dgx-a100"));
  expect(a100.bytesPerSecond / 1e9).toBeCloseTo(196, -1);
  const pcie = of("01-2xRTX2080Ti-all_reduce.txt", presetTopology("4xrtx4090"));
  expect(pcie.bytesPerSecond / 1e9).toBeCloseTo(4, 1);
  const racks = of("15-128xGB300-2rack-alltoall.txt", presetTopology("gb200-nvl72:2"));
  expect(racks).toMatchObject({ kind: "net–nic to the network", evidence: "measured" });
  expect(racks.bytesPerSecond / 1e9).toBeCloseTo(24, 0);
  const tcp = of(
    "05-8xGH200-2node-all_reduce-tcp.txt",
    applyCorrections(presetTopology("dgx-h100:2"), { nicBitsPerSecond: 200e9 }),
  );
  expect((4 * tcp.bytesPerSecond) / 1e9).toBeCloseTo(5.5, 0);
});
