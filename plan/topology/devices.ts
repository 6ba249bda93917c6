import { UsageError } from "../errors.ts";
import { isRank } from "./network.ts";
import { type NvlinkGeneration, nvlinkGenerations, type PcieGeneration } from "./link-rates.ts";
import { nearestNames } from "./nearest-names.ts";
import type { Device, Topology } from "./topology.ts";

/** A device of the built-in table and the links that it usually comes with, which dumps do not name. */
export interface KnownDevice {
  readonly name: string;
  readonly device: Device;
  readonly nvlink: NvlinkGeneration | null;
  readonly pcieGeneration: PcieGeneration;
  /** Gb/s of the NICs of machines with this device. */
  readonly usualNicGigabits: number;
}

/** Figures in TFLOP/s, GB and GB/s, as data sheets print them. `null`: the device has no such units. */
interface Figures {
  /** Dense bf16 and fp16 with fp32 accumulation. */
  readonly peak: number;
  readonly noBf16?: true;
  /** fp32 without tensor cores. */
  readonly peakFp32: number;
  readonly matmul: number;
  readonly attention64: number;
  readonly attention128: number;
  readonly attention256?: number;
  readonly memory: number;
  readonly memoryRate: number;
  readonly multiprocessors: number;
  readonly copyEngines: number;
  readonly launchNs?: number;
  readonly source: string;
}

/**
 * Kernel launch floor of 4.7 µs measured on H100 (TaxBreak); taken for the others as well, since the host sets it.
 * Copy engines: what CUDA's deviceQuery prints for these devices, from general knowledge.
 */
const defaultLaunchNs = 4700;

/** fp32 without tensor cores, large products and attention. Derived: what vendor libraries usually reach. */
const fp32Share = 0.8;

function makeDevice(figures: Figures): Device {
  const halves = figures.noBf16 ? (["fp16"] as const) : (["bf16", "fp16"] as const);
  const sizes: [number, number][] = [
    [64, figures.attention64],
    [128, figures.attention128],
  ];
  if (figures.attention256 !== undefined) sizes.push([256, figures.attention256]);
  const both = (teraflops: number) => Object.fromEntries(halves.map((dtype) => [dtype, teraflops * 1e12]));
  const fp32 = figures.peakFp32 * fp32Share * 1e12;
  return {
    peakFlops: { ...both(figures.peak), fp32: figures.peakFp32 * 1e12 },
    matmulFlops: { ...both(figures.matmul), fp32 },
    attentionFlops: [
      ...halves.flatMap((dtype) => sizes.map(([headDim, rate]) => ({ dtype, headDim, flops: rate * 1e12 }))),
      ...sizes.map(([headDim]) => ({ dtype: "fp32" as const, headDim, flops: fp32 })),
    ],
    memoryBytes: figures.memory * 1e9,
    memoryBytesPerSecond: figures.memoryRate * 1e9,
    multiprocessors: figures.multiprocessors,
    copyEngines: figures.copyEngines,
    launchNs: figures.launchNs ?? defaultLaunchNs,
    source: figures.source,
  };
}

/** Peak, best measured product and memory rate of ml-engineering's accelerator tables (stas00). */
const mlEngineering = "peak, matmul, memory: ml-engineering compute/accelerator (stas00)";
const flash2A100 =
  "attention: FlashAttention 2 forward, derived from fwd+bwd chart and '70 % of max' (flash-attention#1059)";
const flash3 = "attention: FlashAttention 3 fp16 forward chart at 16k tokens (flash-attention assets)";
const flash4 = "attention: FlashAttention 4 (flash-attention PR 2280: 1534.8 at D 128; PR 2605: 1087–1243 at D 64)";
/** Where no measurement was found. */
const derived = (what: string) => `${what}: derived, not measured`;

const a100 = {
  peak: 312,
  peakFp32: 19.5,
  attention64: 190,
  attention128: 220,
  multiprocessors: 108,
  copyEngines: 3,
};
const h100 = {
  peak: 989,
  peakFp32: 67,
  matmul: 794.5,
  attention64: 497,
  attention128: 648,
  attention256: 756,
  multiprocessors: 132,
  copyEngines: 3,
};
const b200 = {
  peak: 2250,
  peakFp32: 80,
  matmul: 1745,
  attention64: 1150,
  attention128: 1535,
  multiprocessors: 148,
  copyEngines: 4,
};

