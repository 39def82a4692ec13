/**
 * The open batch: entries as bytes for one frame, and everybody who waits for it.
 *
 * A batch is filled, then handed to the journal, then answered; its buffer is used again. Who waits stands in two
 * parallel lists, so that a claim costs neither a promise nor an object of its own here.
 */
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';

import { BATCH_BYTES_MAX, FRAME_ENTRIES_MAX } from '../ports/journal.ts';
import type { Committed, OnOutcome, Outcome } from './call.ts';
import type { EntryDraft } from './entry-writer.ts';
import type { BlobStore } from './ports.ts';

const LENGTH_BYTES = 2;
/** UTF-8 of one UTF-16 code unit, at most. */
const UNIT_BYTES_MAX = 3;
/** Refusals and reads that wait for one batch. They cost memory only; beyond this a crowd is told to slow down. */
export const WAITERS_MAX = 65_536;

export class OpenBatch {
  /** Stores of what the entries name; all must have succeeded before the frame is written. */
  readonly spills: Promise<unknown>[] = [];
  readonly #bytes = Buffer.allocUnsafeSlow(BATCH_BYTES_MAX);
  #entries: Committed[] = [];
  #outcomes: Outcome[] = [];
  #waiting: OnOutcome[] = [];
  #end = 0;

  get entries(): readonly Committed[] {
    return this.#entries;
  }

  get waiters(): number {
    return this.#waiting.length;
  }

  /** The encoded entries; valid until `clear`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  fits({ text }: EntryDraft): boolean {
    if (this.#entries.length === FRAME_ENTRIES_MAX) return false;
    const room = BATCH_BYTES_MAX - this.#end - LENGTH_BYTES;
    return text.length * UNIT_BYTES_MAX <= room || Buffer.byteLength(text) <= room;
  }

  /** Writes an entry that fits and answers its leaf hash: SHA-256(0x00 ‖ entry), RFC 6962 §2.1. */
  add(draft: EntryDraft, entry: Committed, blobs: BlobStore): string {
    const bytes = this.#bytes;
    const start = this.#end + LENGTH_BYTES;
    const end = start + bytes.write(draft.text, start);
    // The prefix of a leaf stands where the low byte of the length comes, so that nothing is copied to be hashed.
    bytes[start - 1] = 0x00;
    const leaf = hash('sha256', bytes.subarray(start - 1, end), 'base64');
    bytes[start - 2] = (end - start) >> 8;
    bytes[start - 1] = (end - start) & 0xff;
    this.#end = end;
    this.#entries.push(entry);
    for (const spill of draft.spills) this.#store(blobs.put(spill.bytes));
    return leaf;
  }

  /** `on` is called with `outcome` when this batch is durable. */
  wait(outcome: Outcome, on: OnOutcome): void {
    this.#outcomes.push(outcome);
    this.#waiting.push(on);
  }

  /** Empties the batch: its entries and everybody who waits for them are the caller's now. */
  take(): Taken {
    const taken = { entries: this.#entries, outcomes: this.#outcomes, waiting: this.#waiting };
    this.#entries = [];
    this.#outcomes = [];
    this.#waiting = [];
    this.spills.length = 0;
    this.#end = 0;
    return taken;
  }

  #store(put: Promise<unknown>): void {
    // Awaited before the frame; a failure that comes earlier must not end the process.
    put.catch(() => undefined);
    this.spills.push(put);
  }
}

export interface Taken {
  readonly entries: readonly Committed[];
  /** `waiting[i]` is to be told `outcomes[i]`. */
  readonly outcomes: readonly Outcome[];
  readonly waiting: readonly OnOutcome[];
}
