import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  MANIFEST_SWARMS_MAX,
  microUsdOfDollars,
  permilleOfShare,
  profileOf,
  profilesOf,
} from './manifest.ts';
import type { ManifestIssue } from './manifest.ts';

/** The swarms of the first manifest, as it was written. */
const FILE = {
  resource_policy: {
    max_swarms_per_task: 3,
    max_cost_per_task: 10.0,
    min_capability_match: 0.7,
    circuit_breaker_failure_threshold: 3,
  },
  swarm_profiles: {
    'session-1-ndi': {
      capabilities: ['integration:ndi', 'docs:technical-writing'],
      cost_per_hour: 2.0,
      budget: 40.0,
    },
    'session-4-sip': {
      capabilities: ['integration:sip', 'code-analysis:python'],
      cost_per_hour: 2.0,
      budget: 40.0,
    },
    'session-7-ifbus': {
      capabilities: ['integration:sip', 'architecture:patterns'],
      cost_per_hour: 15.0,
      budget: 100.0,
    },
  },
};
const ONE = {
  swarm_id: 'session-1-ndi',
  capabilities: ['integration:ndi', 'docs:technical-writing'],
  cost_per_hour: 2.0,
  reputation_score: 0.95,
  budget: 10.0,
  model: 'haiku',
  role: 'support',
  relations: [{ kind: 'elder-of', with: 'session-2-webrtc' }],
};

const issuesOf = (manifest: unknown): readonly ManifestIssue[] => {
  const read = profilesOf(manifest);
  return read.kind === 'refused' ? read.issues : [];
};
const pathsOf = (manifest: unknown): readonly string[] =>
  issuesOf(manifest).map(({ path }) => path.join('.'));

describe('both forms become profiles', () => {
  test('a manifest of one swarm', () => {
    expect(profileOf(ONE)).toEqual({
      kind: 'profile',
      profile: {
        swarmId: 'session-1-ndi',
        capabilities: ['integration:ndi', 'docs:technical-writing'],
        costPerHourMicroUsd: 2_000_000,
        reputationPermille: 950,
        model: 'haiku',
        limitMicroUsd: 10_000_000,
        role: 'support',
        relations: [{ kind: 'elder-of', with: 'session-2-webrtc' }],
      },
    });
  });

  test('a file of several, whose resource policy is somebody else’s to read', () => {
    const read = profilesOf(FILE);
    if (read.kind === 'refused') throw new Error(JSON.stringify(read.issues));
    expect(read.profiles.map(({ swarmId }) => swarmId)).toEqual([
      'session-1-ndi',
      'session-4-sip',
      'session-7-ifbus',
    ]);
    expect(read.profiles[2]).toEqual({
      swarmId: 'session-7-ifbus',
      capabilities: ['integration:sip', 'architecture:patterns'],
      costPerHourMicroUsd: 15_000_000,
      limitMicroUsd: 100_000_000,
    });
    expect(profilesOf(ONE)).toMatchObject({ kind: 'profiles', profiles: [{ model: 'haiku' }] });
  });

  test('only what was written is in the profile', () => {
    const read = profileOf({ swarm_id: 's', capabilities: ['cli:design'], cost_per_hour: -0 });
    expect(read).toEqual({
      kind: 'profile',
      profile: { swarmId: 's', capabilities: ['cli:design'], costPerHourMicroUsd: 0 },
    });
  });

  test('a capability that the realm has defined is as good as a built-in one', () => {
    const manifest = { ...ONE, capabilities: ['integration:ndi', 'studio:lighting'] };
    expect(profileOf(manifest).kind).toBe('refused');
    expect(profileOf(manifest, (id) => id === 'studio:lighting').kind).toBe('profile');
  });
});

