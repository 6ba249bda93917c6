import { OP_KINDS } from "../../plan/schedule/schedule.ts";
import type { PlanDetail } from "../engine/protocol.ts";
import { linkName } from "./links.ts";
import { peakUse, transfersOf, type UseIndex } from "./utilization.ts";

/** A transfer that crosses a link. */
export interface LinkFlow {
  readonly op: number;
  readonly kind: string;
  /** Ranks of the schedule: where the bytes come from and go to. */
  readonly fromRank: number;
  readonly toRank: number;
  readonly bytes: number;
  readonly startNs: number;
  readonly endNs: number;
}

/** What a directed link does in one pass. */
export interface LinkLoad {
  /** That load it; what a NIC serves badly counts more than its bytes. */
  readonly bytes: number;
  readonly meanUse: number;
  readonly peakUse: number;
  readonly peakNs: number;
  /** By start. */
  readonly flows: readonly LinkFlow[];
}

/** Null for a link that the plan's topology does not have. Parallel links: the first one's. */
export function linkLoad(detail: PlanDetail, index: UseIndex, from: string, to: string): LinkLoad | null {
  const link = detail.links.findIndex((one) => one.from === from && one.to === to);
  if (link < 0) return null;
  const { bytes, bytesPerSecond } = detail.links[link]!;
  const transfers = transfersOf(index, link);
  const peak = peakUse(index, link, transfers);
  const opKinds = kindsOfOps(detail);
  const flows = transfers.map((at): LinkFlow => {
    const op = index.op[at]!;
    const { kind, rank } = opKinds.get(op)!;
    const peer = detail.opPeer[op]!;
    const [fromRank, toRank] = kind === "get" ? [peer, rank] : [rank, peer];
    return {
      op,
      kind,
      fromRank,
      toRank,
      bytes: detail.opBytes[op]!,
      startNs: index.startNs[at]!,
      endNs: index.endNs[at]!,
    };
  });
  const seconds = detail.passNs / 1e9;
  const meanUse = seconds > 0 ? bytes / bytesPerSecond / seconds : 0;
  return { bytes, meanUse, peakUse: peak.use, peakNs: peak.atNs, flows };
}

function kindsOfOps({ trace, opBytes }: PlanDetail): Map<number, { readonly kind: string; readonly rank: number }> {
  const kinds = new Map<number, { kind: string; rank: number }>();
  for (let row = 0; row < trace.op.length; row++) {
    const op = trace.op[row]!;
    if (opBytes[op]! > 0) kinds.set(op, { kind: OP_KINDS[trace.kind[row]!]!, rank: trace.rank[row]! });
  }
  return kinds;
}

/** Schedule rank of each rank node that sends or receives, by node id: a schedule may number ranks in another order. */
export function scheduleRanks(detail: PlanDetail): ReadonlyMap<string, number> {
  const { links, opLinks, opPeer, trace } = detail;
  const ranks = new Map<string, number>();
  for (let row = 0; row < trace.op.length && ranks.size < detail.ranks.length; row++) {
    const op = trace.op[row]!;
    const [first, end] = [opLinks.start[op]!, opLinks.start[op + 1]!];
    if (first === end) continue;
    const isGet = OP_KINDS[trace.kind[row]!] === "get";
    const [here, there] = [trace.rank[row]!, opPeer[op]!];
    ranks.set(links[opLinks.linkIds[first]!]!.from, isGet ? there : here);
    ranks.set(links[opLinks.linkIds[end - 1]!]!.to, isGet ? here : there);
  }
  return ranks;
}

/** `put 2 → 6`, for lists. */
export function flowText({ kind, fromRank, toRank }: LinkFlow): string {
  return `${kind} ${linkName(String(fromRank), String(toRank)).replace("→", " → ")}`;
}
