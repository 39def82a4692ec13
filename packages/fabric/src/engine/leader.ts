/**
 * The leader of a realm: terms, one after another, and what happens between them.
 *
 * Phases. `serving`: a term decides and answers. `recovering`: memory is being rebuilt; calls wait, up to a limit.
 * `readonly`: the disk is full; reads are served, writes are refused, and at most every FULL_PROBE_MS one of them
 * tries whether there is room again. `stopping`: takes nothing new. `dead`: the journal cannot be trusted, the process
 * must end.
 *
 * What a lost batch became is settled by reading: once the next `realm.opened` is in, the batch is in the log before
 * it or never will be, whatever is still under way (journal law L3).
 */
import {
  reject,
  type Digest,
  type EntryIndex,
  type ErrorCode,
  type Rejection,
} from '@infrafabric/protocol';
import { DECIDER_VERSION, type ArgsOf } from '@infrafabric/core';

import { Fault } from '../fault.ts';
import type { Head } from '../ports/journal.ts';
import type { Committed, OnOutcome, Outcome, Submission } from './call.ts';
import {
  FULL_PROBE_MS,
  PARKED_CALLS_MAX,
  REBUILD_PAUSE_MS,
  REBUILD_PAUSE_MS_MAX,
  SETTLE_MS_MAX,
  STARTING_RETRY_MS,
} from './limits.ts';
import { replay, type ReplaySource } from './recovery.ts';
import { answer, REALM, refuse, type Sent, type TermEnd, type TermParts } from './term-parts.ts';
import { Term } from './term.ts';

export interface LeaderOptions extends TermParts, ReplaySource {
  readonly origin: string;
  readonly release: string;
  /** Name of this process among the nodes that may lead. */
  readonly node: string;
  /** Bytes of a torn tail that the journal cut when it was opened. */
  readonly cutBytes: number;
  /** The journal cannot be written safely any more: the process must end (exit 75), a supervisor restarts it. */
  onFatal(fault: Fault): void;
}

/** Who follows the leader inside the process. */
export interface LeaderHooks {
  /** Tasks became ready; may submit. */
  onReady(): void;
  /** Entries that became durable, their callers answered already. */
  onDurable(entries: readonly Committed[], position: number): void;
  /** A new term serves; what is durable may have grown meanwhile. */
  onTerm(position: number): void;
}

export type LeaderPhase = 'recovering' | 'serving' | 'readonly' | 'stopping' | 'dead';

interface Parked {
  readonly call: Submission;
  readonly on: OnOutcome;
}

/** Callers of a batch of unknown outcome, until it is known. */
interface Lost {
  readonly sent: Sent;
  /** Whether the log holds it, as far as it was read. */
  found: boolean;
  answered: boolean;
  /** Ends the timer after which they are told that it is unknown. */
  disarm: () => void;
}

const FATAL: ReadonlySet<ErrorCode> = new Set([
  'log.damaged',
  'log.fsync_failed',
  'log.locked',
  'blob.not_found',
  'internal',
]);

const STARTING: Rejection = {
  ...reject('fabric.starting', 'The leader is rebuilding its memory from the journal.'),
  retryAfterMs: STARTING_RETRY_MS,
};
const STOPPING = reject('fabric.stopping', 'The leader is stopping.');
const FULL: Rejection = {
  ...reject('log.full', 'The disk is full: the realm is read-only until there is room.'),
  retryAfterMs: FULL_PROBE_MS,
};
const DEAD = reject('log.damaged', 'The journal cannot be written safely; the process ends.');
const NOT_COMMITTED = reject(
  'log.unavailable',
  'The command was not committed; it may be sent again.',
);
const UNKNOWN = reject(
  'log.outcome_unknown',
  'The journal did not say whether the command was committed; ask again with the same idempotency key.',
);

export class Leader {
  readonly #options: LeaderOptions;
  readonly #hooks: LeaderHooks;
  #phase: LeaderPhase = 'recovering';
  #term: Term | undefined;
  #parked: Parked[] = [];
  #lost: Lost[] = [];
  #probedAt = Number.NEGATIVE_INFINITY;
  #cause: 'start' | 'recovery' = 'start';

  constructor(options: LeaderOptions, hooks: LeaderHooks) {
    this.#options = options;
    this.#hooks = hooks;
  }

  get phase(): LeaderPhase {
    return this.#phase;
  }

  /** The term whose world may be read, or why there is none. */
  view(): Term | Rejection {
    if (this.#term !== undefined && (this.#phase === 'serving' || this.#phase === 'readonly')) {
      return this.#term;
    }
    return this.#refusal();
  }