describe('what is wrong is refused, and its field is named', () => {
  test.each<readonly [law: string, change: object, path: string, what: string]>([
    ['no id', { swarm_id: undefined }, 'swarm_id', 'is missing'],
    ['an id with a space', { swarm_id: 'session 1' }, 'swarm_id', 'is not a swarm id'],
    ['no capabilities', { capabilities: undefined }, 'capabilities', 'is missing'],
    ['an empty list', { capabilities: [] }, 'capabilities', 'is empty'],
    ['a single word', { capabilities: 'cli:design' }, 'capabilities', 'is not of type array'],
    ['an id twice', { capabilities: ['cli:design', 'cli:design'] }, 'capabilities.1', 'already'],
    ['an unknown one', { capabilities: ['cli:desing'] }, 'capabilities.0', '“cli:desing”'],
    ['no cost', { cost_per_hour: undefined }, 'cost_per_hour', 'is missing'],
    ['a cost as text', { cost_per_hour: '2.00' }, 'cost_per_hour', 'is not of type number'],
    ['a negative cost', { cost_per_hour: -2 }, 'cost_per_hour', 'is negative'],
    ['an endless cost', { cost_per_hour: Infinity }, 'cost_per_hour', 'is not of type number'],
    ['no number', { cost_per_hour: Number.NaN }, 'cost_per_hour', 'is not of type number'],
    ['seven decimals', { cost_per_hour: 0.000_000_1 }, 'cost_per_hour', 'more than 6 decimals'],
    ['more again', { cost_per_hour: 2.000_000_1 }, 'cost_per_hour', 'more than 6 decimals'],
    ['a billion', { budget: 1_000_000_000 }, 'budget', 'is larger'],
    ['a negative budget', { budget: -0.01 }, 'budget', 'is negative'],
    ['a reputation above 1', { reputation_score: 1.001 }, 'reputation_score', 'is larger'],
    ['one below 0', { reputation_score: -0.1 }, 'reputation_score', 'is negative'],
    ['too fine a one', { reputation_score: 0.9505 }, 'reputation_score', 'more than 3 decimals'],
    ['an empty model', { model: '' }, 'model', 'is empty'],
    ['a role of nobody', { role: 'boss' }, 'role', 'none of the allowed values'],
    [
      'a relation of nobody',
      { relations: [{ kind: 'enemy-of', with: 'b' }] },
      'relations.0.kind',
      'none of the allowed values',
    ],
    [
      'a relation with itself',
      {
        relations: [
          { kind: 'friend-of', with: 'b' },
          { kind: 'elder-of', with: 'session-1-ndi' },
        ],
      },
      'relations.1.with',
      'is the swarm itself',
    ],
    ['a field too many', { cost_per_hours: 2 }, 'cost_per_hours', 'is no field here'],
    ['the profile’s own names', { limitMicroUsd: 2 }, 'limitMicroUsd', 'is no field here'],
  ])('%s', (_law, change, path, what) => {
    const issues = issuesOf({ ...ONE, ...change });
    expect(issues.map((issue) => issue.path.join('.'))).toEqual([path]);
    expect(issues[0]?.what).toContain(what);
    expect(issues[0]?.mend).not.toBe('');
  });

  test('in a file, with the swarm', () => {
    const inFile = (id: string, change: object): unknown => ({
      swarm_profiles: { [id]: { ...FILE.swarm_profiles['session-1-ndi'], ...change } },
    });
    expect(pathsOf(inFile('a', { budget: -1 }))).toEqual(['swarm_profiles.a.budget']);
    expect(pathsOf(inFile('a', { capabilities: ['x:y'] }))).toEqual([
      'swarm_profiles.a.capabilities.0',
    ]);
    expect(pathsOf(inFile('a', { relations: [{ kind: 'child-of', with: 'a' }] }))).toEqual([
      'swarm_profiles.a.relations.0.with',
    ]);
    expect(pathsOf(inFile('a', { swarm_id: 'a' }))).toEqual(['swarm_profiles.a.swarm_id']);
    expect(pathsOf(inFile('Session 1', {}))).toEqual(['swarm_profiles.Session 1']);
    expect(pathsOf({ swarm_profiles: {} })).toEqual(['swarm_profiles']);
    expect(pathsOf({ swarm_profiles: [] })).toEqual(['swarm_profiles']);
    expect(pathsOf({ ...FILE, policy: {} })).toEqual(['policy']);
    const many = Object.fromEntries(
      Array.from({ length: MANIFEST_SWARMS_MAX + 1 }, (_, at) => [
        `s${at}`,
        FILE.swarm_profiles['session-1-ndi'],
      ]),
    );
    expect(pathsOf({ swarm_profiles: many })).toEqual(['swarm_profiles']);
  });

  test('every problem at once, and unknown words apart', () => {
    const issues = issuesOf({ ...ONE, budget: -1, reputation_score: 2, modle: 'x' });
    expect(issues.map(({ path }) => path.join('.')).toSorted()).toEqual([
      'budget',
      'modle',
      'reputation_score',
    ]);
    expect(issues.find(({ unknown }) => unknown !== undefined)?.unknown).toEqual({
      kind: 'field',
      word: 'modle',
    });
    expect(issuesOf({ ...ONE, capabilities: ['a:b', 'cli:design', 'c:d'] })).toMatchObject([
      { unknown: { kind: 'capability', word: 'a:b' } },
      { unknown: { kind: 'capability', word: 'c:d' } },
    ]);
  });

  test.each([[undefined], [null], [1], ['x'], [[]], [{}]])('%j is no manifest', (value) => {
    expect(issuesOf(value).length).toBeGreaterThan(0);
  });

  test('no value of JSON makes it throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        profilesOf(one);
        profilesOf({ swarm_profiles: one });
        profilesOf({ swarm_profiles: { a: one } });
        expect(['refused', 'profile']).toContain(profileOf({ ...ONE, budget: other }).kind);
      }),
    );
  });
});

