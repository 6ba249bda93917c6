import { describe, expect, test } from "vitest";
import type { LinkUse } from "../engine/protocol.ts";
import { defaultState } from "../state/explorer-state.ts";
import { groupLinks } from "./group-links.ts";
import { matrixScale } from "./matrix-scale.ts";
import { planCommand } from "./plan-command.ts";
import { shownCandidates } from "./shown-candidates.ts";
import type { RankedCandidate } from "../engine/protocol.ts";

const key = "torus one-sided 4 1 8 1 4 QQQKKK";

describe("the command line of a plan", () => {
  test("names all that the plan depends on", () => {
    expect(planCommand(defaultState, key)).toBe(
      "toroid plan --topology p4de.24xlarge:4 --model flux.1-dev --image 3072x3072 --method torus " +
        "--transport one-sided --mesh 4,1,8,1 --tiles 4 --path QQQKKK",
    );
  });

  test("quotes what a shell would take apart", () => {
    const topology = {
      ...defaultState.topology,
      preset: null,
      file: { name: "it's my topo.txt", text: "" },
      machines: 2,
      device: "A100 80GB",
      inter: 400,
    };
    expect(planCommand({ ...defaultState, topology }, "ulysses two-sided 2 1 8 1 1 -")).toBe(
      `toroid plan --topology 'it'\\''s my topo.txt:2' --device 'A100 80GB' --inter 400 --model flux.1-dev ` +
        "--image 3072x3072 --method ulysses --transport two-sided --mesh 2,1,8,1 --tiles 1",
    );
  });

  test("with links of one's own takes the saved topology", () => {
    const links = [{ from: "a", to: "b", bytesPerSecond: 1e9 }];
    const topology = { ...defaultState.topology, inter: 50, links };
    const command = planCommand({ ...defaultState, topology }, key);
    expect(command).toContain("--topology toroid-topology.json --model");
    expect(command).not.toContain("--inter");
  });
});

describe("groups of links", () => {
  const link = (from: string, to: string, bytes: number): LinkUse => ({ from, to, bytesPerSecond: 1e9, bytes });

  test("join those alike, the busiest first", () => {
    const groups = groupLinks([link("m0/gpu0", "m0/sw", 5), link("m0/gpu1", "m0/sw", 5), link("m0/nic0", "net", 9)]);
    expect(groups.map(({ name, links }) => [name, links.length])).toEqual([
      ["m0/nic0→net", 1],
      ["m#/gpu#→m#/sw", 2],
    ]);
    expect(groupLinks([link("m0/gpu0", "m0/sw", 5), link("m0/gpu1", "m0/sw", 6)])).toHaveLength(2);
  });

  test("are searched by name", () => {
    expect(groupLinks([link("m0/gpu0", "sw", 5), link("m0/nic0", "net", 5)], " NIC")).toHaveLength(1);
  });
});

test("colors of the matrix are apart by the logarithm, and none where no byte goes", () => {
  const scale = matrixScale(Float64Array.of(0, 1, 10, 100), "light");
  expect(scale.colorOf(0)).toBeNull();
  expect(scale.colorOf(1)).toBe("rgb(214, 233, 248)");
  expect(scale.colorOf(10)).toBe("rgb(74, 155, 209)");
  expect(scale.colorOf(100)).toBe("rgb(0, 52, 92)");
  expect(matrixScale(Float64Array.of(0, 7, 7), "light").colorOf(7)).toBe("rgb(74, 155, 209)");
  expect(matrixScale(new Float64Array(4), "dark")).toMatchObject({ least: 0, most: 0 });
});

test("the ranking shows the best few, the best of each kind and the chosen one", () => {
  const make = (method: string, tiles: number, path: string): RankedCandidate =>
    ({ method, transport: "one-sided", mesh: {}, tiles, path, key: `${method} ${tiles} ${path}` }) as RankedCandidate;
  const candidates = [
    make("torus", 1, "Q"),
    make("torus", 1, "K"),
    make("torus", 2, "Q"),
    make("torus", 4, "Q"),
    make("torus", 8, "Q"),
    make("torus", 16, "Q"),
    make("ring", 1, ""),
  ];
  const keys = (chosen: string | null) => shownCandidates(candidates, chosen).map((candidate) => candidate.key);
  const best = ["torus 1 Q", "torus 2 Q", "torus 4 Q", "torus 8 Q"];
  expect(keys(null)).toEqual([...best, "ring 1 "]);
  expect(keys("torus 16 Q")).toEqual([...best, "torus 16 Q", "ring 1 "]);
});
