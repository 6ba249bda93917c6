/**
 * Attention on one core: the kernel (attend and finalize through its interface, over a heap in a SharedArrayBuffer, copies
 * out of it and LSE included) against onnxruntime's own MultiHeadAttention on the same shape in ordinary memory, which
 * gives no LSE and cannot go on from a partial result. Runs of both alternate; medians.
 *
 * The limit is the rate of matrix products of the machine, measured before: attention adds an exponential and a sum
 * for each pair of query and key, more of the whole the smaller the heads are.
 *
 * Usage: npm run bench -- attention [--shapes TOKENSxHEADSxD,…] [--rounds N]
 */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { defaultMesh, planSchedule } from "../plan/methods/index.ts";
import { Kind, type Schedule } from "../plan/schedule/schedule.ts";
import { makeWorkload } from "../plan/workload/make-workload.ts";
import { createOnnxKernel } from "../runtime/onnx/onnx-kernel.ts";
import { createModel } from "../runtime/onnx/onnx-model.ts";
import { createRandom } from "./flow-scenarios.ts";

const SHAPES =
  "1024x1x64,1024x4x64,1024x8x64,2048x2x64,2048x8x64,4096x2x64,8192x1x64,8192x4x64,1024x8x32,4096x4x32,8192x1x32,1024x4x128,2048x8x128,4096x2x128,8192x1x128";
const LEAST_RATIO = 0.85;
const LEAST_TIMED_MS = 1500;

interface Shape {
  readonly tokens: number;
  readonly heads: number;
  readonly headDim: number;
}

/** Something to be timed, and its FLOPs. */
interface Work {
  readonly flops: number;
  run(): Promise<void>;
}

const OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  logSeverityLevel: 3,
};

const next = createRandom(20260127);

function randomTensor(...dims: number[]): Tensor {
  const data = new Float32Array(dims.reduce((a, b) => a * b, 1)).map(() => 4 * next() - 2);
  return new Tensor("float32", data, dims);
}

function attentionFlops({ tokens, heads, headDim }: Shape): number {
  return 4 * tokens * tokens * heads * headDim;
}

async function createKernelWork(shape: Shape): Promise<Work> {
  const schedule = planOneRank(shape);
  const heap = new Float32Array(new SharedArrayBuffer(schedule.heapBytes));
  for (let i = 0; i < heap.length; i++) heap[i] = 4 * next() - 2;
  const kernel = createOnnxKernel({ schedule, heap });
  const ops = Uint32Array.from(schedule.ops.kind.keys()).filter((op) => schedule.ops.kind[op] !== Kind.barrier);
  await kernel.prepare(ops);
  return {
    flops: attentionFlops(shape),
    async run() {
      for (const op of ops) {
        kernel.begin(op);
        while (!(await kernel.step()));
      }
    },
  };
}

function planOneRank({ tokens, heads, headDim }: Shape): Schedule {
  const workload = { ...makeWorkload({ tokens, heads, headDim, scope: "attention" }), dtype: "fp32" as const };
  const mesh = defaultMesh("ring", { machines: 1, ranksPerMachine: 1 }, workload);
  return planSchedule({ workload, method: "ring", transport: "one-sided", mesh, tiles: 1 });
}

async function createPeerWork(shape: Shape): Promise<Work> {
  const { tokens, heads, headDim } = shape;
  const size = [1, tokens, heads * headDim];
  const model = createModel("peer");
  const inputs = ["q", "k", "v"].map((name) => model.input(name, size));
  model.output("o", model.node("com.microsoft.MultiHeadAttention", inputs, { num_heads: heads }), size);
  return createSessionWork(model.finish(), { q: size, k: size, v: size }, { o: size }, attentionFlops(shape));
}

/** Products of matrices that stay in the caches. */
async function createProductWork(): Promise<Work> {
  const [m, k, n] = [512, 1024, 1024];
  const model = createModel("product");
  model.output("c", model.node("MatMul", [model.input("a", [m, k]), model.input("b", [k, n])]), [m, n]);
  return createSessionWork(model.finish(), { a: [m, k], b: [k, n] }, { c: [m, n] }, 2 * m * k * n);
}

async function createSessionWork(
  model: Uint8Array,
  inputs: Record<string, number[]>,
  outputs: Record<string, number[]>,
  flops: number,
): Promise<Work> {
  const session = await InferenceSession.create(model, OPTIONS);
  const tensors = (sizes: Record<string, number[]>) =>
    Object.fromEntries(Object.entries(sizes).map(([name, dims]) => [name, randomTensor(...dims)]));
  const [feeds, fetches] = [tensors(inputs), tensors(outputs)];
  return {
    flops,
    async run() {
      await session.run(feeds, fetches);
    },
  };
}

interface Measured {
  /** Median rate of each work in GFLOP/s. */
  readonly rates: readonly number[];
  /** Median over the rounds of the last work's time by the first one's. */
  readonly ratio: number;
}

/**
 * Runs alternate, so that what else the machine does meets all alike; each comes after one of its own that is not timed, so
 * that it finds the caches as it leaves them.
 */
async function measure(works: readonly Work[], rounds: number): Promise<Measured> {
  const times: number[][] = works.map(() => []);
  for (let round = -1, spent = 0; round < rounds || spent < LEAST_TIMED_MS; round++) {
    for (const [i, work] of works.entries()) {
      await work.run();
      const begin = performance.now();
      await work.run();
      const ms = performance.now() - begin;
      if (round >= 0) times[i]!.push(ms);
      spent += ms;
    }
  }
  return {
    rates: works.map(({ flops }, i) => flops / median(times[i]!) / 1e6),
    ratio: median(times[0]!.map((ms, round) => times.at(-1)![round]! / ms)),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function option(name: string, otherwise: string): string {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? otherwise : (process.argv[at + 1] ?? otherwise);
}

const rounds = Number(option("rounds", "15"));
let least = Infinity;
for (const text of option("shapes", SHAPES).split(",")) {
  const [tokens, heads, headDim] = text.split("x").map(Number) as [number, number, number];
  const shape = { tokens, heads, headDim };
  const product = (await measure([await createProductWork()], rounds)).rates[0]!;
  const { rates, ratio } = await measure([await createKernelWork(shape), await createPeerWork(shape)], rounds);
  const [ours, theirs] = rates as [number, number];
  least = Math.min(least, ratio);
  console.log(
    `${`${tokens} tokens × ${heads} heads of ${headDim}`.padEnd(30)} kernel ${ours.toFixed(0).padStart(4)} GFLOP/s  MultiHeadAttention ${theirs.toFixed(0).padStart(4)}  ratio ${ratio.toFixed(2)}  matrix products ${product.toFixed(0)}, of which ${((100 * ours) / product).toFixed(0)} %`,
  );
}
console.log(`least ratio ${least.toFixed(2)}, at least ${LEAST_RATIO} wanted`);
if (least < LEAST_RATIO) process.exitCode = 1;
