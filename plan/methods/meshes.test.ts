import { describe, expect, test } from "vitest";
import { UsageError } from "../errors.ts";
import { defaultMesh, meshesOf, meshNote, meshOfDegrees, requireMesh } from "./meshes.ts";

const flux = { heads: 24, kvHeads: 24 };
const values = (mesh: object) => Object.values(mesh).join(",");

/** Mesh values stand in the order N_u, N_r, U, R. */
describe("default meshes", () => {
  test("TAS puts Ulysses across machines first, up to gcd(N·M, H)", () => {
    expect(values(defaultMesh("tas", { machines: 4, ranksPerMachine: 8 }, flux))).toBe("4,1,2,4");
    expect(values(defaultMesh("torus", { machines: 3, ranksPerMachine: 8 }, flux))).toBe("3,1,8,1");
    expect(values(defaultMesh("tas", { machines: 6, ranksPerMachine: 8 }, { heads: 16, kvHeads: 16 }))).toBe("2,3,8,1");
    expect(values(defaultMesh("torus", { machines: 128, ranksPerMachine: 8 }, flux))).toBe("8,16,1,8");
  });

  test("USP keeps Ulysses inside the machine", () => {
    expect(values(defaultMesh("usp", { machines: 4, ranksPerMachine: 8 }, flux))).toBe("1,4,8,1");
    expect(values(defaultMesh("usp", { machines: 2, ranksPerMachine: 8 }, { heads: 12, kvHeads: 12 }))).toBe("1,2,4,2");
  });

  test("KV heads limit the degree too", () => {
    expect(values(defaultMesh("tas", { machines: 4, ranksPerMachine: 8 }, { heads: 24, kvHeads: 2 }))).toBe("2,2,1,8");
  });
});

describe("meshes of degrees", () => {
  test("take the largest N_u that fits", () => {
    expect(values(meshOfDegrees("tas", { machines: 4, ranksPerMachine: 8 }, flux, { ulysses: 8 }))).toBe("4,1,2,4");
    expect(values(meshOfDegrees("usp", { machines: 4, ranksPerMachine: 8 }, flux, { ulysses: 8 }))).toBe("1,4,8,1");
    expect(values(meshOfDegrees("torus", { machines: 3, ranksPerMachine: 8 }, flux, { ring: 8 }))).toBe("3,1,1,8");
  });

  test("refuse degrees whose product is not the ranks", () => {
    expect(() => meshOfDegrees("tas", { machines: 4, ranksPerMachine: 8 }, flux, { ulysses: 8, ring: 2 })).toThrow(
      "is not 32 ranks",
    );
  });

  test("name the nearest degrees that work", () => {
    const hintOf = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return (error as UsageError).hint;
      }
      throw new Error("nothing was thrown");
    };
    expect(hintOf(() => meshOfDegrees("tas", { machines: 4, ranksPerMachine: 8 }, flux, { ulysses: 16 }))).toContain(
      "8",
    );
    expect(hintOf(() => defaultMesh("ulysses", { machines: 4, ranksPerMachine: 8 }, flux))).toMatch(
      /needs a degree of 32.*4, 8.*tas/,
    );
  });
});

test("every mesh of a method passes its own check, and all degrees divide the heads", () => {
  for (const method of ["ulysses", "ring", "usp", "tas", "torus"] as const) {
    for (const machines of [1, 2, 3, 4, 6]) {
      for (const ranksPerMachine of [1, 4, 6, 8]) {
        const extent = { machines, ranksPerMachine };
        const meshes = meshesOf(method, extent, flux);
        for (const mesh of meshes) {
          expect(24 % (mesh.ulyssesInter * mesh.ulyssesIntra)).toBe(0);
          expect(() => requireMesh(method, mesh, extent, flux)).not.toThrow();
        }
        expect(new Set(meshes.map(values)).size).toBe(meshes.length);
      }
    }
  }
  expect(() =>
    requireMesh(
      "usp",
      meshesOf("tas", { machines: 2, ranksPerMachine: 4 }, flux)[0]!,
      { machines: 2, ranksPerMachine: 4 },
      flux,
    ),
  ).toThrow(UsageError);
});

test("meshes without Ulysses across machines say so", () => {
  expect(meshNote("tas", { ulyssesInter: 1, ringInter: 4, ulyssesIntra: 8, ringIntra: 1 })).toContain(
    "Ring across machines",
  );
  expect(meshNote("torus", { ulyssesInter: 1, ringInter: 1, ulyssesIntra: 8, ringIntra: 1 })).toContain("one machine");
  expect(meshNote("torus", { ulyssesInter: 4, ringInter: 1, ulyssesIntra: 8, ringIntra: 1 })).toBeNull();
});
