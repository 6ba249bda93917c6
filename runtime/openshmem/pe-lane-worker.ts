import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../plan/errors.ts";
import { createClock } from "../lanes/clock.ts";
import { type BoardMemory, LaneBoard, ring } from "../lanes/lane-board.ts";
import { COMPUTE_LANE, type LaneJob } from "../lanes/lane-job.ts";
import { runLaneWorker } from "../lanes/run-lane-job.ts";
import { loadAddon } from "./addon.ts";
import { OpenshmemFabric } from "./openshmem-fabric.ts";
import { layWords } from "./words.ts";

/** Words of `control`, beside 0 of the board: meetings that each thread of the process has come to, and the answer. */
export const Control = { abort: 0, arrived: 1, met: 2, said: 3, length: 4 } as const;

/** What a thread of a process that is one rank gets. */
export interface PeLaneJob extends LaneJob {
  readonly memory: BoardMemory;
  /** By pass. */
  readonly outputHash: Int32Array;
}

const port = parentPort;
assert(port !== null, "a lane runs in a worker");
await runLaneWorker(
  workerData as PeLaneJob,
  (message) => port.postMessage(message),
  ({ memory, outputHash, rank, lane, origin }, { schedule }) => {
    const { control } = memory;
    const addon = loadAddon();
    const ringOther = () => (lane === COMPUTE_LANE ? addon.ring(memory.doorbells) : ring(memory, 0));
    const board = new LaneBoard(memory, 0, lane, ringOther);
    const fabric = new OpenshmemFabric({
      addon,
      rank,
      ranks: schedule.ranks,
      lane,
      clock: createClock(origin),
      layout: layWords(schedule),
      heapBytes: schedule.heapBytes,
      board: memory,
    });
    let meetings = 0;

    /** Until `isOver`; the thread that moves bytes goes on serving transfers. */
    function wait(isOver: () => boolean): void {
      while (!isOver()) {
        board.check();
        fabric.idle();
      }
    }

    /** The thread that moves bytes meets those of other ranks when the one that computes has come; then both go on. */
    function meet(said: boolean | undefined): boolean {
      const meeting = ++meetings;
      if (lane === COMPUTE_LANE) {
        if (said !== undefined) Atomics.store(control, Control.said, said ? 1 : 0);
        Atomics.store(control, Control.arrived, meeting);
        ringOther();
        wait(() => Atomics.load(control, Control.met) >= meeting);
      } else {
        wait(() => fabric.isHeard() && Atomics.load(control, Control.arrived) >= meeting);
        const answer = fabric.arrive("meeting", Atomics.load(control, Control.said) === 1);
        wait(() => answer() !== null);
        Atomics.store(control, Control.said, answer() ? 1 : 0);
        Atomics.store(control, Control.met, meeting);
        ringOther();
      }
      return Atomics.load(control, Control.said) === 1;
    }

    return {
      board,
      fabric,
      meet,
      clearPass() {
        memory.state.fill(0);
        fabric.clearPass();
      },
      beginPass: () => fabric.beginPass(),
      noteOutput(pass, hash) {
        outputHash[pass] = hash;
      },
    };
  },
);
