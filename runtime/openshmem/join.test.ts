import { describe, expect, test } from "vitest";
import { joinedRank } from "./join.ts";

describe("what the environment says", () => {
  test("under oshrun", () => {
    const env = {
      OMPI_COMM_WORLD_RANK: "3",
      OMPI_COMM_WORLD_SIZE: "8",
      OMPI_COMM_WORLD_LOCAL_SIZE: "4",
      PMIX_RANK: "3",
    };
    expect(joinedRank(env)).toEqual({ rank: 3, ranks: 8, hosts: 2 });
  });

  test("under srun", () => {
    const env = { PMIX_RANK: "0", SLURM_NTASKS: "16", SLURM_STEP_NUM_TASKS: "6", SLURM_STEP_NUM_NODES: "3" };
    expect(joinedRank(env)).toEqual({ rank: 0, ranks: 6, hosts: 3 });
  });

  test("in a batch script of Slurm, which is no rank, and elsewhere", () => {
    expect(joinedRank({ SLURM_PROCID: "0", SLURM_NTASKS: "4" })).toBeNull();
    expect(joinedRank({})).toBeNull();
    expect(joinedRank({ PMIX_RANK: "x", OMPI_COMM_WORLD_SIZE: "2" })).toBeNull();
  });
});
