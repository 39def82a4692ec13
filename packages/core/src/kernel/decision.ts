/**
 * The laws of every decider.
 *
 * D1  `decide` is pure: the same world and command give the same decision, and the world is not touched.
 * D2  Accepted events fold without failing, and the world after them is the one that later decisions see.
 * D3  A rejection folds nothing.
 */
import type { Rejection } from '@infrafabric/protocol';
import type { DomainEvent } from './events.ts';

/** How the caller was authenticated; the entry says so. A session's role stands in the world. */
export type Credential = 'realm' | 'operator' | 'session';

/**
 * A wish, with everything impure already decided: the time (non-decreasing, set by the engine), minted ids, the
 * authenticated principal. All of it is written into the entry, so a replay decides on the same inputs.
 */
export interface Command<Args = unknown> {
  readonly op: string;
  /** As journaled: parsed, and without capabilities (a fencing token has become a `Fence`). */
  readonly args: Args;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly cred: Credential;
  readonly principal: string;
  /** The session that the credential belongs to, if it belongs to one. */
  readonly session?: string;
  /** Ids minted for this command, in the order in which `decide` uses them. */
  readonly ids: readonly string[];
}

/** What a fencing token says once its MAC was checked: which grant of the task a write belongs to. */
export interface Fence {
  readonly epoch: number;
  readonly holder: string;
  readonly n: number;
}

export interface Accepted {
  readonly kind: 'accept';
  readonly events: readonly DomainEvent[];
}

/** Nothing to do: what is asked for holds already. No entry is written; the reply is read from the world. */
export interface Unchanged {
  readonly kind: 'unchanged';
}

/** A no that the log keeps: the entry holds `record`, the caller gets the rejection. */
export interface Refused {
  readonly kind: 'refuse';
  readonly rejection: Rejection;
  readonly record: DomainEvent;
}

export type Decision = Accepted | Unchanged | Rejection | Refused;

export const accept = (...events: readonly DomainEvent[]): Accepted => ({ kind: 'accept', events });
export const UNCHANGED: Unchanged = { kind: 'unchanged' };

/** An entry as it is folded: the command's call and the events that it caused. */
export interface Entry {
  readonly index: number;
  readonly at: number;
  readonly epoch: number;
  readonly op: string;
  readonly args: unknown;
  readonly principal: string;
  readonly session?: string;
  readonly idem?: string;
  readonly events: readonly DomainEvent[];
}

/** Part of a room's slice, for snapshots and the state hash: a name and its canonical bytes or text. */
export interface Section {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** A broken invariant of ours: the program is wrong, not the world. */
export class Defect extends Error {
  override readonly name = 'Defect';
}

export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Defect(what);
}

/** A value that must be there: its absence is a defect. */
export const must = <T>(value: T | undefined, what: string): T => {
  assert(value !== undefined, what);
  return value;
};
