/** The realm's replies and reads. */
import { timestamp, type OutputOf, type RealmId } from '@infrafabric/protocol';
import { viewStatus, type ArgsOf } from '@infrafabric/core';

import type { Durability } from '../ports/journal.ts';
import { trusted, type Reads, type Replies, type RoomContext } from './room.ts';

export const realmReplies: Replies<'realm.open' | 'realm.record_state_hash'> = {
  'realm.open': ({ epoch }) => ({ epoch }),
  'realm.record_state_hash': ({ args }) => ({
    index: trusted<ArgsOf<'realm.record_state_hash'>>(args).index,
  }),
};

/** What the process knows of the realm besides the world. */
export interface RealmFacts {
  readonly realm: RealmId;
  readonly version: string;
  readonly durability: Durability;
  readonly isReadOnly: () => boolean;
  checkpoint(): Promise<{ readonly size: number; readonly root: string } | undefined>;
}

export const realmReads = (facts: RealmFacts): Reads<'realm.status'> => ({
  'realm.status': async (_input, context) => {
    const status = statusOf(facts, context);
    const checkpoint = await facts.checkpoint();
    return checkpoint === undefined ? status : { ...status, checkpoint };
  },
});

const statusOf = (
  { realm, version, durability, isReadOnly }: RealmFacts,
  { world, presence, now }: RoomContext,
): OutputOf<'realm.status'> => {
  const { openSessions, ...status } = viewStatus(world);
  return {
    realm,
    ...status,
    at: timestamp(now()),
    durability,
    readOnly: isReadOnly(),
    sessions: { open: openSessions, waiting: presence.waitingSessions },
    version,
  };
};
