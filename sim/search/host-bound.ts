import type { Hosts } from "../../plan/topology/hosts.ts";
import type { HostFigures } from "../../plan/topology/topology.ts";
import type { Workload } from "../../plan/workload/workload.ts";
import { attendFiguresAt } from "../attend-time.ts";
import { ACCUMULATOR_BYTES } from "../../plan/schedule/moved-bytes.ts";
import type { Point } from "./space.ts";
import { forTraffic } from "./traffic.ts";

/**
 * A time (ns, one pass) that no schedule of the point can beat on hosts: all attention and other work spread evenly over
 * the computing threads; that and all copies over the cores; all copies over the memories. Order, waiting, wake-ups and
 * what is paid by call and tile are left out.
 */
export function hostBoundNs(point: Point, workload: Workload, hosts: Hosts, placement: readonly number[]): number {
  const { mesh } = point;
  const ranks = mesh.ulyssesInter * mesh.ringInter * mesh.ulyssesIntra * mesh.ringIntra;
  const hostOf = placement.slice(0, ranks).map((rank) => hosts.hostOf[rank]!);
  const used = [...new Set(hostOf)];
  const figures = used.map((host) => hosts.figures[host]!);
  const least = (of: (one: HostFigures) => number) => Math.min(...figures.map(of));
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const cores = sum(figures.map((one) => one.cores));
  const ranksOf = (host: number) => hostOf.filter((other) => other === host).length;
  const threads = sum(used.map((host, i) => Math.min(figures[i]!.cores, ranksOf(host))));
  const memory = sum(figures.map((one) => one.allCopiesBytesPerSecond)) / 1e9;
  const computeNs = least((one) => computeWorkNs(workload, one));
  const copied = copiedBytes(point, workload);
  const copyNs = least((one) => (1e9 * copied) / one.copyBytesPerSecond);
  const barriersNs = 2 * least((one) => one.opNs);
  return barriersNs + Math.max(computeNs / threads, (computeNs + copyNs) / cores, copied / memory);
}

/** Attention, finalizes and the layer's other work of all ranks, on one core. */
function computeWorkNs(workload: Workload, figures: HostFigures): number {
  const { batch, heads, headDim, tokens, mask, before, after } = workload;
  const { queryNs, pairNs } = attendFiguresAt(figures.attend, headDim);
  const pairs = mask === "full" ? tokens * tokens : (tokens * (tokens + 1)) / 2;
  const outputBytes = ACCUMULATOR_BYTES * (2 * (headDim + 1) + headDim);
  const finalizeNs = (1e9 * outputBytes) / figures.finalizeBytesPerSecond;
  const flops = [...before, ...after].reduce((sum, work) => sum + work.flopsPerToken, 0) * batch * tokens;
  return batch * heads * (pairs * pairNs + tokens * (queryNs + finalizeNs)) + (1e9 * flops) / figures.matmulFlops;
}

function copiedBytes(point: Point, workload: Workload): number {
  let sum = 0;
  forTraffic(point, workload, (_source, _target, bytes) => {
    sum += bytes;
  });
  return sum;
}
