/**
 * Followers read the journal after the leader: trees, indexes, snapshots, feeds. They are told how far the log is
 * durable and read the rest themselves; none of them can slow an answer.
 */
import type { Rejection, OutputOf, ParsedOf } from '@infrafabric/protocol';
import type { World } from '@infrafabric/core';

import type { Head, Journal, Position } from '../ports/journal.ts';
import type { BlobStore, Log } from './ports.ts';

export interface Follower {
  /** Every entry before `position` is durable. Called after the callers were answered; must return at once. */
  onDurable(position: Position): void;
  close(): Promise<void>;
  /** Reads that this follower serves. */
  readonly reads?: Partial<WitnessReads>;
  /** How far it has come, part by part, for `ready`. Asked now and then; must return at once. */
  lag?(): readonly FollowerLag[];
}

export interface FollowerLag {
  readonly name: string;
  /** Entries that it has taken in. */
  readonly position: Position;
  /** Age of the oldest entry that it has not; one that stopped for good never comes back to 0. */
  readonly behindMs: number;
}

/** What followers answer for the operations of the witness. */
export interface WitnessReads {
  query(input: ParsedOf<'witness.query'>): Promise<OutputOf<'witness.query'> | Rejection>;
  proof(input: ParsedOf<'witness.proof'>): Promise<OutputOf<'witness.proof'> | Rejection>;
  checkpoint(): Promise<OutputOf<'witness.checkpoint'> | Rejection>;
}

/** What a follower is made with. */
export interface FollowerContext {
  readonly realm: string;
  readonly origin: string;
  readonly journal: Journal;
  readonly blobs: BlobStore;
  readonly log: Log;
  /** The log's end when followers are made. */
  readonly head: Head;
  /** Hands the state hash after entry `index` to the leader, which journals it. Resolves when that is durable. */
  recordStateHash(state: { readonly index: number; readonly hash: string }): Promise<void>;
}

export type MakeFollowers = (context: FollowerContext) => readonly Follower[];

/** A saved fold to start from. Who hands it over has checked its hash against the log. */
export interface Snapshot {
  readonly head: Head;
  readonly world: World;
}
