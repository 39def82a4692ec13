import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import type { Decision, Entry } from '../index.ts';
import { escalationIdOf, foldAcknowledged, foldRaised, raised } from './escalation.ts';
import { createGovernor, ESCALATIONS_KEPT_MAX } from './state.ts';

const what = { kind: 'breaker', severity: 'high', subject: 's', summary: 'it is stopped' } as const;

/** A realm in which a breaker was tripped: `esc_2` is open. */
const begun = (): RealmRun => {
  const realm = openedRealm();
  realm.run('swarms.register', {
    profile: { swarmId: 's', capabilities: ['cli:design'], costPerHourMicroUsd: 0 },
  });
  realm.at = 3;
  realm.run('breakers.trip', { swarmId: 's', reason: 'r' });
  return realm;
};

const acknowledge = (realm: RealmRun, escalationId: string, more: object = {}): Decision =>
  realm.submit({
    op: 'escalations.acknowledge',
    args: { escalationId, ...more },
    principal: 'olga',
  });

describe('an escalation', () => {
  test('is named for its entry, and for its place there after the first', () => {
    expect([0, 1, 2].map((n) => escalationIdOf(7, n))).toStrictEqual([
      'esc_7',
      'esc_7.1',
      'esc_7.2',
    ]);
    const realm = begun();
    expect([...realm.world.governor.escalations]).toMatchObject([
      ['esc_2', { id: 'esc_2', index: 2, raisedAt: 3, kind: 'breaker', subject: 's' }],
    ]);
    expect(realm.world.governor.openEscalations).toBe(1);
  });

  test('is acknowledged once; the second time changes nothing', () => {
    const realm = begun();
    expect(acknowledge(realm, 'esc_2', { note: 'seen' })).toMatchObject({
      events: [
        { by: 'olga', escalationId: 'esc_2', note: 'seen', type: 'escalation.acknowledged' },
      ],
    });
    expect(acknowledge(realm, 'esc_2')).toStrictEqual({ kind: 'unchanged' });
    expect(realm.world.governor.escalations.get('esc_2')?.acknowledged).toStrictEqual({
      by: 'olga',
      note: 'seen',
    });
    expect(realm.world.governor.openEscalations).toBe(0);
  });

  test('without a note none is kept', () => {
    const realm = begun();
    expect(acknowledge(realm, 'esc_2')).toStrictEqual({
      kind: 'accept',
      events: [{ by: 'olga', escalationId: 'esc_2', type: 'escalation.acknowledged' }],
    });
    expect(realm.world.governor.escalations.get('esc_2')?.acknowledged).toStrictEqual({
      by: 'olga',
    });
  });

  test('that there is not is refused', () => {
    expect(acknowledge(begun(), 'esc_9')).toMatchObject({
      code: 'escalation.not_found',
      facts: { escalationId: 'esc_9' },
    });
  });

  test('is cut to fit what people may write', () => {
    expect(raised('esc_1', { ...what, summary: 'x'.repeat(600) }).summary).toHaveLength(500);
  });
});

test('of those that were seen the newest are kept, and of the others all', () => {
  const state = createGovernor();
  const see = (n: number): void =>
    foldAcknowledged(state, {
      by: 'olga',
      escalationId: `esc_${n}`,
      type: 'escalation.acknowledged',
    });
  const count = ESCALATIONS_KEPT_MAX + 3;
  for (let n = 0; n < count; n += 1) {
    const entry = { at: n, index: n } as Entry;
    foldRaised(state, raised(escalationIdOf(n, 0), what), entry);
    // The first stays open.
    if (n > 0) see(n);
  }
  expect(state.openEscalations).toBe(1);
  expect([...state.escalations.keys()].slice(0, 3)).toStrictEqual(['esc_0', 'esc_3', 'esc_4']);
  expect(state.escalations.size).toBe(ESCALATIONS_KEPT_MAX + 1);
  see(0);
  expect([...state.escalations.keys()].slice(0, 2)).toStrictEqual(['esc_3', 'esc_4']);
  expect(() => see(99_999_999)).toThrow('an event of no escalation');
});

describe('what is over needs nobody to see it any more', () => {
  const acknowledged = ({ world }: RealmRun) =>
    [...world.governor.escalations.values()].map(({ subject, acknowledged: by }) => [subject, by]);

  test('a swarm that was reset, by whoever reset it and for their reason', () => {
    const realm = begun();
    realm.run('breakers.reset', { swarmId: 's', reason: 'fixed' }, { principal: 'olga' });
    expect(acknowledged(realm)).toStrictEqual([['s', { by: 'olga', note: 'fixed' }]]);
    expect(realm.world.governor.openEscalations).toBe(0);
    // The next trip is told of anew.
    realm.run('breakers.trip', { swarmId: 's', reason: 'again' });
    expect(realm.world.governor.openEscalations).toBe(1);
  });

  test('a blocker that is resolved, and an account that has a new limit; nothing else', () => {
    const realm = begun();
    realm.run('sessions.open', { agent: 'ada' }, { ids: ['ada'] });
    realm.run('plans.submit', {
      plan: { id: 'p', tasks: [{ key: 'a', title: 'A' }], budget: { limitMicroUsd: 5 } },
    });
    realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
    const fence = realm.fenceOf('p/a');
    realm.run('usage.record', { taskId: 'p/a', fence, microUsd: 5 });
    realm.run(
      'blockers.raise',
      { taskId: 'p/a', fence, kind: 'other', title: 't', needs: ['integration:sip'] },
      { ids: ['b1'] },
    );
    expect(realm.world.governor.openEscalations).toBe(3);
    realm.run('budgets.set', { account: 'plan:p', limitMicroUsd: 9 }, { principal: 'paul' });
    realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'gone' }, { principal: 'quin' });
    expect(acknowledged(realm)).toStrictEqual([
      ['s', undefined],
      ['plan:p', { by: 'paul', note: 'it has a new limit' }],
      ['b1', { by: 'quin', note: 'the blocker is resolved' }],
    ]);
    expect(realm.world.governor.openOf).toStrictEqual(new Map([['s', new Set(['esc_2'])]]));
  });
});
