/** What goes into the leader and what comes out of it. */
import type { ArgsOf, Credential, DomainEvent, Entry, WriteName } from '@infrafabric/core';
import type { Rejection } from '@infrafabric/protocol';

/** One write operation with its arguments as they are journaled. */
export type Call = {
  readonly [N in WriteName]: { readonly op: N; readonly args: ArgsOf<N> };
}[WriteName];

/** A call and who makes it. */
export type Submission = Call & {
  readonly cred: Credential;
  readonly principal: string;
  readonly session?: string;
  /** Digest of (principal, idempotency key), see `idempotencyDigest`. */
  readonly idem?: string;
  readonly trace?: string;
};

/** A committed command: all that its entry holds. What `evolve` folds and what a reply is made of. */
export interface Committed extends Entry {
  readonly kind: 'committed';
  readonly op: WriteName;
  readonly cred: Credential;
  readonly ids: readonly string[];
  readonly trace?: string;
  readonly events: readonly DomainEvent[];
}

/** An entry while it is being decided. */
export type MutableEntry = { -readonly [K in keyof Committed]: Committed[K] };

/** The call of an entry. */
export const callOf = ({ op, args }: Committed): Call =>
  // The pair was a Call before it was journaled; the entry's type keeps them apart.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  ({ op, args }) as Call;

/** Nothing had to be done; the reply was read from the world when it was decided. */
export interface Unchanged {
  readonly kind: 'unchanged';
  readonly output: unknown;
}

/** `output` of a committed command where the reply had to be read from the world at its decision. */
export interface Done {
  readonly kind: 'done';
  readonly entry: Committed;
  readonly output: unknown;
}

export type Outcome = Committed | Done | Unchanged | Rejection;

/** Called once, when what the outcome rests on is durable. Must not throw. */
export type OnOutcome = (outcome: Outcome) => void;
