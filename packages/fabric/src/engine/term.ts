/**
 * One term of one leader: a world in memory, and the loop that decides commands over it (docs/guides/engine.md).
 *
 * E1  A command is decided, folded and written to the open batch in one turn; nothing comes between.
 * E2  Nobody is answered before everything that the answer rests on is durable: refusals and reads included.
 * E3  One append is outstanding; the next batch fills meanwhile; nothing queues without bound.
 * E4  What is due at a moment is expired before anything else is decided at that moment (C3).
 * E5  After a conflict or a fault the term is over: it answers nobody any more, and its memory is dropped whole.
 */
import { reject, type Rejection } from '@infrafabric/protocol';
import { decide, evolve, idempotent, readyVersion, type World } from '@infrafabric/core';
import type { ArgsOf, Decision, DomainEvent } from '@infrafabric/core';

import { Fault } from '../fault.ts';
import type { Appended, Conflict, Head } from '../ports/journal.ts';
import { OpenBatch, WAITERS_MAX } from './batch.ts';
import type { Committed, MutableEntry, OnOutcome, Outcome, Submission } from './call.ts';
import { NotCanonical } from './canonical.ts';
import { callText } from './entry-text.ts';
import { entryWriter, type EntryDraft } from './entry-writer.ts';
import { repeated, storedOutcome } from './idempotency.ts';
import { leaderTime } from './leader-time.ts';
import { EXPIRIES_PER_TURN_MAX, LONE_WAITERS_MAX, OVERLOADED_RETRY_MS } from './limits.ts';
import { Presence } from './presence.ts';
import type { Replayed } from './recovery.ts';
import {
  answer,
  asFault,
  expiryOf,
  IGNORE,
  mintIds,
  REALM,
  type TermHooks,
  type TermParts,
  type View,
} from './term-parts.ts';

interface Caller {
  readonly now: number;
  readonly on: OnOutcome;
  readonly refusal?: Rejection;
}

type Verdict = 'committed' | 'refused' | 'overloaded';
const NO_EVENTS: readonly DomainEvent[] = [];

const OVERLOADED: Rejection = {
  ...reject('fabric.overloaded', 'The open batch is full while one is on its way to disk.'),
  retryAfterMs: OVERLOADED_RETRY_MS,
};

const INTERNAL = reject('internal', 'The fabric made a mistake; nothing of the command was kept.');
export class Term implements View {
  readonly world: World;
  readonly presence: Presence;
  /** Wall time of the leader: non-decreasing. */
  readonly now: (monotonic?: number) => number;
  readonly #parts: TermParts;
  readonly #hooks: TermHooks;
  readonly #write = entryWriter();
  #open = new OpenBatch();
  #spare = new OpenBatch();
  #outstanding: OpenBatch | undefined;
  /** Leaf of the last entry that was handed to the journal. */
  #sentLeaf = '';
  #durable: Head;
  #size: number;
  #leaf: string;
  #epoch: number;
  #readyVersion = -1;
  #turnEnds = false;
  #over = false;
  #armedFor = Number.POSITIVE_INFINITY;
  #disarm: () => void = () => undefined;
  #idle: (() => void) | undefined;
  #appending: Promise<unknown> = Promise.resolve();

  constructor(replayed: Replayed, parts: TermParts, hooks: TermHooks) {
    this.world = replayed.world;
    this.#parts = parts;
    this.#hooks = hooks;
    this.#durable = replayed.head;
    this.#size = replayed.head.size;
    this.#leaf = replayed.head.leaf;
    this.#epoch = replayed.head.epoch;
    this.now = leaderTime(parts.clock, parts.log, replayed.at);
    this.presence = new Presence(parts.clock, this.world);
    this.presence.restart(this.now());
  }

  /** Where the log is durable. */
  get durable(): Head {
    return this.#durable;
  }

  /** Entries decided, durable or not. */
  get size(): number {
    return this.#size;
  }

  /**
   * Appends `realm.opened` with the next epoch: the fence against every earlier writer, and the proof that the world
   * is complete. Nothing is folded before it is durable, so a full disk costs nothing but the attempt. Rejects with
   * the journal's Fault.
   */
  async open(args: ArgsOf<'realm.open'>): Promise<'opened' | 'conflict'> {
    const call: Submission = { op: 'realm.open', args, ...REALM };
    const entry = this.#draft(call, this.#epoch + 1, this.#parts.clock.monotonic());
    const decision = decide(this.world, entry, this.#parts.conditions);
    if (decision.kind !== 'accept') throw new Error('defect: a realm refused to open');
    entry.events = decision.events;
    const draft = this.#write(entry, this.#leaf, callText(call));
    if (draft.kind === 'reject') throw new Error('defect: an opening too long for an entry');
    const batch = this.#open;
    const lastLeaf = batch.add(draft, entry, this.#parts.blobs);
    const { bytes: entries } = batch;
    try {
      const result = await this.#parts.journal.append(this.#durable, {
        epoch: entry.epoch,
        count: 1,
        entries,
        lastLeaf,
      });
      if (result.kind === 'conflict') return 'conflict';
      this.#durable = result.head;
    } finally {
      batch.take();
    }
    evolve(this.world, entry);
    this.#size = this.#durable.size;
    this.#leaf = lastLeaf;
    this.#epoch = entry.epoch;
    this.presence.restart(entry.at);
    this.#scheduleTurnEnd();
    return 'opened';
  }

