/**
 * Flags of Node for processes whose ranks compute.
 *
 * onnxruntime-node copies every output into memory of its own, even where a tensor was given for it, so garbage arises all
 * the time. Collecting it in threads beside would take cores from ranks: each thread collects its own.
 */
export const GARBAGE_FLAGS = ["--single-threaded-gc"];
