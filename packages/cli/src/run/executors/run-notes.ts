/** What a run did that the log keeps, told in batches: a guest that floods its broker must not flood the log. */
import { RUN_NOTES_PER_CALL_MAX } from '@infrafabric/protocol';
import type { RunNote } from '@infrafabric/protocol';

/** Notes of one run that are told. The log keeps fewer still, and counts the rest of what it is told. */
const TOLD_MAX = 1_000;
/** After the first note of a batch, ms: an incident is in the log within a second. */
const GATHER_MS = 500;

export class RunNotes {
  readonly #tell: (notes: readonly RunNote[]) => Promise<void>;
  #waiting: RunNote[] = [];
  #told = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(tell: (notes: readonly RunNote[]) => Promise<void>) {
    this.#tell = tell;
  }

  add(note: RunNote): void {
    if (this.#told >= TOLD_MAX) return;
    this.#told += 1;
    this.#waiting.push(note);
    if (this.#waiting.length >= RUN_NOTES_PER_CALL_MAX) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), GATHER_MS);
  }

  /** Resolves when all of them were told, or could not be. */
  async flush(): Promise<void> {
    this.#send();
    await this.#sending;
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    // One after the other, so that the log has them in their order. What could not be told is lost with the fabric that
    // would have kept it: the run's end says the cause all the same.
    this.#sending = this.#sending.then(() => this.#tell(batch)).catch(() => undefined);
  }
}