  /** Decides a command now; `on` is told the outcome when it is durable, at once where it rests on nothing. */
  submit(call: Submission, on: OnOutcome): void {
    const now = this.#parts.clock.monotonic();
    if (this.#over || !this.expireDue(now)) return on(OVERLOADED);
    if (call.idem !== undefined) {
      const index = idempotent(this.world, call.idem);
      if (index !== undefined) return this.#repeat(index, call, on);
    }
    this.#decide(call, now, on);
    return undefined;
  }

  /** Tells `on` the outcome when everything decided so far is durable: at once when it is already. */
  whenDurable(outcome: Outcome, on: OnOutcome): void {
    const batch = this.#open.entries.length > 0 ? this.#open : this.#outstanding;
    if (batch === undefined) on(outcome);
    else if (batch.waiters >= WAITERS_MAX) on(OVERLOADED);
    else batch.wait(outcome, on);
  }

  /** Resolves when everything decided so far is durable or the term is over. Nothing may be submitted any more. */
  finish(): Promise<void> {
    this.#disarm();
    return new Promise((resolve) => {
      this.#idle = resolve;
      this.#endIfIdle();
      this.#scheduleTurnEnd();
    });
  }

  /** Resolves when the journal has no append of this term under way. */
  async quiet(): Promise<void> {
    await this.#appending.catch(() => undefined);
  }

  /** `now` is the monotonic clock, read once a command. */
  #decide(call: Submission, now: number, on: OnOutcome): Verdict {
    const entry = this.#draft(call, this.#epoch, now);
    const decision = this.#decision(entry);
    switch (decision.kind) {
      case 'accept':
        entry.events = decision.events;
        return this.#commit(call, entry, { now, on });
      case 'refuse':
        entry.events = [decision.record];
        return this.#commit(call, entry, { now, on, refusal: decision.rejection });
      case 'unchanged':
        this.whenDurable(
          { kind: 'unchanged', output: this.#parts.replies.unchanged(this, call) },
          on,
        );
        return 'refused';
      case 'reject':
        this.whenDurable(decision, on);
        return 'refused';
    }
  }

  /** `decide` is pure: where it throws, nothing was changed and only this command is lost. */
  #decision(entry: Committed): Decision {
    try {
      return decide(this.world, entry, this.#parts.conditions);
    } catch (cause) {
      const { message, stack } = cause instanceof Error ? cause : new Error(String(cause));
      this.#parts.log.error({ event: 'decide.defect', op: entry.op, message, stack });
      return INTERNAL;
    }
  }

  #draft(call: Submission, epoch: number, now: number): MutableEntry {
    const entry: MutableEntry = {
      kind: 'committed',
      index: this.#size,
      at: this.now(now),
      epoch,
      op: call.op,
      args: call.args,
      cred: call.cred,
      principal: call.principal,
      ids: mintIds(call.op, this.#parts.random),
      events: NO_EVENTS,
    };
    if (call.session !== undefined) entry.session = call.session;
    if (call.idem !== undefined) entry.idem = call.idem;
    if (call.trace !== undefined) entry.trace = call.trace;
    return entry;
  }

  #commit(call: Submission, entry: Committed, { now, on, refusal }: Caller): Verdict {
    const draft = this.#text(call, entry);
    if (draft.kind === 'reject') {
      this.whenDurable(draft, on);
      return 'refused';
    }
    if (!this.#open.fits(draft)) {
      if (this.#outstanding !== undefined) {
        on(OVERLOADED);
        return 'overloaded';
      }
      this.#flush('shared');
    }
    const batch = this.#open;
    this.#leaf = batch.add(draft, entry, this.#parts.blobs);
    this.#size += 1;
    try {
      evolve(this.world, entry);
    } catch (cause) {
      // A defect of ours: the world is half folded, so it goes, and the entry with it (E5).
      batch.wait(INTERNAL, on);
      this.#break(new Fault('internal', { transient: false, detail: `fold of ${call.op}`, cause }));
      return 'refused';
    }
    this.presence.observe(entry, now);
    const output = refusal === undefined ? this.#parts.replies.accepted(this, entry) : undefined;
    batch.wait(refusal ?? (output === undefined ? entry : { kind: 'done', entry, output }), on);
    this.#scheduleTurnEnd();
    return 'committed';
  }

