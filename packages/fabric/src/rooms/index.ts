/** Every operation has a handler and every handler an operation: the compiler says so here. */
import type { WriteName } from '@infrafabric/core';

import { coordinatorReads, coordinatorSofts } from './coordinator.ts';
import {
  coordinatorReplies,
  coordinatorUnchanged,
  REPLIES_AT_DECISION,
} from './coordinator-replies.ts';
import { realmReads, realmReplies, type RealmFacts } from './realm.ts';
import type { ReadName, Reads, Replies, SoftName, Softs, Unchangeds } from './room.ts';
import { witnessReads, witnessReplies } from './witness.ts';
import type { Follower } from '../engine/follower.ts';

export const REPLIES: Replies<WriteName> = {
  ...coordinatorReplies,
  ...realmReplies,
  ...witnessReplies,
};

export const UNCHANGED: Unchangeds<WriteName> = coordinatorUnchanged;

export const SOFTS: Softs<SoftName> = coordinatorSofts;

export const readsOf = (
  facts: RealmFacts,
  followers: () => readonly Follower[],
): Reads<ReadName> => ({ ...coordinatorReads, ...realmReads(facts), ...witnessReads(followers) });

export { REPLIES_AT_DECISION };
export type { RealmFacts };