  /** The same for the reply to what was committed: a leader that stops still has the world that it was decided in. */
  viewOfCommitted(): Term | Rejection {
    return this.#phase === 'stopping' && this.#term !== undefined ? this.#term : this.view();
  }

  /** Ends what is due, so that what is read next is true now (E4). */
  expireDue(): void {
    if (this.#phase === 'serving') this.#term?.expireDue();
  }

  /** Where the log is durable, as this leader knows. */
  get durable(): Head | undefined {
    return this.#term?.durable;
  }

  /**
   * Reads the journal and begins the first term. Rejects with a Fault where the journal is damaged or the disk of a
   * new realm is full; anything transient is tried again until it works.
   */
  async start(): Promise<void> {
    try {
      await this.#rebuild();
    } catch (cause) {
      const fault = asDefect(cause);
      if (fault.code !== 'log.full') throw fault;
      this.#failed(fault);
    }
  }

  /** Decides a command; `on` is told the outcome once, when it is durable. */
  submit(call: Submission, on: OnOutcome): void {
    switch (this.#phase) {
      case 'serving':
        this.#term?.submit(call, on);
        return;
      case 'recovering':
        this.#park(call, on);
        return;
      case 'readonly':
        this.#probe(call, on);
        return;
      case 'stopping':
      case 'dead':
        on(this.#refusal());
    }
  }

  /** Journals the state hash that a folding follower found. Resolves when it is durable. */
  recordStateHash(index: EntryIndex, hash: Digest): Promise<Outcome> {
    return new Promise((resolve) => {
      this.submit({ op: 'realm.record_state_hash', args: { index, hash }, ...REALM }, resolve);
    });
  }

  /** Writes out what was decided and takes nothing new. */
  async stop(): Promise<void> {
    if (this.#phase === 'dead') return;
    const term = this.#phase === 'serving' ? this.#term : undefined;
    this.#phase = 'stopping';
    this.#refuseParked();
    await term?.finish();
    for (const lost of this.#lost) this.#settle(lost, UNKNOWN);
  }

  #refusal(): Rejection {
    switch (this.#phase) {
      case 'readonly':
        return FULL;
      case 'stopping':
        return STOPPING;
      case 'dead':
        return DEAD;
      case 'serving':
      case 'recovering':
        return STARTING;
    }
  }

  #park(call: Submission, on: OnOutcome): void {
    if (this.#parked.length >= PARKED_CALLS_MAX) on(STARTING);
    else this.#parked.push({ call, on });
  }

  #probe(call: Submission, on: OnOutcome): void {
    const now = this.#options.clock.monotonic();
    const term = this.#term;
    if (term === undefined || now - this.#probedAt < FULL_PROBE_MS) {
      on(FULL);
      return;
    }
    // One probe at a time, however slow: the journal takes one append at a time. `#failed` counts from its end.
    this.#probedAt = Number.POSITIVE_INFINITY;
    this.#park(call, on);
    this.#openTerm(term).then(
      (opened) => {
        if (!opened) this.#recover();
      },
      (cause: unknown) => {
        this.#failed(asDefect(cause));
      },
    );
  }

  #refuseParked(): void {
    const refusal = this.#refusal();
    for (const { on } of this.#parked.splice(0)) on(refusal);
  }

  #onBroken(end: TermEnd): void {
    const { cause, sent, unsent } = end;
    const why = cause === 'conflict' ? 'conflict' : cause.code;
    this.#options.log.warn({
      event: 'leader.broken',
      why,
      detail: cause === 'conflict' ? '' : cause.detail,
    });
    const notIn = why === 'log.full' ? FULL : NOT_COMMITTED;
    if (sent !== undefined)
      this.#await(sent, why === 'log.full' || why === 'log.unavailable' ? notIn : undefined);
    refuse(unsent, notIn);
    if (cause !== 'conflict' && cause.code !== 'internal' && FATAL.has(cause.code))
      this.#die(cause);
    else if (this.#phase === 'serving') this.#recover();
  }

  /** Keeps the callers of a batch until a rebuild tells what became of it; `known` is what is known already. */
  #await(sent: Sent, known: Rejection | undefined): void {
    const lost: Lost = { sent, found: false, answered: false, disarm: () => undefined };
    if (known !== undefined) {
      this.#settle(lost, known);
      return;
    }
    this.#lost.push(lost);
    const { clock } = this.#options;
    lost.disarm = clock.setTimer(clock.monotonic() + SETTLE_MS_MAX, () => {
      this.#settle(lost, UNKNOWN);
    });
  }

  /** Tells a lost batch's callers their outcomes, where it is in the log, or `refusal`. */
  #settle(lost: Lost, refusal: Rejection): void {
    if (lost.answered) return;
    lost.answered = true;
    lost.disarm();
    this.#lost = this.#lost.filter((other) => other !== lost);
    // A reply is read from a world. What was found while there is none is not refused for that: its key finds it later.
    const readable = !('kind' in this.viewOfCommitted());
    if (!lost.found) refuse(lost.sent, refusal);
    else if (readable) answer(lost.sent, this.#options.log);
    else refuse(lost.sent, UNKNOWN);
  }

  #recover(): void {
    const over = this.#term;
    this.#phase = 'recovering';
    this.#term = undefined;
    // A defect ends a term while its last append is under way; the journal takes one at a time.
    (over?.quiet() ?? Promise.resolve())
      .then(() => this.#rebuild())
      .catch((cause: unknown) => {
        this.#failed(asDefect(cause));
      });
  }

  /** Rebuilds until a term serves or the disk is full. Rejects with faults that no waiting repairs. */
  async #rebuild(): Promise<void> {
    const { log } = this.#options;
    // Without end: each round waits, longer and longer, and a stop or a fatal fault ends it.
    for (let pauseMs = REBUILD_PAUSE_MS; this.#phase === 'recovering';) {
      try {
        const startedMs = this.#options.clock.monotonic();
        const replayed = await replay(this.#options, (position, leaf) => {
          this.#seen(position, leaf);
        });
        const term = new Term(replayed, this.#options, {
          onReady: () => {
            this.#hooks.onReady();
          },
          onDurable: (entries, position) => {
            this.#hooks.onDurable(entries, position);
          },
          onBroken: (end) => {
            if (this.#term === term) this.#onBroken(end);
          },
        });
        this.#term = term;
        const replayMs = Math.round(this.#options.clock.monotonic() - startedMs);
        log.info({
          event: 'leader.replayed',
          entries: replayed.entries,
          size: replayed.head.size,
          replayMs,
        });
        if (await this.#openTerm(term)) return;
        // A conflict says that the log has grown: read on at once.
      } catch (cause) {
        const fault = asDefect(cause);
        if (fault.code === 'log.full' || isFatal(fault)) throw fault;
        log.warn({
          event: 'leader.rebuild_failed',
          code: fault.code,
          detail: fault.detail,
          pauseMs,
        });
        await this.#pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, REBUILD_PAUSE_MS_MAX);
      }
    }
  }

  #seen(position: number, leaf: string): void {
    for (const lost of this.#lost) {
      if (lost.sent.position === position && lost.sent.leaf === leaf) lost.found = true;
    }
  }

  /** Opens a term over a world that is complete; false: the log had grown. */
  async #openTerm(term: Term): Promise<boolean> {
    if ((await term.open(this.#opening())) === 'conflict') return false;
    if (this.#phase === 'stopping' || this.#phase === 'dead') return true;
    this.#phase = 'serving';
    this.#cause = 'recovery';
    // The epoch entry is in: what is not before it never will be.
    for (const lost of this.#lost) this.#settle(lost, NOT_COMMITTED);
    this.#hooks.onTerm(term.durable.size);
    for (const { call, on } of this.#parked.splice(0)) this.submit(call, on);
    return true;
  }

  #opening(): ArgsOf<'realm.open'> {
    const { origin, release, node } = this.#options;
    const cause = this.#cause;
    const cutBytes = cause === 'start' ? this.#options.cutBytes : 0;
    return { cause, cutBytes, decider: DECIDER_VERSION, node, origin, release };
  }

  /** A rebuild or a probe ended in a fault that no waiting repairs, or in a full disk. */
  #failed(fault: Fault): void {
    if (this.#phase === 'stopping' || this.#phase === 'dead') return;
    if (fault.code === 'log.full') {
      this.#phase = 'readonly';
      this.#options.log.error({ event: 'leader.readonly', detail: fault.detail });
      this.#probedAt = this.#options.clock.monotonic();
      this.#refuseParked();
    } else if (isFatal(fault)) this.#die(fault);
    else this.#recover();
  }

  #die(fault: Fault): void {
    this.#phase = 'dead';
    this.#options.log.error({ event: 'leader.dead', code: fault.code, detail: fault.detail });
    for (const lost of this.#lost) this.#settle(lost, UNKNOWN);
    this.#refuseParked();
    this.#options.onFatal(fault);
  }

  #pause(ms: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      clock.setTimer(clock.monotonic() + ms, resolve);
    });
  }
}

/** Outside an append, what is no Fault is a defect: replaying again would find it again. */
const asDefect = (cause: unknown): Fault =>
  cause instanceof Fault
    ? cause
    : new Fault('internal', { transient: false, detail: 'rebuild', cause });

/** No waiting repairs it: another rebuild would find it again. */
const isFatal = ({ code, transient }: Fault): boolean => !transient || FATAL.has(code);
