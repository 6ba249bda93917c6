import { growFloats, growInts } from "./grow.ts";

/** No flow: the root of an empty heap. */
export const NO_FLOW = -1;

/**
 * Many pairing heaps of flows, ordered by tag, that share the same typed arrays: a heap is the index of its root.
 * Insertion is O(1), taking out amortized O(log n), and nothing is allocated but by `reserve`.
 * (Fredman, Sedgewick, Sleator, Tarjan: The pairing heap. Algorithmica 1, 1986.)
 */
export class TagHeaps {
  tags: Float64Array;
  #child: Int32Array;
  #sibling: Int32Array;
  /** The previous sibling, or the parent of a first child: lets a flow leave from the middle. */
  #back: Int32Array;

  constructor(numFlows: number) {
    this.tags = new Float64Array(numFlows);
    this.#child = new Int32Array(numFlows).fill(NO_FLOW);
    this.#sibling = new Int32Array(numFlows).fill(NO_FLOW);
    this.#back = new Int32Array(numFlows).fill(NO_FLOW);
  }

  reserve(numFlows: number): void {
    if (numFlows <= this.tags.length) return;
    this.tags = growFloats(this.tags, numFlows);
    this.#child = growInts(this.#child, numFlows, NO_FLOW);
    this.#sibling = growInts(this.#sibling, numFlows, NO_FLOW);
    this.#back = growInts(this.#back, numFlows, NO_FLOW);
  }

  /** Adds a flow that is in no heap; returns the new root. */
  insert(root: number, flow: number, tag: number): number {
    this.tags[flow] = tag;
    this.#child[flow] = NO_FLOW;
    this.#sibling[flow] = NO_FLOW;
    this.#back[flow] = NO_FLOW;
    return root === NO_FLOW ? flow : this.#meld(root, flow);
  }

  /** Takes the root out; returns the new root. */
  pop(root: number): number {
    return this.#mergeChildren(root);
  }

  /** Takes any flow out of the heap of `root`; returns the new root. */
  remove(root: number, flow: number): number {
    if (flow === root) return this.#mergeChildren(root);
    this.#cut(flow);
    const rest = this.#mergeChildren(flow);
    return rest === NO_FLOW ? root : this.#meld(root, rest);
  }

  #cut(flow: number): void {
    const back = this.#back[flow]!;
    const next = this.#sibling[flow]!;
    if (this.#child[back] === flow) this.#child[back] = next;
    else this.#sibling[back] = next;
    if (next !== NO_FLOW) this.#back[next] = back;
    this.#sibling[flow] = NO_FLOW;
    this.#back[flow] = NO_FLOW;
  }

  /** Joins two heaps; on equal tags the first stays on top. */
  #meld(a: number, b: number): number {
    const isFirst = this.tags[a]! <= this.tags[b]!;
    const top = isFirst ? a : b;
    const below = isFirst ? b : a;
    const next = this.#child[top]!;
    this.#sibling[below] = next;
    if (next !== NO_FLOW) this.#back[next] = below;
    this.#back[below] = top;
    this.#child[top] = below;
    return top;
  }

  /** Pairs the children of a root from the first to the last, then joins the pairs from the last to the first. */
  #mergeChildren(root: number): number {
    let pairs = NO_FLOW;
    let rest = this.#detachChildren(root);
    while (rest !== NO_FLOW) {
      const a = rest;
      const b = this.#sibling[a]!;
      rest = b === NO_FLOW ? NO_FLOW : this.#sibling[b]!;
      const pair = b === NO_FLOW ? this.#lone(a) : this.#meld(this.#lone(a), this.#lone(b));
      this.#sibling[pair] = pairs;
      pairs = pair;
    }
    return this.#meldAll(pairs);
  }

  #detachChildren(root: number): number {
    const first = this.#child[root]!;
    this.#child[root] = NO_FLOW;
    return first;
  }

  #lone(flow: number): number {
    this.#sibling[flow] = NO_FLOW;
    this.#back[flow] = NO_FLOW;
    return flow;
  }

  #meldAll(list: number): number {
    if (list === NO_FLOW) return NO_FLOW;
    let rest = this.#sibling[list]!;
    let root = this.#lone(list);
    while (rest !== NO_FLOW) {
      const next = this.#sibling[rest]!;
      root = this.#meld(root, this.#lone(rest));
      rest = next;
    }
    return root;
  }
}
