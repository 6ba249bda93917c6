import { UsageError } from "../errors.ts";
import type { ImportOptions } from "./importer.ts";
import { hasSmiMatrix, isPcieOnlyMatrix, stripTerminal } from "./smi-matrix.ts";

/** A format that people have at hand and that cannot be imported: named, so that the answer is not "unknown format". */
interface Refused {
  readonly name: string;
  readonly hint: string;
  sniff(text: string, options: ImportOptions): boolean;
}

const askForMatrix = "Run `nvidia-smi topo -m` and import its output.";
const later = "It is not read yet: describe the machine as a topology file, or name a preset.";

/** A row of `topo -p2p`: whether peer access works, which says nothing about speed. */
const p2pRow =
  /(?:^|[^\w])GPU\d+[ \t]+(?:(?:X|OK|NS|CNS|GNS|TNS|DR|U)[ \t]+){0,64}(?:OK|NS|CNS|GNS|TNS|DR|U)(?:[ \t]|$)/m;

const refused: readonly Refused[] = [
  {
    name: "nvidia-smi topo -p2p",
    hint: `It says whether peer access works, not how GPUs are joined. ${askForMatrix}`,
    sniff: (text) => {
      const stripped = stripTerminal(text);
      return (
        p2pRow.test(stripped) &&
        !/\b(?:PIX|PXB|PHB|NODE|SYS|NV\d+)[ \t]+(?:PIX|PXB|PHB|NODE|SYS|NV\d+|X)\b/.test(stripped)
      );
    },
  },
  {
    name: "nvidia-smi topo -mp",
    hint: `It hides NVLink (the command, the file's name or a legend without NV# tells it). ${askForMatrix}`,
    sniff: (text, { fileName }) => {
      const stripped = stripTerminal(text);
      return hasSmiMatrix(stripped) && isPcieOnlyMatrix(stripped, fileName ?? "");
    },
  },
  {
    name: "rocm-smi --showtopo",
    hint: later,
    sniff: (text) =>
      /ROCm System Management Interface|(?:Weight|Hops|Link Type) between two GPUs|\(Topology\) Numa/i.test(text),
  },
  { name: "NCCL graph XML", hint: later, sniff: (text) => /<graphs[\s>]/.test(text) },
  {
    name: "NCCL topology XML",
    hint: later,
    sniff: (text) => /<system[\s>]/.test(text) && /<(?:cpu|pci)[\s>]/.test(text),
  },
  { name: "hwloc XML", hint: later, sniff: (text) => /<topology[\s>]/.test(text) && /<object[\s>]/.test(text) },
  { name: "another XML file", hint: later, sniff: (text) => /^\s*<(?:\?xml|[a-z]+[\s>])/i.test(text) },
  {
    name: "the output of nvidia-smi nvlink",
    hint: askForMatrix,
    sniff: (text) => /^[ \t]*Link \d+: [\d.]+ GB\/s/m.test(text) && !hasSmiMatrix(stripTerminal(text)),
  },
  {
    name: "the output of nvidia-smi",
    hint: askForMatrix,
    sniff: (text) => /NVIDIA-SMI[ \t]+\d|^GPU \d+: .*UUID/m.test(text) && !hasSmiMatrix(stripTerminal(text)),
  },
  {
    name: "an nccl-tests log",
    hint: askForMatrix,
    sniff: (text) => /^#.*(?:nccl-tests version|nThread \d+|Avg bus bandwidth)/m.test(text),
  },
  { name: "an ASTRA-sim network", hint: later, sniff: (text) => /^npus_count[ \t]*:/m.test(text) },
];

/** Throws a UsageError (`format`) that names the format, where it is one of those that are known but not read. */
export function refuseKnown(text: string, options: ImportOptions): void {
  const found = refused.find(({ sniff }) => sniff(text, options));
  if (found === undefined) return;
  throw new UsageError("format", `expected a topology, got ${found.name}`, { hint: found.hint });
}