const { volta, ampere, ga102, hopper, blackwell } = nvlinkGenerations;

function known(
  name: string,
  figures: Figures,
  nvlink: NvlinkGeneration | null,
  pcieGeneration: PcieGeneration,
  usualNicGigabits: number,
): KnownDevice {
  return { name, device: makeDevice(figures), nvlink, pcieGeneration, usualNicGigabits };
}

const table: readonly KnownDevice[] = [
  known(
    "A100-SXM-80GB",
    {
      ...a100,
      matmul: 271.2,
      memory: 80,
      memoryRate: 2000,
      source: `${mlEngineering}; ${flash2A100}`,
    },
    ampere,
    4,
    200,
  ),
  known(
    "A100-SXM-40GB",
    {
      ...a100,
      matmul: 271.2,
      memory: 40,
      memoryRate: 1555,
      source: `${mlEngineering}; memory: data sheet; ${flash2A100}`,
    },
    ampere,
    4,
    200,
  ),
  known(
    "A100-PCIe",
    {
      ...a100,
      matmul: 252.9,
      // The power limit binds as it does for products: 252.9 / 271.2 of SXM.
      attention64: 177,
      attention128: 205,
      memory: 80,
      memoryRate: 1940,
      source: `${mlEngineering}; ${derived("attention as A100-SXM-80GB by the ratio of matmul")}`,
    },
    ampere,
    4,
    200,
  ),
  known("H100-SXM", { ...h100, memory: 80, memoryRate: 3350, source: `${mlEngineering}; ${flash3}` }, hopper, 5, 400),
  known(
    "H100-PCIe",
    {
      ...h100,
      peak: 756,
      peakFp32: 51,
      matmul: 605,
      attention64: 380,
      attention128: 495,
      attention256: 578,
      memory: 80,
      memoryRate: 2000,
      multiprocessors: 114,
      source: `${mlEngineering}; ${derived("matmul and attention as H100-SXM by the ratio of peaks")}`,
    },
    hopper,
    5,
    400,
  ),
  known(
    "H200",
    {
      ...h100,
      memory: 141,
      memoryRate: 4800,
      source: `${mlEngineering}; ${flash3}, on H100`,
    },
    hopper,
    5,
    400,
  ),
  known(
    "GH200",
    { ...h100, matmul: 828.6, memory: 96, memoryRate: 4000, source: `${mlEngineering}; ${flash3}, on H100` },
    hopper,
    5,
    200,
  ),
  known(
    "H20",
    {
      peak: 148,
      peakFp32: 44,
      matmul: 129,
      attention64: 120.1,
      attention128: 126.2,
      memory: 96,
      memoryRate: 4000,
      multiprocessors: 78,
      copyEngines: 3,
      source: `peak, memory, attention: flash-attention#1310; ${derived("matmul from cuDNN attention there")}`,
    },
    hopper,
    5,
    400,
  ),
  known("B200", { ...b200, memory: 180, memoryRate: 8000, source: `${mlEngineering}; ${flash4}` }, blackwell, 5, 400),
  known(
    "GB200",
    {
      ...b200,
      peak: 2500,
      matmul: 1822,
      memory: 186,
      memoryRate: 8000,
      source: `${mlEngineering}; ${flash4}, on B200`,
    },
    blackwell,
    5,
    400,
  ),
  known(
    "B300",
    {
      ...b200,
      memory: 288,
      memoryRate: 8000,
      source: `${derived("all but the memory's size as B200")}; ${flash4}`,
    },
    blackwell,
    5,
    800,
  ),
  known(
    "L40S",
    {
      peak: 362,
      peakFp32: 91.6,
      matmul: 253,
      attention64: 200,
      attention128: 217,
      memory: 48,
      memoryRate: 864,
      multiprocessors: 142,
      copyEngines: 2,
      source: `${mlEngineering}; ${derived("matmul and attention at 70 and 60 % of peak")}`,
    },
    null,
    4,
    100,
  ),
  known(
    "L40",
    {
      peak: 181,
      peakFp32: 90.5,
      matmul: 145,
      attention64: 115,
      attention128: 127,
      memory: 48,
      memoryRate: 864,
      multiprocessors: 142,
      copyEngines: 2,
      source: `peak: xDiT hunyuandit.md; ${derived("matmul and attention at 80 and 70 % of peak")}`,
    },
    null,
    4,
    100,
  ),
  known(
    "L20",
    {
      peak: 119.5,
      peakFp32: 59.8,
      matmul: 113,
      attention64: 76,
      attention128: 84,
      memory: 48,
      memoryRate: 864,
      multiprocessors: 92,
      copyEngines: 2,
      source: `peak: xDiT hunyuandit.md; matmul: 112–114 measured; ${derived("attention at 70 % of peak")}`,
    },
    null,
    4,
    100,
  ),
  known(
    "RTX-4090",
    {
      peak: 165.2,
      peakFp32: 82.6,
      matmul: 140,
      attention64: 105,
      attention128: 116,
      memory: 24,
      memoryRate: 1008,
      multiprocessors: 128,
      copyEngines: 2,
      source: `peak, memory: data sheet; ${derived("matmul and attention at 85 and 70 % of peak")}`,
    },
    null,
    4,
    100,
  ),
  known(
    "RTX-5090",
    {
      peak: 209.5,
      peakFp32: 104.8,
      matmul: 178,
      attention64: 133,
      attention128: 147,
      memory: 32,
      memoryRate: 1792,
      multiprocessors: 170,
      copyEngines: 2,
      source: `peak, memory: data sheet; ${derived("matmul and attention at 85 and 70 % of peak")}`,
    },
    null,
    5,
    100,
  ),
  known(
    "RTX-3090",
    {
      peak: 71,
      peakFp32: 35.6,
      matmul: 60,
      attention64: 45,
      attention128: 50,
      memory: 24,
      memoryRate: 936,
      multiprocessors: 82,
      copyEngines: 2,
      source: `peak, memory: data sheet; ${derived("matmul and attention at 85 and 70 % of peak")}`,
    },
    ga102,
    4,
    100,
  ),
  known(
    "RTX-A6000",
    {
      peak: 154.8,
      peakFp32: 38.7,
      matmul: 124,
      attention64: 98,
      attention128: 108,
      memory: 48,
      memoryRate: 768,
      multiprocessors: 84,
      copyEngines: 2,
      source: `peak, memory: data sheet; ${derived("matmul and attention at 80 and 70 % of peak")}`,
    },
    ga102,
    4,
    100,
  ),
  known(
    "V100",
    {
      peak: 125,
      noBf16: true,
      peakFp32: 15.7,
      matmul: 94,
      attention64: 45,
      attention128: 50,
      memory: 32,
      memoryRate: 900,
      multiprocessors: 80,
      copyEngines: 5,
      source: `peak, memory: data sheet; ${derived("matmul and attention (no FlashAttention 2) at 75 and 40 % of peak")}`,
    },
    volta,
    3,
    100,
  ),
  known(
    "RTX-2080-Ti",
    {
      peak: 53.8,
      noBf16: true,
      peakFp32: 13.4,
      matmul: 43,
      attention64: 22,
      attention128: 24,
      memory: 11,
      memoryRate: 616,
      multiprocessors: 68,
      copyEngines: 3,
      source: `peak, memory: data sheet; ${derived("matmul and attention at 80 and 45 % of peak")}`,
    },
    null,
    3,
    100,
  ),
  known(
    "GTX-1080-Ti",
    {
      // No tensor cores and slow fp16: products run in fp32.
      peak: 11.3,
      noBf16: true,
      peakFp32: 11.3,
      matmul: 9,
      attention64: 5,
      attention128: 5,
      memory: 11,
      memoryRate: 484,
      multiprocessors: 28,
      copyEngines: 2,
      source: `peak, memory: data sheet; ${derived("matmul and attention at 80 and 45 % of peak")}`,
    },
    null,
    3,
    100,
  ),
  known(
    "MI300X",
    {
      peak: 1307,
      peakFp32: 163.4,
      matmul: 668.4,
      attention64: 400,
      attention128: 470,
      memory: 192,
      memoryRate: 5300,
      multiprocessors: 304,
      copyEngines: 8,
      launchNs: 6000,
      source: `${mlEngineering}; ${derived("attention at 60 and 70 % of matmul, launch")}`,
    },
    null,
    5,
    400,
  ),
];