  #text(call: Submission, entry: Committed): EntryDraft | Rejection {
    try {
      return this.#write(entry, this.#leaf, callText(call));
    } catch (cause) {
      if (cause instanceof NotCanonical) {
        return reject('request.invalid', `The request has no canonical form: ${cause.message}.`);
      }
      throw cause;
    }
  }

  /** Answers a known idempotency key with its first outcome, if the input is the same. */
  #repeat(index: number, call: Submission, on: OnOutcome): void {
    const first = [...this.#open.entries, ...(this.#outstanding?.entries ?? [])].find(
      (entry) => entry.index === index,
    );
    if (first !== undefined) {
      this.whenDurable(repeated(call, first), on);
      return;
    }
    const { journal, blobs } = this.#parts;
    void storedOutcome({ journal, blobs, index, call }).then(on);
  }

  /** Expires what is due. False: the batch is full, so nothing else may be decided now (E4). */
  expireDue(now = this.#parts.clock.monotonic()): boolean {
    if (now < this.presence.earliest) return true;
    for (let left = EXPIRIES_PER_TURN_MAX; left > 0; left -= 1) {
      const due = this.presence.next(now);
      if (due === undefined) return true;
      const verdict = this.#decide(expiryOf(due), now, IGNORE);
      if (verdict === 'overloaded' || this.#over) return false;
      if (verdict === 'refused') this.presence.postpone(due, this.now());
    }
    return false;
  }

  #scheduleTurnEnd(): void {
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    this.#parts.clock.endOfTurn(() => {
      this.#turnEnds = false;
      this.#endTurn();
    });
  }

  #endTurn(): void {
    if (this.#over) return;
    this.expireDue();
    const version = readyVersion(this.world);
    if (version !== this.#readyVersion) {
      this.#readyVersion = version;
      this.#hooks.onReady();
    }
    if (this.#outstanding === undefined && this.#open.entries.length > 0) {
      const { waiters } = this.#open;
      this.#flush(waiters > 0 && waiters <= LONE_WAITERS_MAX ? 'lone' : 'shared');
    }
    this.#arm();
    this.#endIfIdle();
  }

  /** One timer for the earliest deadline, none where nothing is due: an idle leader costs nothing. */
  #arm(): void {
    const { earliest } = this.presence;
    if (earliest >= this.#armedFor || this.#idle !== undefined) return;
    this.#disarm();
    this.#armedFor = earliest;
    this.#disarm = this.#parts.clock.setTimer(earliest, () => {
      this.#armedFor = Number.POSITIVE_INFINITY;
      this.#endTurn();
    });
  }

  #flush(company: 'lone' | 'shared'): void {
    const batch = this.#open;
    this.#open = this.#spare;
    this.#spare = batch;
    this.#outstanding = batch;
    this.#sentLeaf = this.#leaf;
    const appending = this.#append(batch, company);
    this.#appending = appending;
    appending.then(
      (result) => {
        this.#settle(batch, result);
      },
      (cause: unknown) => {
        this.#break(asFault(cause));
      },
    );
  }

  async #append(batch: OpenBatch, company: 'lone' | 'shared'): Promise<Appended | Conflict> {
    // An entry never names what is not there: its blobs are durable before its frame.
    if (batch.spills.length > 0) await Promise.all(batch.spills);
    return this.#parts.journal.append(this.#durable, {
      epoch: this.#epoch,
      count: batch.entries.length,
      entries: batch.bytes,
      lastLeaf: this.#sentLeaf,
      ...(company === 'lone' ? { lone: true } : {}),
    });
  }

  #settle(batch: OpenBatch, result: Appended | Conflict): void {
    if (this.#over) return;
    if (result.kind === 'conflict') {
      this.#break('conflict');
      return;
    }
    this.#durable = result.head;
    this.#outstanding = undefined;
    const taken = batch.take();
    // The disk works on the next batch while this one is answered.
    if (this.#open.entries.length > 0) this.#flush('shared');
    answer(taken, this.#parts.log);
    this.#hooks.onDurable(taken.entries, result.head.size);
    if (this.presence.earliest <= this.#parts.clock.monotonic()) this.#scheduleTurnEnd();
    this.#endIfIdle();
  }

  #break(cause: Fault | 'conflict'): void {
    if (this.#over) return;
    this.#over = true;
    this.#disarm();
    const batch = this.#outstanding;
    const sent =
      batch === undefined
        ? undefined
        : { ...batch.take(), position: this.#durable.size, leaf: this.#sentLeaf };
    const position = this.#durable.size + (sent?.entries.length ?? 0);
    this.#hooks.onBroken({
      cause,
      sent: sent === undefined ? undefined : { ...sent, position },
      unsent: this.#open.take(),
    });
    this.#endIfIdle();
  }

  #endIfIdle(): void {
    const busy = this.#outstanding !== undefined || this.#open.entries.length > 0;
    if (this.#over || !busy) this.#idle?.();
  }
}
