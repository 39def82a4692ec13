/**
 * What is due when: a binary heap that knows where each deadline stands, so that a lease that ends early takes its
 * deadline with it. Nothing here reads a clock.
 *
 * A renewal does not touch the heap: it moves what `endsAt` answers, and a deadline that comes to the top too early
 * is put back. A lease that is renewed every ten seconds costs one move a lease length, not one a renewal.
 */
export abstract class Deadline {
  /** Where it stands in the heap, or −1; the heap's own. */
  slot = -1;
  /** When it was last believed to be due; the heap's own. */
  due = 0;
  /** When it is due, ms on the monotonic clock. May only grow while it stands in a heap. */
  abstract endsAt(): number;
}

export class Deadlines<T extends Deadline = Deadline> {
  readonly #heap: T[] = [];

  get count(): number {
    return this.#heap.length;
  }

  /** No deadline is due before this; Infinity when there is none. */
  get earliest(): number {
    return this.#heap[0]?.due ?? Number.POSITIVE_INFINITY;
  }

  add(deadline: T): void {
    deadline.due = deadline.endsAt();
    this.#heap.push(deadline);
    this.#rise(this.#heap.length - 1, deadline);
  }

  /** Takes it out; nothing happens where it is not in. */
  remove(deadline: T): void {
    const { slot } = deadline;
    if (slot < 0) return;
    deadline.slot = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === deadline) return;
    this.#place(slot, last);
  }

  /** The deadline that is due first, if it is due at `now` (half-open: at the instant it ends it is due). */
  next(now: number): T | undefined {
    for (let top = this.#heap[0]; top !== undefined && top.due <= now; top = this.#heap[0]) {
      const endsAt = top.endsAt();
      if (endsAt <= now) return top;
      top.due = endsAt;
      this.#sink(0, top);
    }
    return undefined;
  }

  /** Its end was put off: finds its new place. */
  moved(deadline: T): void {
    if (deadline.slot < 0) return;
    deadline.due = deadline.endsAt();
    this.#place(deadline.slot, deadline);
  }

  clear(): void {
    for (const deadline of this.#heap) deadline.slot = -1;
    this.#heap.length = 0;
  }

  #place(slot: number, deadline: T): void {
    const parent = slot === 0 ? undefined : this.#heap[(slot - 1) >> 1];
    if (parent !== undefined && parent.due > deadline.due) this.#rise(slot, deadline);
    else this.#sink(slot, deadline);
  }

  #rise(from: number, deadline: T): void {
    let slot = from;
    while (slot > 0) {
      const parentSlot = (slot - 1) >> 1;
      const parent = this.#heap[parentSlot];
      if (parent === undefined || parent.due <= deadline.due) break;
      this.#put(slot, parent);
      slot = parentSlot;
    }
    this.#put(slot, deadline);
  }

  #sink(from: number, deadline: T): void {
    let slot = from;
    for (;;) {
      const left = this.#heap[slot * 2 + 1];
      if (left === undefined) break;
      const right = this.#heap[slot * 2 + 2];
      const isRight = right !== undefined && right.due < left.due;
      const child = isRight ? right : left;
      if (child.due >= deadline.due) break;
      this.#put(slot, child);
      slot = slot * 2 + (isRight ? 2 : 1);
    }
    this.#put(slot, deadline);
  }

  #put(slot: number, deadline: T): void {
    this.#heap[slot] = deadline;
    deadline.slot = slot;
  }
}
