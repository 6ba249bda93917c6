import type { ForeignLane } from "./span-columns.ts";

/** What metadata events say of a process. */
export interface ProcessNames {
  name: string;
  /** `CPU`, `GPU 3`. */
  labels: string;
  readonly threads: Map<string, string>;
}

/** Names lanes by the metadata of their process and thread: a group for each device and process, of the rank if known. */
export function nameLanes(
  lanes: readonly ForeignLane[],
  pids: readonly string[],
  tids: readonly string[],
  processes: ReadonlyMap<string, ProcessNames>,
  rank: number | null,
): void {
  for (const [index, lane] of lanes.entries()) {
    const [pid, tid] = [pids[index]!, tids[index]!];
    const process = processes.get(pid);
    if (/^GPU\b/.test(process?.labels ?? "")) lane.isDevice = true;
    const group = lane.isDevice ? deviceName(pid, process) : processName(pid, process);
    lane.group = rank === null ? group : `rank ${rank} ${group}`;
    lane.name = laneName(tid, process?.threads.get(tid), lane.isDevice);
  }
}

function deviceName(pid: string, process: ProcessNames | undefined): string {
  const labels = process?.labels ?? "";
  return /^GPU\b/.test(labels) ? labels : `GPU ${pid}`;
}

function processName(pid: string, process: ProcessNames | undefined): string {
  const name = process?.name ?? "";
  const id = isNumber(pid) ? `process ${pid}` : pid;
  return name === "" || name === pid ? id : `${name}, ${id}`;
}

/** Kineto calls streams `stream 7 7`, threads `thread 4242 (python)`. */
function laneName(tid: string, given: string | undefined, isDevice: boolean): string {
  const name = (given ?? "").replace(/^(stream (\S+)) \2$/, "$1").trim();
  if (name !== "") return name;
  if (tid === "") return isDevice ? "stream" : "thread";
  return isNumber(tid) ? `${isDevice ? "stream" : "thread"} ${tid}` : tid;
}

function isNumber(text: string): boolean {
  return /^-?\d+$/.test(text);
}