/** Other names of the table's devices, as people and `nvidia-smi -L` write them, folded by `foldName`. */
const aliases: Readonly<Record<string, string>> = {
  A100: "A100-SXM-80GB",
  A100SXM: "A100-SXM-80GB",
  A10080GB: "A100-SXM-80GB",
  A10040GB: "A100-SXM-40GB",
  A100SXM480GB: "A100-SXM-80GB",
  A100SXM440GB: "A100-SXM-40GB",
  A100PCIE40GB: "A100-PCIe",
  A100PCIE80GB: "A100-PCIe",
  A10080GBPCIE: "A100-PCIe",
  A800: "A100-SXM-80GB",
  H100: "H100-SXM",
  H100SXM5: "H100-SXM",
  H10080GBHBM3: "H100-SXM",
  H100NVL: "H100-PCIe",
  H800: "H100-SXM",
  H200SXM: "H200",
  H200NVL: "H200",
  GH200480GB: "GH200",
  B200SXM: "B200",
  GB300: "B300",
  V100SXM2: "V100",
  V100SXM3: "V100",
  V100SXM216GB: "V100",
  V100SXM232GB: "V100",
  "4090": "RTX-4090",
  "5090": "RTX-5090",
  "3090": "RTX-3090",
  A6000: "RTX-A6000",
  "2080TI": "RTX-2080-Ti",
  "1080TI": "GTX-1080-Ti",
  MI300: "MI300X",
};

