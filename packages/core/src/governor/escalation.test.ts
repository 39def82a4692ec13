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
