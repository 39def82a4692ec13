/**
 * A hand-over between a wire that pushes and a reader that pulls. When it is full the wire is told
 * to stop (`push` answers false), and to start again when the reader has emptied it (`onEmpty`).
 */
export class Queue<T> implements AsyncIterableIterator<T, void> {
  readonly #options: QueueOptions;
  #items: T[] = [];
  #head = 0;
  #ended = false;
  #failure: Error | undefined;
  #reader: PromiseWithResolvers<IteratorResult<T, void>> | undefined;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** False when this was the last item that fits. */
  push(item: T): boolean {
    if (this.#ended) return true;
    if (this.#reader !== undefined) {
      this.#reader.resolve({ done: false, value: item });
      this.#reader = undefined;
      return true;
    }
    this.#items.push(item);
    return this.#items.length - this.#head < this.#options.itemsMax;
  }

  /** After the items that are left; with a failure the reader's loop throws it then, once. */
  end(failure?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader !== undefined) this.#finish().then(reader.resolve, reader.reject);
  }

  next(): Promise<IteratorResult<T, void>> {
    for (const item of this.#items.slice(this.#head, this.#head + 1)) {
      this.#head += 1;
      if (this.#head === this.#items.length) {
        this.#items = [];
        this.#head = 0;
        this.#options.onEmpty();
      }
      return Promise.resolve({ done: false, value: item });
    }
    if (this.#ended) return this.#finish();
    this.#reader = Promise.withResolvers();
    return this.#reader.promise;
  }

  return(): Promise<IteratorResult<T, void>> {
    this.#ended = true;
    this.#items = [];
    this.#head = 0;
    this.#options.onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #finish(): Promise<IteratorResult<T, void>> {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    return { done: true, value: undefined };
  }
}

export interface QueueOptions {
  readonly itemsMax: number;
  /** The reader took the last item. */
  readonly onEmpty: () => void;
  /** The reader wants no more. */
  readonly onReturn: () => void;
}
