/**
 * When each lease ends, without an object a lease: a binary heap in columns. A hundred thousand grants a second would
 * else be a hundred thousand objects a second that the garbage collector moves twice.
 *
 * What has ended is not taken out but recognised when it comes to the top, or swept when half of the heap has ended:
 * memory stays proportional to the leases that live, and a heap that only grows is never walked.
 */

/** Below this many, sweeping is not worth its walk. */
const SWEEP_MIN = 4_096;

export class LeaseDeadlines {
  readonly #lives: (taskId: string, fence: number) => boolean;
  readonly #living: () => number;
  #due = new Float64Array(64);
  #fence = new Int32Array(64);
  readonly #taskId: string[] = [];
  #size = 0;
  #sweepAt = SWEEP_MIN;

  /**
   * `lives` says whether the task's lease is still the one with this fence, `living` how many leases live; it is asked
   * only when the heap has grown by as much as it held.
   */
  constructor(lives: (taskId: string, fence: number) => boolean, living: () => number) {
    this.#lives = lives;
    this.#living = living;
  }

  get size(): number {
    return this.#size;
  }

  /** No lease is due before this; Infinity when there is none. */
  get earliest(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#dueAt(0);
  }

  get topTaskId(): string {
    return this.#taskId[0] ?? '';
  }

  get topFence(): number {
    return this.#fence[0] ?? 0;
  }

  add(due: number, taskId: string, fence: number): void {
    if (this.#size >= this.#sweepAt) this.#sweepIfWorth();
    if (this.#size === this.#due.length) this.#grow();
    this.#size += 1;
    this.#rise(this.#size - 1, due, taskId, fence);
  }

  removeTop(): void {
    this.#size -= 1;
    const taskId = this.#taskId.pop();
    if (this.#size === 0 || taskId === undefined) return;
    this.#sink(0, this.#dueAt(this.#size), taskId, this.#fence[this.#size] ?? 0);
  }

  /** The top is due later than was known. */
  putOffTop(due: number): void {
    this.#sink(0, due, this.topTaskId, this.topFence);
  }

  clear(): void {
    this.#size = 0;
    this.#taskId.length = 0;
    this.#sweepAt = SWEEP_MIN;
  }

  #dueAt(slot: number): number {
    return this.#due[slot] ?? 0;
  }

  #put(slot: number, due: number, taskId: string, fence: number): void {
    this.#due[slot] = due;
    this.#taskId[slot] = taskId;
    this.#fence[slot] = fence;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#dueAt(from), this.#taskId[from] ?? '', this.#fence[from] ?? 0);
  }

  #rise(from: number, due: number, taskId: string, fence: number): void {
    let slot = from;
    while (slot > 0) {
      const parent = (slot - 1) >> 1;
      if (this.#dueAt(parent) <= due) break;
      this.#move(parent, slot);
      slot = parent;
    }
    this.#put(slot, due, taskId, fence);
  }

  #sink(from: number, due: number, taskId: string, fence: number): void {
    let slot = from;
    for (;;) {
      let child = slot * 2 + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#dueAt(child + 1) < this.#dueAt(child)) child += 1;
      if (this.#dueAt(child) >= due) break;
      this.#move(child, slot);
      slot = child;
    }
    this.#put(slot, due, taskId, fence);
  }

  #grow(): void {
    const due = new Float64Array(this.#due.length * 2);
    const fence = new Int32Array(this.#due.length * 2);
    due.set(this.#due);
    fence.set(this.#fence);
    this.#due = due;
    this.#fence = fence;
  }

  #sweepIfWorth(): void {
    const worthAt = Math.max(this.#living() * 2, SWEEP_MIN);
    if (this.#size < worthAt) this.#sweepAt = worthAt;
    else this.#sweep();
  }

  /** Keeps what lives and makes a heap of it again (Floyd: from the last parent down). */
  #sweep(): void {
    let kept = 0;
    for (let slot = 0; slot < this.#size; slot += 1) {
      if (!this.#lives(this.#taskId[slot] ?? '', this.#fence[slot] ?? 0)) continue;
      this.#move(slot, kept);
      kept += 1;
    }
    this.#size = kept;
    this.#taskId.length = kept;
    for (let slot = (kept >> 1) - 1; slot >= 0; slot -= 1) {
      this.#sink(slot, this.#dueAt(slot), this.#taskId[slot] ?? '', this.#fence[slot] ?? 0);
    }
    this.#sweepAt = Math.max(kept * 2, SWEEP_MIN);
  }
}
