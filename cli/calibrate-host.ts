/** What `toroid calibrate` is asked to measure on this machine. */
export interface HostCalibration {
  readonly backend: string;
  readonly ranks: number | undefined;
  /** Topology file to write; none where it is not given. */
  readonly output: string | undefined;
  readonly json: boolean;
}

/** Measures this machine and writes a topology with its figures. */
export async function calibrateHost(_options: HostCalibration): Promise<void> {
  throw new Error("bug: calibration of this machine is not here yet");
}
