import { expect, test } from "vitest";
import { findDevice, listDevices, lookUpDevice, mentionedDevice, rankDevices } from "./devices.ts";
import { presetTopology } from "./presets.ts";

test("every device has figures below its data sheet, for several head sizes, with a source", () => {
  for (const name of listDevices()) {
    const { device } = findDevice(name);
    for (const dtype of ["bf16", "fp16", "fp32"] as const) {
      const peak = device.peakFlops[dtype];
      if (peak === undefined) continue;
      expect(device.matmulFlops[dtype]).toBeLessThanOrEqual(peak);
      const rates = device.attentionFlops.filter((rate) => rate.dtype === dtype);
      expect(rates.length, `${name} ${dtype}`).toBeGreaterThanOrEqual(2);
      for (const { flops } of rates) expect(flops).toBeLessThan(peak);
    }
    expect(device.memoryBytes).toBeGreaterThan(1e9);
    expect(device.source).not.toBe("");
  }
});

test.each([
  ["A100", "A100-SXM-80GB"],
  ["a100", "A100-SXM-80GB"],
  ["NVIDIA A100-SXM4-40GB", "A100-SXM-40GB"],
  ["NVIDIA A100 80GB PCIe", "A100-PCIe"],
  ["NVIDIA H100 80GB HBM3", "H100-SXM"],
  ["NVIDIA GeForce RTX 4090", "RTX-4090"],
  ["AMD Instinct MI300X", "MI300X"],
  ["Tesla V100-SXM2-32GB", "V100"],
])("%s is %s", (alias, name) => {
  expect(lookUpDevice(alias)?.name).toBe(name);
});

test("an unknown device is refused with the nearest names", () => {
  expect(() => findDevice("H10O")).toThrow(
    expect.objectContaining({ code: "not-found", hint: expect.stringContaining("H100") }),
  );
  expect(() => findDevice("constructor")).toThrow(/expected a known device/);
});

test.each([
  ["node-8xH100-sxm.txt", "H100-SXM"],
  ["root@a100-7:~# nvidia-smi", "A100-SXM-80GB"],
  ["GPU 0: NVIDIA A100-SXM4-40GB (UUID …)", "A100-SXM-40GB"],
  ["two V100 and a GeForce RTX 2080 Ti", "RTX-2080-Ti"],
  ["mlx5_100 NV12 2024-01-01 GPU100", undefined],
])("%s mentions %s", (text, name) => {
  expect(mentionedDevice(text)?.name).toBe(name);
});

test("ranks get their device, and a rank without one is refused", () => {
  const topology = presetTopology("p4d.24xlarge");
  expect(rankDevices(topology)).toHaveLength(8);
  const bare = { ...topology, nodes: topology.nodes.map(({ id, kind, machine }) => ({ id, kind, machine })) };
  expect(() => rankDevices(bare)).toThrow(expect.objectContaining({ path: "nodes[0].device" }));
});
