/** What a term is made of, how it ends, and the small moves of its loop that need no state of it. */
import {
  BlockerId,
  blockerIdFrom,
  RunId,
  runIdFrom,
  SessionId,
  sessionIdFrom,
  TaskId,
  timestamp,
  type Rejection,
} from '@infrafabric/protocol';

import { Fault } from '../fault.ts';
import type { Journal } from '../ports/journal.ts';
import type { Taken } from './batch.ts';
import type { Committed, Submission } from './call.ts';
import type { Clock } from './clock.ts';
import type { BlobStore, Log, Random } from './ports.ts';
import type { Due, Presence } from './presence.ts';
import { mintsOf, type Conditions, type World } from '@infrafabric/core';

/** What a reply may look at besides its entry. */
export interface View {
  readonly world: World;
  readonly presence: Presence;
  /** Wall time of the leader, ms. */
  readonly now: () => number;
}

/** Replies that are read from the world in the turn of the decision; later the world has moved on. */
export interface RepliesAtDecision {
  /** What holds already, where a command changed nothing. */
  unchanged(view: View, call: Submission): unknown;
  /** The output of a command that was just folded, or undefined where its entry alone says it. */
  accepted(view: View, entry: Committed): unknown;
}

export interface TermParts {
  readonly journal: Journal;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly replies: RepliesAtDecision;
  /** The language of the policy's conditions. */
  readonly conditions: Conditions;
}

export interface TermHooks {
  /** Tasks became ready in this turn. May submit commands: they go into the batch of the same turn. */
  onReady(): void;
  /** The entries are durable and their callers were answered. */
  onDurable(entries: readonly Committed[], position: number): void;
  /** The term is over. */
  onBroken(end: TermEnd): void;
}

/** How a term ended, and who waits for what it had not finished. */
export interface TermEnd {
  /** `conflict`: somebody else wrote. */
  readonly cause: Fault | 'conflict';
  /** The batch that was handed to the journal: in the log or not, told by the leaf at its end. */
  readonly sent: Sent | undefined;
  /** What was never handed over, so it is not in the log. */
  readonly unsent: Taken;
}

export interface Sent extends Taken {
  readonly position: number;
  readonly leaf: string;
}

/** Who the realm is in its own commands. */
export const REALM = { cred: 'realm', principal: 'realm' } as const;

/** Tells everybody of a durable batch. A listener that throws must not keep the others waiting. */
export function answer({ outcomes, waiting }: Taken, log: Log): void {
  for (const [i, on] of waiting.entries()) {
    const outcome = outcomes[i];
    if (outcome === undefined) continue;
    try {
      on(outcome);
    } catch (cause) {
      const { message, stack } = cause instanceof Error ? cause : new Error(String(cause));
      log.error({ event: 'listener.defect', message, stack });
    }
  }
}

/** Tells everybody who waits the same no. */
export function refuse({ waiting }: Taken, refusal: Rejection): void {
  for (const on of waiting) on(refusal);
}

/** Nobody waits for what the realm does of its own accord. */
export const IGNORE = (): void => undefined;

export const expiryOf = (due: Due): Submission => {
  switch (due.kind) {
    case 'lease': {
      const { taskId, fence, renewedAt } = due;
      const args = { taskId: TaskId.parse(taskId), fence, renewedAt: timestamp(renewedAt) };
      return { op: 'leases.expire', args, ...REALM };
    }
    case 'session': {
      const args = { sessionId: SessionId.parse(due.sessionId), seenAt: timestamp(due.seenAt) };
      return { op: 'sessions.expire', args, ...REALM };
    }
    case 'run':
      return { op: 'runs.expire', args: { runId: RunId.parse(due.runId) }, ...REALM };
    case 'blocker': {
      const args = { blockerId: BlockerId.parse(due.blockerId) };
      return { op: 'blockers.escalate', args, ...REALM };
    }
  }
};

const NO_IDS: readonly string[] = [];
/** What the minting of an id takes: 80 bits. */
const ID_RANDOM_BYTES = 10;

/** The ids that a command needs, in the order in which `decide` uses them. */
export const mintIds = (op: string, random: Random): readonly string[] => {
  const mints = mintsOf(op);
  if (mints.length === 0) return NO_IDS;
  return mints.map((what) => {
    return MINTED[what](random.bytes(ID_RANDOM_BYTES));
  });
};

const MINTED = { session: sessionIdFrom, blocker: blockerIdFrom, run: runIdFrom } as const;

/** What an append threw, as a Fault: whatever is not one leaves the outcome unknown. */
export const asFault = (cause: unknown): Fault =>
  cause instanceof Fault
    ? cause
    : new Fault('log.outcome_unknown', { transient: true, detail: 'append', cause });
