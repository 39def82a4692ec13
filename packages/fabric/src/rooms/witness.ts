/** The witness's reply, and its reads: what followers answer. */
import { reject } from '@infrafabric/protocol';

import type { Follower, WitnessReads } from '../engine/follower.ts';
import { trusted, type Reads, type Replies } from './room.ts';

export const witnessReplies: Replies<'witness.record'> = {
  'witness.record': ({ index }) => ({ index: trusted(index) }),
};

/** Reads of the first follower that serves each; where none does, nothing vouches for the log. */
export const witnessReads = (
  followers: () => readonly Follower[],
): Reads<'witness.query' | 'witness.proof' | 'witness.checkpoint'> => {
  const serving = (name: keyof WitnessReads): Partial<WitnessReads> | undefined =>
    followers().find(({ reads }) => reads?.[name] !== undefined)?.reads;
  return {
    'witness.query': (input) => serving('query')?.query?.(input) ?? NOT_SERVED,
    'witness.proof': (input) => serving('proof')?.proof?.(input) ?? NOT_SERVED,
    'witness.checkpoint': () => serving('checkpoint')?.checkpoint?.() ?? NOT_SERVED,
  };
};

const NOT_SERVED = reject(
  'witness.unanchored',
  'No follower of this fabric keeps the tree and the index.',
);
