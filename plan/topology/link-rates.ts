/**
 * What links achieve. One policy for presets and importers: a link's figure is the payload rate that one large
 * transfer reaches on it, not the data sheet's signalling rate, because predictions are made from it. What is lost on
 * small messages or by a library's protocol is not in here: the simulator's efficiency by message size has that. A
 * figure given by a flag is taken as it is.
 */

/** NVLink generations by what a GPU of that generation reaches over all its links, and their number. */
export interface NvlinkGeneration {
  /** Links of one GPU. */
  readonly links: number;
  /** Bytes per second of one link, each direction. */
  readonly bytesPerSecondPerLink: number;
}

/**
 * Specs per GPU and direction: 150, 300, 450, 900 GB/s.
 * V100: NCCL src/graph/topo.h, 20 GB/s a link (SM70).
 * A100: 230 GB/s achieved (nccl-tests#149; NCCL's constant says 240).
 * GA102 (RTX 3090, A6000): NCCL's 12 GB/s a link (SM86).
 * H100, H200: 370 GB/s (nccl-tests#212; 371–377 by p2pBandwidthLatencyTest in nccl#1264).
 * B200, B300: NCCL's 40.1 GB/s a link (SM100), 722 GB/s.
 */
export const nvlinkGenerations = {
  volta: { links: 6, bytesPerSecondPerLink: 20e9 },
  ampere: { links: 12, bytesPerSecondPerLink: 230e9 / 12 },
  ga102: { links: 4, bytesPerSecondPerLink: 12e9 },
  hopper: { links: 18, bytesPerSecondPerLink: 370e9 / 18 },
  blackwell: { links: 18, bytesPerSecondPerLink: 40.1e9 },
} as const satisfies Record<string, NvlinkGeneration>;

/** Half of a hop between GPUs: 0.6 µs for NVLink in NCCL's LL protocol (src/graph/tuning.cc). */
export const nvlinkLatencyNs = 300;

/** xGMI of MI300X: 45–48 of 64 GB/s for each pair of GPUs (TransferBench, rocm-blogs mi300x-rccl-xgmi). */
export const xgmiBytesPerSecond = 46e9;
/** Derived: one direct link, taken as one NVLink hop through a switch. */
export const xgmiLatencyNs = 600;

export type PcieGeneration = 3 | 4 | 5;

/**
 * PCIe x16, each direction. Specs 15.8, 31.5, 63 GB/s.
 * 3: NCCL topo.h 12 GB/s. 4: SimAI calbusbw.h 25.6 (NCCL takes 24). 5: 55.4 measured on an H200 host (ml-engineering).
 */
export const pcieBytesPerSecond: Readonly<Record<PcieGeneration, number>> = { 3: 12e9, 4: 25.6e9, 5: 55.4e9 };

/** So that GPU → switch → NIC → network → NIC → switch → GPU takes the 2.6 µs of an RDMA write (H200 NVL with CX-7). */
export const pcieLatencyNs = 400;
export const nicLatencyNs = 500;

/** Between CPU sockets, by the PCIe generation of their time: NCCL's 10 (Skylake), 16 (AMD), 22 (Sapphire Rapids) GB/s. */
export const socketBytesPerSecond: Readonly<Record<PcieGeneration, number>> = { 3: 10e9, 4: 16e9, 5: 22e9 };
export const socketLatencyNs = 500;

/** Inside one CPU, between its host bridges. Derived: wider than the PCIe links that end there, so that those bind. */
export const hostBytesPerSecond = 100e9;

/**
 * EFA, NIC to network: half of the 13 µs that a message takes one way. Derived: half of fi_pingpong's 26 µs for 256 B
 * (puppet-magic_castle PR 331), which does not use RDMA; plausible from 4,000 to 12,000.
 */
export const efaLatencyNs = 6000;

/** Derived: one more InfiniBand switch and its cable. */
export const spineLatencyNs = 300;

/** NVLink-C2C between Grace and one GPU: 44,712 MB/s a link, 5 links, in NCCL's topology of a GB300. */
export const c2cBytesPerSecond = 223.5e9;

/**
 * Payload bytes per second of a NIC of so many Gb/s: 12 of 12.5 GB/s at 100 (NCCL topo.h), 23.5 of 25 at 200
 * (ConnectX-6) and 48.5 of 50 at 400 (ConnectX-7; both SimAI calbusbw.h; 46–48.5 in nccl-tests#267 and #290). EFA v2:
 * 3108 of 3200 Gb/s, the same 97 %. Others: 97 %.
 */
export function nicBytesPerSecond(gigabits: number): number {
  if (gigabits === 100) return 12e9;
  if (gigabits === 200) return 23.5e9;
  if (gigabits === 400) return 48.5e9;
  return (gigabits / 8) * 0.97e9;
}

/**
 * Share of an EFA NIC's rate that puts and gets reach. EFA has no remote atomics and no GPU-initiated path: NVSHMEM's
 * libfabric transport drives it by one proxy thread (NVSHMEM 2.7 to 3.8 times slower than NCCL in a Ring of 16,
 * nvshmem#87; NICs unevenly used, nvshmem#76). Plausible 0.26 to 0.8; 0.5 is taken.
 */
export const efaOneSidedEfficiency = 0.5;
