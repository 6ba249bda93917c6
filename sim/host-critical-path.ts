import { Kind, type Schedule } from "../plan/schedule/schedule.ts";
import type { Run } from "./engine.ts";
import type { HostModel } from "./host-model.ts";
import { isKernel } from "./is-kernel.ts";
import { State } from "./op-state.ts";
import type { TransferModel } from "./transfer-model.ts";

/** What takes time on a critical path of host ranks. */
type HostBinding = "copies in memory" | "cores" | "wake-ups" | "network latency";

/** Where the time goes; kernels and links are booked under the bindings of their op. */
export interface HostBooks {
  book(binding: HostBinding, ns: number): void;
  bookKernel(op: number, ns: number): void;
  bookLinks(source: number, target: number, ns: number): void;
}

/** Books the time of one op of a host rank, barriers left out; returns the op whose cause explains what came before. */
export function createHostExplainer(
  schedule: Schedule,
  model: HostModel,
  transfers: TransferModel,
  run: Run,
  books: HostBooks,
): (op: number) => number {
  const { kind, rank, peer } = schedule.ops;

  return (op) => {
    const code = kind[op]!;
    if (code === Kind.send || code === Kind.receive) return explainPair(op);
    if (code === Kind.put || code === Kind.get) explainOneSided(op);
    else if (isKernel(code)) explainKernel(op);
    else explainIssue(op);
    return op;
  };

  /** A wait or notify: from its posting or the write on, its thread has to wake and note it. */
  function explainIssue(op: number): void {
    const isLate = kind[op] === Kind.wait && (run.state[op]! & State.late) !== 0;
    const sinceNs = isLate ? run.endNs[run.cause[op]!]! : run.startNs[op]!;
    books.book("wake-ups", run.endNs[op]! - sinceNs);
  }

  function explainKernel(op: number): void {
    const leftNs = explainStart(op);
    const workNs = Math.min(leftNs, model.kernelNs(op));
    books.bookKernel(op, workNs);
    books.book("cores", leftNs - workNs);
  }

  function explainOneSided(op: number): void {
    const isGet = kind[op] === Kind.get;
    const [source, target] = isGet ? [peer[op]!, rank[op]!] : [rank[op]!, peer[op]!];
    if ((run.state[op]! & State.emulated) === 0) explainCopy(op, explainStart(op));
    else {
      books.book("wake-ups", run.flowNs[op]! - run.startNs[op]!);
      const paths = isGet ? 2 : 1;
      explainDrain(source, target, run.endNs[op]! - run.flowNs[op]!, paths * transfers.latencyNs(source, target));
    }
  }

  function explainPair(op: number): number {
    const late = (run.state[op]! & State.late) !== 0 ? op : run.partner[op]!;
    const send = kind[op] === Kind.send ? op : run.partner[op]!;
    const spanNs = run.endNs[op]! - run.flowNs[op]!;
    books.book("wake-ups", run.flowNs[op]! - run.startNs[late]!);
    if ((run.state[send]! & State.emulated) === 0) explainCopy(send, spanNs);
    else explainDrain(rank[send]!, peer[send]!, spanNs, transfers.latencyNs(rank[send]!, peer[send]!));
    return late;
  }

  /** Waking and issue; returns what is left of the span. */
  function explainStart(op: number): number {
    const spanNs = run.endNs[op]! - run.flowNs[op]!;
    const issueNs = Math.min(spanNs, model.opNs(model.threadOf(op)));
    books.book("wake-ups", run.flowNs[op]! - run.startNs[op]! + issueNs);
    return spanNs - issueNs;
  }

  /** What a copy takes more than alone, it lost to other transfers of its thread or to other threads. */
  function explainCopy(op: number, spanNs: number): void {
    const copyNs = Math.min(spanNs, model.transferNs(op));
    books.book("copies in memory", copyNs);
    books.book("cores", spanNs - copyNs);
  }

  function explainDrain(source: number, target: number, spanNs: number, pathNs: number): void {
    const latencyNs = Math.min(spanNs, pathNs);
    books.book("network latency", latencyNs);
    books.bookLinks(source, target, spanNs - latencyNs);
  }
}
