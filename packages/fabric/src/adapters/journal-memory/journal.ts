import assert from 'node:assert/strict';

import { Fault } from '../../fault.ts';
import type {
  Appended,
  Batch,
  Conflict,
  Durability,
  Frame,
  FrameLimit,
  Head,
  Journal,
  Position,
} from '../../ports/journal.ts';
import { assertBatch, headAfter, nodeChecksums, sameHead } from '../batch.ts';
import { tailFrames } from '../tail.ts';
import { NO_FAULTS, type AppendFault, type AppendFaults } from './faults.ts';
import type { MemoryLog } from './log.ts';

export interface MemoryJournalOptions {
  readonly log: MemoryLog;
  readonly faults?: AppendFaults;
}

/** Opens a journal over `log`. Opening another one over the same log is allowed: the position is the fence. */
export function openMemoryJournal({ log, faults }: MemoryJournalOptions): MemoryJournal {
  log.forgetLost();
  return new MemoryJournal(log, faults ?? NO_FAULTS);
}

type Phase = 'open' | 'appending' | 'dead' | 'closed';

/** The journal of tests and simulations: arrays, and faults on demand. */
export class MemoryJournal implements Journal {
  readonly durability: Durability = 'memory';
  readonly #log: MemoryLog;
  readonly #faults: AppendFaults;
  readonly #closing = new AbortController();
  #head: Head;
  #phase: Phase = 'open';

  constructor(log: MemoryLog, faults: AppendFaults) {
    this.#log = log;
    this.#faults = faults;
    this.#head = log.head;
  }

  get open(): boolean {
    return this.#phase !== 'closed';
  }

  head(): Head {
    return this.#head;
  }

  async append(at: Head, batch: Batch): Promise<Appended | Conflict> {
    assert.notEqual(this.#phase, 'appending', 'an append while another is under way');
    if (this.#phase !== 'open') throw unavailable(`the journal is ${this.#phase}`);
    assertBatch(at, batch, nodeChecksums);
    this.#phase = 'appending';
    try {
      // As every adapter with a medium: nothing is answered within the caller's turn.
      await Promise.resolve();
      return await this.#attempt(at, batch);
    } finally {
      if (this.#phase === 'appending') this.#phase = 'open';
    }
  }

  read(after: Position, limit: FrameLimit): Promise<readonly Frame[]> {
    return Promise.resolve(this.open ? this.#log.read(after, limit) : []);
  }

  tail(after: Position, signal: AbortSignal): AsyncIterable<Frame> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    return tailFrames(this, this.#log.wakeUps, after, either);
  }

  close(): Promise<void> {
    this.#phase = 'closed';
    this.#closing.abort();
    return Promise.resolve();
  }

  async #attempt(at: Head, batch: Batch): Promise<Appended | Conflict> {
    if (!sameHead(at, this.#log.head)) return this.#conflict();
    const fault = this.#faults.next();
    if (fault.kind === 'slow') await fault.until;
    const refusal = this.#apply(fault, at, batch);
    if (refusal !== undefined) throw refusal;
    if (fault.kind === 'none' || fault.kind === 'slow') {
      // While a slow append was under way, another journal over this log may have been faster.
      if (!this.#log.add(at, batch)) return this.#conflict();
    }
    this.#head = headAfter(at, batch);
    return { kind: 'appended', head: this.#head };
  }

  /** Does what the fault does to the log; answers the Fault that the caller sees, if it sees one. */
  #apply(fault: AppendFault, at: Head, batch: Batch): Fault | undefined {
    switch (fault.kind) {
      case 'none':
      case 'slow':
        return undefined;
      case 'lost':
        this.#log.add(at, batch, 'lying');
        return undefined;
      case 'unavailable':
        return unavailable('scripted');
      case 'full':
        return new Fault('log.full', { transient: true, detail: 'scripted' });
      case 'torn':
        this.#phase = 'dead';
        return unknownOutcome('scripted: the write was cut');
      case 'unknown':
        if (fault.applied === 'yes') this.#log.add(at, batch);
        if (fault.applied === 'late') this.#log.postpone(at, batch);
        return unknownOutcome(`scripted: applied ${fault.applied}`);
    }
  }

  #conflict(): Conflict {
    return { kind: 'conflict', head: this.#log.head };
  }
}

const unavailable = (detail: string): Fault =>
  new Fault('log.unavailable', { transient: true, detail });

const unknownOutcome = (detail: string): Fault =>
  new Fault('log.outcome_unknown', { transient: true, detail });
