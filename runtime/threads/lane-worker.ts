import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../plan/errors.ts";
import { createClock } from "../lanes/clock.ts";
import { LaneBoard } from "../lanes/lane-board.ts";
import { COMPUTE_LANE, LANES } from "../lanes/lane-job.ts";
import { runLaneWorker } from "../lanes/run-lane-job.ts";
import { clearPass, Control, meet } from "./shared-run.ts";
import { createThreadsFabric } from "./threads-fabric.ts";
import type { ThreadsLaneJob } from "./threads-lane-job.ts";

/** A thread of a rank where all ranks are threads of one process. */
const port = parentPort;
assert(port !== null, "a lane runs in a worker");
await runLaneWorker(
  workerData as ThreadsLaneJob,
  (message) => port.postMessage(message),
  ({ run, rank, lane, origin, emulatedPeers }, program, streams) => {
    const { ranks } = program.schedule;
    const board = new LaneBoard(run, rank, lane);
    const fabric = createThreadsFabric({
      run,
      rank,
      ranks,
      lane,
      clock: createClock(origin),
      isEmulated: (peer) => emulatedPeers[peer] === 1,
      requestRing: {
        start: program.firstOf(rank, streams[0] ?? 0),
        size: streams.reduce((sum, stream) => sum + program.opsOf(rank, stream).length, 0),
      },
    });
    const isFirst = rank === 0 && lane === COMPUTE_LANE;
    return {
      board,
      fabric,
      meet(said) {
        if (isFirst && said !== undefined) Atomics.store(run.control, Control.said, said ? 1 : 0);
        meet(run, LANES * ranks, board);
        return Atomics.load(run.control, Control.said) === 1;
      },
      clearPass: () => {
        if (isFirst) clearPass(run);
      },
      beginPass: () => fabric.beginPass(),
      noteOutput(pass, hash) {
        run.outputHash[pass * ranks + rank] = hash;
      },
    };
  },
);
