/** What makes a message: ops, tiles and places come as text from `describe.ts`. */
type Message = (...facts: never[]) => string;

function table<T extends Record<string, Message>>(rules: T): T {
  return rules;
}

/**
 * Every rule and what a finding of it says: what was expected and what is there. They are checked in three steps, of
 * which each assumes what the one before has shown: what stands by itself; order and signals; data and coverage.
 */
export const RULES = table({
  // --- Slots, operands and fields: each by itself -------------------------------------------------------------------
  "slot-place": (slot: string, alignment: number, offset: number) =>
    `slot ${slot} starts at byte ${offset}, expected a multiple of ${alignment}`,
  "slot-bytes": (slot: string, needed: number, actual: number) =>
    `slot ${slot} has ${actual} bytes, its shape needs ${needed}`,
  "slot-roles": (role: string, expected: string, actual: string) =>
    `expected ${expected} of role ${role}, found ${actual}`,
  "shard-slot": (slot: string, expected: string, actual: string) =>
    `slot ${slot} holds a shard: expected ${expected}, its shape is ${actual}`,
  "inputs-overlap": (slot: string, offset: number, other: string, end: number) =>
    `input ${slot} starts at byte ${offset}, expected it to start after input ${other}, at ${end} or later`,
  "heap-peak": (memory: string, expected: number, actual: number) =>
    `the slots of the ${memory} end at byte ${expected}, the schedule says ${actual}`,
  "tile-range": (tile: string, limits: string) => `${tile} is not within ${limits}`,
  "slot-bounds": (operand: string, shape: string) => `${operand} does not fit the slot's ${shape}`,
  "slot-planes": (operand: string, expected: number, actual: number) =>
    `${operand} needs a slot of ${expected} planes, this one has ${actual}`,
  "slot-use": (op: string, operand: string, expected: string, role: string) =>
    `${op} uses ${operand}: expected ${expected}, the slot's role is ${role}`,
  "op-fields": (op: string, field: string, expected: string, actual: number) =>
    `${op}: expected ${field} ${expected}, found ${actual}`,
  "op-operands": (op: string, expected: string, actual: string) => `${op}: expected ${expected}, found ${actual}`,
  "op-transport": (op: string, transport: string) => `${op} does not exist in a ${transport} schedule`,
  "empty-op": (op: string, what: string) => `${op} ${what}: an op with nothing to do is not emitted`,
  "pair-tiles": (op: string, from: string, to: string) => `${op} takes ${from} and calls it ${to}`,
  "attend-heads": (op: string, queries: string, expected: string, keys: string) =>
    `${op}: ${queries} meet KV heads ${expected}, found ${keys}`,
  contiguity: (op: string, end: string, operand: string, columns: number) =>
    `${op} goes between machines: expected a tile of all ${columns} columns at the ${end}, found ${operand}`,
  "foreign-data": (op: string, own: number, peer: number) =>
    `${op} moves data between group ${own} and group ${peer}, whose sequences differ`,
  "compute-work": (rank: number, position: number, expected: string, actual: string) =>
    `rank ${rank}, compute op ${position}: expected ${expected}, found ${actual}`,

  // --- Order: an execution exists ---------------------------------------------------------------------------------
  "barrier-ends": (rank: number, end: string, actual: string) =>
    `rank ${rank}: expected a barrier as ${end} op, found ${actual}`,
  "barrier-count": (rank: number, expected: number, actual: number) =>
    `rank ${rank} has ${actual} barriers, rank 0 has ${expected}`,
  "outside-barriers": (op: string, side: string) =>
    `${op} is not ${side} barrier of its rank by stream order and dependencies`,
  "dependency-rank": (op: string, dependency: string) => `${op} depends on ${dependency} of another rank`,
  "dependency-order": (op: string, dependency: string) => `${op} depends on ${dependency}, which stands later`,
  "wait-order": (wait: string, write: string, value: number) =>
    `${wait} awaits ${value}, which ${write} writes; that stands later`,
  "wait-unsatisfiable": (wait: string, word: string, value: number, last: number) =>
    `${wait} awaits ${value} on ${word}, which never gets beyond ${last}`,
  "barrier-order": (op: string, barrier: string) => `${op} must end before the barrier of ${barrier}, but stands later`,
  "rendezvous-order": (member: string, predecessor: string, first: string) =>
    `${member} can only be posted after ${predecessor}, which stands later than ${first} of the same rendezvous`,
  "unmatched-send": (send: string, position: number, receives: number) =>
    `${send} is number ${position} to that rank, which has ${receives} receives for it`,
  "unmatched-receive": (receive: string, position: number, sends: number) =>
    `${receive} is number ${position} from that rank, which has ${sends} sends for it`,
  "crossed-receive": (receive: string, send: string, sent: string, received: string) =>
    `${receive} matches ${send}: it expects ${received}, the send brings ${sent}`,
  "pair-stream": (op: string, expected: string, first: string) =>
    `${op} lies on another stream than ${first}: expected all ${expected} on one`,
  "split-group": (op: string, group: number) => `${op} belongs to group ${group}, which ended earlier on its stream`,
  deadlock: (chain: string) => `no execution ends: ${chain}`,

  // --- Signals ------------------------------------------------------------------------------------------------------
  "signal-word": (signal: number, other: number, word: string) => `signals ${signal} and ${other} are both ${word}`,
  "signal-writer": (op: string, word: string, writer: string) =>
    `${op} writes ${word}, which ${writer} alone may write`,
  "signal-holder": (op: string, expected: number, holder: number) =>
    `${op}: expected a word of rank ${expected}, its signal is held by rank ${holder}`,
  "signal-sequence": (op: string, expected: number, actual: number, word: string) =>
    `${op} is write number ${expected} of ${word}, expected it to set ${expected}, it sets ${actual}`,
  "signal-overtaken": (op: string, word: string, value: number, previous: string) =>
    `${op} may set ${word} to ${value} before its holder has seen ${value - 1} (of ${previous}): no wait for that happens before it`,

  // --- Data: every read finds its tile, nothing is overwritten too early ------------------------------------------------
  "read-content": (op: string, operand: string, actual: string) => `${op} reads ${operand}, but finds ${actual}`,
  "read-too-early": (op: string, operand: string, writer: string, missing: string) =>
    `${op} reads ${operand} of ${writer}, but ${missing} happens before the read`,
  "overwritten-read": (op: string, operand: string, reader: string) =>
    `${op} writes ${operand}, but nothing makes it come after ${reader}, which reads what lies there`,
  "overwritten-write": (op: string, operand: string, writer: string) =>
    `${op} writes ${operand}, but nothing makes it come after ${writer}, which writes there too`,
  "unread-data": (op: string) => `${op} brings data that no op reads and no output holds`,

  // --- Coverage: every allowed pair of query and key once ------------------------------------------------------------------
  "accumulator-order": (op: string, operand: string, other: string) =>
    `${op} uses ${operand}, but nothing makes it come after ${other}, which uses it too`,
  "accumulator-tile": (op: string, operand: string, actual: string) =>
    `${op} uses ${operand}, but the accumulator holds a sum for ${actual}`,
  "accumulator-shared": (op: string, operand: string, other: string) =>
    `${op} uses ${operand}, whose bytes another accumulator, last used by ${other}, has in a different shape`,
  "attended-twice": (op: string, operand: string, tokens: string) =>
    `${op} adds keys ${tokens} to ${operand}, which has them already`,
  "not-attended": (op: string, operand: string, tokens: string) =>
    `${op} ends ${operand}: expected every key that its mask allows, keys ${tokens} are missing`,
  "not-finalized": (op: string, tile: string) => `the sum of ${tile}, last used by ${op}, is never finalized`,
  output: (rank: number, expected: string, actual: string) =>
    `rank ${rank} ends without all of its output: expected ${expected}, found ${actual}`,
  "compute-order": (op: string, other: string) => `${op} is not ordered after ${other}, the layer's work before it`,

  // --- The check itself ---------------------------------------------------------------------------------------------
  unproved: (visited: number) =>
    `the check stopped after ${visited} steps of fruitless search: the order of this schedule is too loose to prove`,
});

export type Rule = keyof typeof RULES;

/** What a message of rule `R` is made from. */
export type Facts<R extends Rule> = Parameters<(typeof RULES)[R]>;
