import { MAX_TILES } from "../plan/methods/index.ts";
import type { Command } from "commander";
import { UsageError } from "../plan/errors.ts";
import { METHODS, type Mesh, type Method, type Transport } from "../plan/schedule/schedule.ts";
import { bytesFlag, integerFlag, integersFlag, numberFlag } from "./numbers.ts";

export interface MethodFlags {
  readonly method: string;
  readonly ulysses?: number;
  readonly ring?: number;
  readonly mesh?: readonly number[];
  readonly transport?: string;
  readonly tiles?: number;
  readonly path?: string;
  readonly published?: boolean;
  readonly searchOps: number;
  readonly exhaustive?: boolean;
  readonly maxHeap?: number;
  readonly tensorParallel: number;
  readonly dataParallel: number;
}

const transports: readonly Transport[] = ["one-sided", "two-sided"];
/** Sub-tile counts that a search tries. */
const searchedTiles: readonly number[] = [1, 2, 4, 8];
const defaultSearchOps = 2e6;

/** Adds the flags of method, mesh and search. */
export function addMethodFlags(command: Command): Command {
  return command
    .option("--method <method>", `${METHODS.join(", ")} or auto`, "auto")
    .option("--ulysses <degree>", "Ulysses degree P_u", integerFlag("--ulysses", 1))
    .option("--ring <degree>", "Ring degree P_r", integerFlag("--ring", 1))
    .option("--mesh <N_u,N_r,U,R>", "the whole mesh, in place of the degrees", integersFlag("--mesh"))
    .option("--transport <transport>", "one-sided or two-sided (default: searched)")
    .option(
      "--tiles <k>",
      "sub-tiles of each transfer (default: 1, 2, 4 and 8 are searched)",
      integerFlag("--tiles", 1, MAX_TILES),
    )
    .option("--path <path>", "order of Torus' arrivals: paper, letters such as QKQK, or search (default search)")
    .option("--published", "as published: default mesh (of usp the best), whole tiles, the paper's path, no search")
    .option("--search-ops <n>", "ops that a search may simulate", numberFlag("--search-ops"), defaultSearchOps)
    .option("--exhaustive", "search without that limit")
    .option("--max-heap <bytes>", "symmetric heap that a rank may take, for example 4GiB", bytesFlag("--max-heap"))
    .option("--tensor-parallel <T>", "ranks that share the heads of a layer", integerFlag("--tensor-parallel", 1), 1)
    .option("--data-parallel <D>", "parts that serve requests of their own", integerFlag("--data-parallel", 1), 1);
}

/** The methods to try: one, or all for `auto`. */
export function methodsOf({ method }: MethodFlags): readonly Method[] {
  if (method === "auto") return METHODS;
  const found = METHODS.find((one) => one === method);
  if (found !== undefined) return [found];
  throw wrong("--method", `${METHODS.join(", ")} or auto`, method);
}

/** The transports to try; `--published` alone takes those of the paper's table: one-sided for Torus, else two-sided. */
export function transportsOf(flags: MethodFlags): readonly Transport[] {
  const { transport, published, method } = flags;
  if (transport === undefined) {
    if (published !== true || method === "auto") return transports;
    return [method === "torus" ? "one-sided" : "two-sided"];
  }
  const found = transports.find((one) => one === transport);
  if (found !== undefined) return [found];
  throw wrong("--transport", transports.join(" or "), transport);
}

/** Sub-tile counts to try. */
export function tilesOf({ tiles, published }: MethodFlags): readonly number[] {
  if (published === true && tiles !== undefined && tiles !== 1) throw excludes("--published", `--tiles ${tiles}`);
  if (tiles !== undefined) return [tiles];
  return published === true ? [1] : searchedTiles;
}

/** `--path` as it is given; only Torus has one, and `--published` fixes it. */
export function pathOf({ path, published, method }: MethodFlags): string | undefined {
  if (path === undefined) return undefined;
  if (published === true && path !== "paper") throw excludes("--published", `--path ${path.slice(0, 40)}`);
  if (method === "torus" || method === "auto") return path;
  throw new UsageError("usage", `--path is for torus, not for ${method}`, { path: "--path", hint: "Drop --path." });
}

function excludes(flag: string, other: string): UsageError {
  return new UsageError("usage", `${flag} and ${other} exclude each other`, { path: flag, hint: "Drop one of them." });
}

/** The mesh of `--mesh`, if given. */
export function meshOf({ mesh, ulysses, ring }: MethodFlags): Mesh | undefined {
  if (mesh === undefined) return undefined;
  if (ulysses !== undefined || ring !== undefined) {
    throw new UsageError("usage", "--mesh and --ulysses or --ring exclude each other", {
      path: "--mesh",
      hint: "Drop one: the mesh decides both degrees.",
    });
  }
  const [ulyssesInter, ringInter, ulyssesIntra, ringIntra] = mesh;
  if (
    mesh.length !== 4 ||
    ulyssesInter === undefined ||
    ringInter === undefined ||
    ulyssesIntra === undefined ||
    ringIntra === undefined
  ) {
    throw wrong("--mesh", "four degrees N_u,N_r,U,R", mesh.join(","));
  }
  return { ulyssesInter, ringInter, ulyssesIntra, ringIntra };
}

/** Ops that a search may simulate. */
export function simulatedOpsOf({ searchOps, exhaustive }: MethodFlags): number {
  if (exhaustive === true) return Number.POSITIVE_INFINITY;
  if (Number.isInteger(searchOps) && searchOps >= 1) return searchOps;
  throw wrong("--search-ops", "a whole number from 1", String(searchOps));
}

function wrong(flag: string, expected: string, text: string): UsageError {
  return new UsageError("usage", `expected ${expected}, got ${JSON.stringify(text.slice(0, 80))}`, { path: flag });
}
