import type { LinkClass } from "./links.ts";

/** Dashes by class, beside the place in the drawing: fabric and NIC lines are whole, PCIe dashed, the network dotted. */
export const dashes: Readonly<Record<LinkClass, string>> = {
  fabric: "none",
  pcie: "7 2",
  nic: "none",
  network: "2 2",
};
