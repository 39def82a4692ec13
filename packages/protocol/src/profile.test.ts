import { expect, test } from 'vitest';
import { CAPABILITIES_MAX } from './limits.ts';
import { RELATIONS_MAX, RelationKind, SwarmProfile } from './profile.ts';

const PROFILE = {
  swarmId: 'session-1-ndi',
  capabilities: ['integration:ndi', 'docs:technical-writing'],
  costPerHourMicroUsd: 2_000_000,
  reputationPermille: 950,
  model: 'haiku',
  limitMicroUsd: 40_000_000,
  role: 'worker',
  relations: [{ kind: 'minister-of', with: 'session-4-sip' }],
};

const refusedAt = (change: object): readonly string[] => {
  const parsed = SwarmProfile.safeParse({ ...PROFILE, ...change });
  const paths = parsed.error?.issues.map(({ path }) => path.join('.'));
  return [...new Set(paths)];
};

test('a profile has all its fields, or only the three that it needs', () => {
  expect(SwarmProfile.parse(PROFILE)).toEqual(PROFILE);
  const least = { swarmId: 's', capabilities: ['a:b'], costPerHourMicroUsd: 0 };
  expect(SwarmProfile.parse(least)).toEqual(least);
});

test('the seven kinds of the five relations are kinds', () => {
  expect(RelationKind.options).toHaveLength(7);
  for (const kind of RelationKind.options) {
    expect(refusedAt({ relations: [{ kind, with: 'other' }] })).toEqual([]);
  }
});

test.each<readonly [law: string, change: object, path: string]>([
  ['no swarm id', { swarmId: 'Session 1' }, 'swarmId'],
  ['no capability', { capabilities: [] }, 'capabilities'],
  ['a capability twice', { capabilities: ['a:b', 'c:d', 'a:b'] }, 'capabilities.2'],
  ['a capability that is no id', { capabilities: ['a:b', 'A B'] }, 'capabilities.1'],
  [
    'too many capabilities',
    { capabilities: Array.from({ length: CAPABILITIES_MAX + 1 }, (_, at) => `a:b${at}`) },
    'capabilities',
  ],
  ['negative money', { costPerHourMicroUsd: -1 }, 'costPerHourMicroUsd'],
  ['a fraction of a micro-dollar', { costPerHourMicroUsd: 0.5 }, 'costPerHourMicroUsd'],
  ['a negative limit', { limitMicroUsd: -1 }, 'limitMicroUsd'],
  ['money that no integer holds', { limitMicroUsd: 2 ** 53 }, 'limitMicroUsd'],
  ['a reputation above all', { reputationPermille: 1_001 }, 'reputationPermille'],
  ['a reputation below none', { reputationPermille: -1 }, 'reputationPermille'],
  ['a reputation as a share', { reputationPermille: 0.95 }, 'reputationPermille'],
  ['an empty model', { model: '' }, 'model'],
  ['a model as long as a text', { model: 'm'.repeat(101) }, 'model'],
  ['an unknown role', { role: 'emperor' }, 'role'],
  ['an unknown relation', { relations: [{ kind: 'foe-of', with: 'b' }] }, 'relations.0.kind'],
  ['a relation with nobody', { relations: [{ kind: 'friend-of' }] }, 'relations.0.with'],
  [
    'a relation with itself',
    { relations: [{ kind: 'friend-of', with: 'session-1-ndi' }] },
    'relations.0.with',
  ],
  [
    'a relation twice',
    {
      relations: [
        { kind: 'friend-of', with: 'b' },
        { kind: 'elder-of', with: 'b' },
        { kind: 'friend-of', with: 'b' },
      ],
    },
    'relations.2',
  ],
  [
    'too many relations',
    {
      relations: Array.from({ length: RELATIONS_MAX + 1 }, (_, at) => ({
        kind: 'friend-of',
        with: `s${at}`,
      })),
    },
    'relations',
  ],
  ['a field of another format', { swarm_id: 'x' }, ''],
])('%s is refused, and its field is named', (_law, change, path) => {
  expect(refusedAt(change)).toEqual([path]);
});
