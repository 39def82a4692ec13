/**
 * Writes a log as the leader does, without its loop: decides, folds, encodes and appends, one frame at a time. What a
 * verifier, a replay and a follower are measured and tested with: the same entry writer, the same bytes.
 */
import { createWorld, decide, evolve, type Decision, type World } from '@infrafabric/core';

import { OpenBatch } from '../engine/batch.ts';
import type { Call, Committed, Submission } from '../engine/call.ts';
import { entryWriter } from '../engine/entry-writer.ts';
import { callText } from '../engine/entry-text.ts';
import type { BlobStore } from '../engine/ports.ts';
import type { Head, Journal } from '../ports/journal.ts';

export interface RecorderOptions {
  readonly journal: Journal;
  readonly blobs: BlobStore;
  /** Ids for commands that need them, in order. */
  readonly mint: (op: Call['op']) => readonly string[];
}

export class LogRecorder {
  readonly world: World = createWorld();
  readonly #options: RecorderOptions;
  readonly #write = entryWriter();
  readonly #batch = new OpenBatch();
  #leaf: string;
  #size: number;
  #epoch = 0;

  /** Over an empty journal. */
  constructor(options: RecorderOptions) {
    this.#options = options;
    const { size, leaf } = options.journal.head();
    this.#size = size;
    this.#leaf = leaf;
  }

  /** Entries so far, durable or not. */
  get size(): number {
    return this.#size;
  }

  /** Entries that the journal has. */
  get durableSize(): number {
    return this.#options.journal.head().size;
  }

  /**
   * Decides the call at `at` (ms since 1970) and, where the log keeps the answer, adds its entry to the open frame.
   * The frame is appended when it is full and at `flush`. Rejects with the journal's Fault.
   */
  async record(call: Submission, at: number): Promise<Decision> {
    const command = { ...call, at, ids: this.#options.mint(call.op) };
    const decision = decide(this.world, command);
    if (decision.kind === 'unchanged' || decision.kind === 'reject') return decision;
    const events = decision.kind === 'accept' ? decision.events : [decision.record];
    if (call.op === 'realm.open') this.#epoch += 1;
    const entry: Committed = {
      ...command,
      kind: 'committed',
      index: this.#size,
      epoch: this.#epoch,
      events,
    };
    // A new leader begins with a frame of its own: a frame has one epoch.
    if (call.op === 'realm.open') await this.flush();
    const draft = this.#write(entry, this.#leaf, callText(call));
    if (draft.kind === 'reject') return draft;
    if (!this.#batch.fits(draft)) await this.flush();
    this.#leaf = this.#batch.add(draft, entry, this.#options.blobs);
    this.#size += 1;
    evolve(this.world, entry);
    return decision;
  }

  /** Appends what is open as one frame; answers the head. Rejects with the journal's Fault. */
  async flush(): Promise<Head> {
    const { journal } = this.#options;
    const batch = this.#batch;
    if (batch.entries.length === 0) return journal.head();
    await Promise.all(batch.spills);
    const { epoch = 0 } = batch.entries[0] ?? {};
    const count = batch.entries.length;
    const appended = await journal.append(journal.head(), {
      epoch,
      count,
      entries: batch.bytes,
      lastLeaf: this.#leaf,
    });
    if (appended.kind === 'conflict') throw new Error('defect: somebody else writes to the log');
    batch.take();
    return appended.head;
  }
}
