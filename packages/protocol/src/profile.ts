/** Swarm profiles: what a swarm can do, what it costs, how it stands to others. The form that people write is in manifest.ts. */
import { z } from 'zod';
import { CapabilityId, MicroUsd, SwarmId } from './ids.ts';
import { CAPABILITIES_MAX } from './limits.ts';

/** Relations of one swarm. More: the order of helpers becomes a table that nobody can foresee. */
export const RELATIONS_MAX = 50;
/** Reputation of a swarm of which nothing is known yet: matching and price alone decide. */
export const REPUTATION_PERMILLE_MAX = 1_000;
export const MODEL_CHARS_MAX = 100;

/**
 * How one swarm stands to another, by the five relations (五倫, Wu Lun). They order who helps first and who integrates
 * whose work; none of them gives a right that a credential does not.
 *
 * - `minister-of` (君臣): the other's critical path is what it waits on; it helps there before anybody else.
 * - `friend-of` (朋友): a peer; each helps the other once ministers and elders have.
 * - `elder-of` (兄弟): builds what the other stands on; its work is integrated before the other's.
 * - `younger-of` (兄弟): stands on the other's work; it helps the elder that it waits for.
 * - `parent-of` (父子): opened the other and ends it; blockers of the child reach it next.
 * - `child-of` (父子): was opened by the other, which integrates its work.
 * - `governor-of` (夫婦): keeps the other's budget and breaker, and helps with neither code nor tests.
 */
export const RelationKind = z.enum([
  'minister-of',
  'friend-of',
  'elder-of',
  'younger-of',
  'parent-of',
  'child-of',
  'governor-of',
]);
export type RelationKind = z.infer<typeof RelationKind>;

export const SwarmRelation = z.strictObject({ kind: RelationKind, with: SwarmId });
export type SwarmRelation = z.infer<typeof SwarmRelation>;

/** `coordinator` plans and integrates, `support` builds what others stand on, `worker` does the rest. */
export const SwarmRole = z.enum(['worker', 'coordinator', 'support']);
export type SwarmRole = z.infer<typeof SwarmRole>;

const refuseRepeated = (
  keys: readonly string[],
  refuse: (index: number, firstIndex: number) => void,
): void => {
  const first = new Map<string, number>();
  for (const [index, key] of keys.entries()) {
    const before = first.get(key);
    if (before === undefined) first.set(key, index);
    else refuse(index, before);
  }
};

/** One to CAPABILITIES_MAX ids, each of them once. Whether a realm knows them is for the realm to say. */
export const SwarmCapabilities = z
  .array(CapabilityId)
  .min(1)
  .max(CAPABILITIES_MAX)
  .superRefine((ids, context) => {
    refuseRepeated(ids, (index, firstIndex) =>
      context.addIssue({
        code: 'custom',
        path: [index],
        message: `is there already, as entry ${firstIndex}`,
      }),
    );
  })
  .meta({ uniqueItems: true });

export const SwarmRelations = z
  .array(SwarmRelation)
  .max(RELATIONS_MAX)
  .superRefine((relations, context) => {
    refuseRepeated(
      relations.map((relation) => `${relation.kind} ${relation.with}`),
      (index, firstIndex) =>
        context.addIssue({
          code: 'custom',
          path: [index],
          message: `is there already, as entry ${firstIndex}`,
        }),
    );
  })
  .meta({ uniqueItems: true });

/** Relations of a swarm with itself, by their index: nobody helps or waits for itself. */
export const ownRelations = (
  swarmId: string,
  relations: readonly { readonly with: string }[] = [],
): readonly number[] =>
  relations.flatMap((relation, index) => (relation.with === swarmId ? [index] : []));

/** Money in micro-dollars, shares per mille: nothing here is a float. */
export const SwarmProfile = z
  .strictObject({
    swarmId: SwarmId,
    capabilities: SwarmCapabilities,
    /** Price of an hour of its work; 0: a local or free model. */
    costPerHourMicroUsd: MicroUsd,
    /** 0 to 1000; absent: 1000. */
    reputationPermille: z.int().min(0).max(REPUTATION_PERMILLE_MAX).optional(),
    model: z.string().min(1).max(MODEL_CHARS_MAX).optional(),
    /** All that it may spend; absent: the realm's own limit is the only one. */
    limitMicroUsd: MicroUsd.optional(),
    role: SwarmRole.optional(),
    relations: SwarmRelations.optional(),
  })
  .superRefine(({ swarmId, relations }, context) => {
    for (const index of ownRelations(swarmId, relations)) {
      const path = ['relations', index, 'with'];
      context.addIssue({ code: 'custom', path, message: 'is the swarm itself' });
    }
  });
export type SwarmProfile = z.infer<typeof SwarmProfile>;
