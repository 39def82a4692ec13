/** Every operation has a handler and every handler an operation: the compiler says so here. */
import type { Conditions, WriteName } from '@infrafabric/core';

import {
  chassisReads,
  chassisReplies,
  CHASSIS_REPLIES_AT_DECISION,
  chassisUnchanged,
} from './chassis.ts';
import { coordinatorReads, coordinatorSofts } from './coordinator.ts';
import {
  coordinatorReplies,
  coordinatorUnchanged,
  REPLIES_AT_DECISION as COORDINATOR_AT_DECISION,
} from './coordinator-replies.ts';
import {
  governorReads,
  governorReplies,
  GOVERNOR_REPLIES_AT_DECISION,
  governorUnchanged,
} from './governor.ts';
import { moneyOfWorld } from './money.ts';
import { optimiseReads, type CostFollower } from './optimise.ts';
import { realmReads, realmReplies, type RealmFacts } from './realm.ts';
import type { ReadName, Reads, Replies, SoftName, Softs, Unchangeds } from './room.ts';
import { witnessReads, witnessReplies } from './witness.ts';

export const REPLIES: Replies<WriteName> = {
  ...coordinatorReplies,
  ...governorReplies,
  ...chassisReplies,
  ...realmReplies,
  ...witnessReplies,
};

export const UNCHANGED: Unchangeds<WriteName> = {
  ...coordinatorUnchanged,
  ...governorUnchanged,
  ...chassisUnchanged,
};

export const SOFTS: Softs<SoftName> = coordinatorSofts;

/** Replies that look at the world besides the entry; made in the turn of the decision, before it moves on. */
export const REPLIES_AT_DECISION: ReadonlySet<string> = new Set<string>([
  ...COORDINATOR_AT_DECISION,
  ...GOVERNOR_REPLIES_AT_DECISION,
  ...CHASSIS_REPLIES_AT_DECISION,
]);

/** What reads are made of besides the world. */
export interface ReadParts {
  readonly facts: RealmFacts;
  readonly followers: () => readonly CostFollower[];
  readonly conditions: Conditions;
}

export const readsOf = ({ facts, followers, conditions }: ReadParts): Reads<ReadName> => ({
  ...coordinatorReads,
  ...governorReads(conditions),
  ...chassisReads,
  ...optimiseReads(followers, moneyOfWorld),
  ...realmReads(facts),
  ...witnessReads(followers),
});

export type { RealmFacts };