describe('money is exact', () => {
  const amount = fc.integer({ min: 0, max: 999_999_999_999_999 });
  const written = (microUsd: number): string =>
    `${Math.floor(microUsd / 1_000_000)}.${String(microUsd % 1_000_000).padStart(6, '0')}`;

  test('every amount up to a billion dollars comes back to the micro-dollar, as text and as a number', () => {
    fc.assert(
      fc.property(amount, (microUsd) => {
        expect(microUsdOfDollars(written(microUsd))).toBe(microUsd);
        const read = profileOf({ ...ONE, budget: Number(written(microUsd)) });
        expect(read).toMatchObject({ kind: 'profile', profile: { limitMicroUsd: microUsd } });
      }),
      { numRuns: 2_000 },
    );
  });

  test('no digit behind the sixth is ever dropped', () => {
    fc.assert(
      fc.property(amount, fc.integer({ min: 1, max: 9 }), (microUsd, digit) => {
        expect(microUsdOfDollars(`${written(microUsd)}${digit}`)).toBeUndefined();
        expect(microUsdOfDollars(`${written(microUsd)}000`)).toBe(microUsd);
      }),
    );
  });

  test('what sums in binary would make wrong is right', () => {
    expect(microUsdOfDollars('0.1')).toBe(100_000);
    expect(microUsdOfDollars('1.005')).toBe(1_005_000);
    expect(microUsdOfDollars('0.000001')).toBe(1);
    expect(microUsdOfDollars('4.35')).toBe(4_350_000);
    expect(profileOf({ ...ONE, cost_per_hour: 0.000_001 })).toMatchObject({
      profile: { costPerHourMicroUsd: 1 },
    });
  });

  test.each(['', '-1', '+1', '1e3', '.5', '1.', '1,5', '$2', '0x1', ' 1', '1000000000', '1\n'])(
    '“%s” is no amount',
    (text) => {
      expect(microUsdOfDollars(text)).toBeUndefined();
    },
  );

  test('shares are per mille, from none to all', () => {
    for (let permille = 0; permille <= 1_000; permille += 1) {
      expect(permilleOfShare(String(permille / 1_000))).toBe(permille);
    }
    expect(permilleOfShare('1.001')).toBeUndefined();
    expect(permilleOfShare('0.9505')).toBeUndefined();
    expect(permilleOfShare('95 %')).toBeUndefined();
  });
});