/** Names without vendor, family, case and punctuation: "NVIDIA GeForce RTX 4090" is RTX4090. */
function foldName(name: string): string {
  return name
    .toUpperCase()
    .replace(/\b(?:NVIDIA|GEFORCE|TESLA|QUADRO|AMD|INSTINCT)\b/g, "")
    .replace(/[^A-Z0-9]/g, "");
}

const byName = new Map(table.map((one) => [foldName(one.name), one]));
for (const [alias, name] of Object.entries(aliases)) byName.set(alias, byName.get(foldName(name))!);

/** The built-in device of that name or alias (`A100`, `nvidia a100-sxm4-80gb`), or undefined. */
export function lookUpDevice(name: string): KnownDevice | undefined {
  return byName.get(foldName(name));
}

/** As `lookUpDevice`, but throws a UsageError (`not-found`) that names the nearest. */
export function findDevice(name: string, path?: string): KnownDevice {
  const found = lookUpDevice(name);
  if (found !== undefined) return found;
  const nearest = nearestNames(name, listDevices());
  throw new UsageError("not-found", `expected a known device, got ${JSON.stringify(name.slice(0, 80))}`, {
    ...(path === undefined ? {} : { path }),
    hint: `Use one of ${nearest.join(", ")}, or describe the device under "devices" in a topology file.`,
  });
}

/**
 * The built-in device that a text or file name mentions as a word (`8xH100`, `NVIDIA A100-SXM4-40GB`), the most
 * specific one if there are several, or undefined.
 */
export function mentionedDevice(text: string): KnownDevice | undefined {
  let best: { length: number; known: KnownDevice } | undefined;
  for (const [, words] of text.matchAll(mention)) {
    for (let length = words!.length; length >= 3; length--) {
      if (/[a-z0-9]/i.test(words![length] ?? " ")) continue;
      const known = lookUpDevice(words!.slice(0, length));
      if (known === undefined) continue;
      if (best === undefined || length > best.length) best = { length, known };
    }
  }
  return best?.known;
}

/** A family's letters and a number, and what may belong to the name after it. Looks ahead, so that matches overlap. */
const mention = /(?<=^|[^a-z0-9]|\dx)(?=((?:gb|gh|[abhlv]|mi|rtx|gtx)[ _-]?\d{2,4}[a-z0-9 _-]{0,14}))/gi;

/** Names of the built-in table, in its order. */
export function listDevices(): readonly string[] {
  return table.map(({ name }) => name);
}

/**
 * The device of each rank, in order of rank. Throws a UsageError (`topology`) where a rank has none: planning needs
 * one, `flows` does not.
 */
export function rankDevices(topology: Topology): readonly Device[] {
  return topology.nodes.filter(isRank).map(({ id, kind, device }) => {
    const isKnown = device !== undefined && Object.hasOwn(topology.devices, device);
    if (isKnown) return topology.devices[device]!;
    throw new UsageError("topology", `expected a device on rank ${id}, found none`, {
      path: `nodes[${topology.nodes.findIndex((node) => node.id === id)}].device`,
      hint:
        kind === "gpu"
          ? "Say which with --device, for example --device A100."
          : "Describe the CPU under devices in the topology file (FLOP/s, memory), and name it on each cpu node.",
    });
  });
}
