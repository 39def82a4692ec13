/** The realm's own operations: what the leader says of itself. */
import { z } from 'zod';
import { Digest, EntryIndex, MicroUsd, RealmId, Timestamp } from '../ids.ts';
import { ANYONE, defineOperation, REALM } from '../operation.ts';

const Count = z.int().min(0);

export const realmOperations = [
  defineOperation({
    name: 'realm.open',
    summary: 'The first entry of every leader: a new epoch, which fences all earlier writers.',
    effect: 'write',
    callers: REALM,
    input: z.strictObject({
      release: z.string().max(50),
      /** Version of the decisions; a replay decides again only where it is the same. */
      decider: z.int().min(1),
      cutBytes: Count,
      cause: z.enum(['start', 'recovery', 'takeover']),
      node: z.string().max(100),
      origin: z.string().max(200),
    }),
    output: z.strictObject({ epoch: z.int().min(1) }),
    errors: [],
  }),
  defineOperation({
    name: 'realm.record_state_hash',
    summary:
      'The hash of the whole state after an index, computed by a follower that folds on its own.',
    effect: 'write',
    callers: REALM,
    input: z.strictObject({ index: EntryIndex, hash: Digest }),
    output: z.strictObject({ index: EntryIndex }),
    errors: [],
  }),
  defineOperation({
    name: 'realm.status',
    summary:
      'The realm in one look: position, epoch, durability, sessions, tasks, lag of the followers.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({}),
    output: z.strictObject({
      realm: RealmId,
      origin: z.string(),
      epoch: Count,
      size: Count,
      at: Timestamp,
      durability: z.enum(['fsync', 'os', 'memory', 'unknown']),
      readOnly: z.boolean(),
      sessions: z.strictObject({ open: Count, waiting: Count }),
      tasks: z.strictObject({
        total: Count,
        waiting: Count,
        ready: Count,
        leased: Count,
        blocked: Count,
        submitted: Count,
        parked: Count,
        done: Count,
        cancelled: Count,
      }),
      blockersOpen: Count,
      /** Swarms whose breaker is not closed, and what waits for a person. */
      breakersOpen: Count,
      escalationsOpen: Count,
      /** The realm’s account. */
      money: z.strictObject({
        limitMicroUsd: MicroUsd,
        reservedMicroUsd: MicroUsd,
        spentMicroUsd: MicroUsd,
        overrunMicroUsd: MicroUsd,
      }),
      plans: Count,
      checkpoint: z.strictObject({ size: Count, root: z.string() }).optional(),
      version: z.string(),
    }),
    errors: [],
  }),
] as const;
