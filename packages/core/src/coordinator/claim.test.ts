/** What is offered to whom, where a command alone does not show it. */
import { openedRealm, type RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';

import { bestReady } from './claim.ts';
import { findTask } from './lease.ts';

const [GO, RUST, CLI, TESTS] = [
  'code-analysis:go',
  'code-analysis:rust',
  'cli:design',
  'cli:testing',
] as const;

/** Ada holds p/a and is blocked; nobody waits, so that its help stands among what is ready. */
const blocked = (): RealmRun => {
  const realm = openedRealm();
  const tasks = [
    { key: 'a', title: 'A' },
    { key: 'b', title: 'B', needs: [GO, RUST, CLI, TESTS] },
    { key: 'c', title: 'C', needs: [GO] },
  ];
  realm.run('plans.submit', { plan: { id: 'p', tasks } });
  realm.run('plans.submit', { plan: { id: 'empty', tasks: [] } });
  realm.run('sessions.open', { agent: 'ada', leasesMax: 2 }, { ids: ['ada'] });
  for (const [id, capabilities] of [
    ['ada2', [GO, RUST, CLI]],
    ['bob', [GO, RUST, CLI]],
    ['eve', [GO]],
    ['zoe', []],
  ] as const)
    realm.run(
      'sessions.open',
      { agent: id === 'ada2' ? 'ada' : id, capabilities: [...capabilities] },
      { ids: [id] },
    );
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  realm.run(
    'blockers.raise',
    { taskId: 'p/a', fence: realm.fenceOf('p/a'), kind: 'other', title: 't', needs: [GO] },
    { ids: ['b1'] },
  );
  return realm;
};

const best = (realm: RealmRun, sessionId: string, planId?: string) => {
  const { coordinator } = realm.world;
  const chosen = bestReady(coordinator, sessionId, planId);
  return chosen === undefined
    ? undefined
    : [coordinator.tasks.ids[chosen.task], chosen.matchPermille];
};

describe('the best ready task of a session', () => {
  test("is help before all else, unless the blocker is its own agent's", () => {
    const realm = blocked();
    expect(best(realm, 'bob')).toStrictEqual(['p/help.b1.1', 1_000]);
    expect(best(realm, 'ada2')).toStrictEqual(['p/c', 1_000]);
  });

  test('says how well the session fits it', () => {
    const realm = blocked();
    for (const taskId of ['p/c', 'p/help.b1.1']) realm.run('tasks.park', { taskId, reason: 'r' });
    expect(best(realm, 'bob')).toStrictEqual(['p/b', 750]);
    expect(best(realm, 'eve')).toBeUndefined();
  });

  test('is none where only help for its own agent is left, as for who can do nothing', () => {
    const realm = blocked();
    for (const taskId of ['p/b', 'p/c']) realm.run('tasks.park', { taskId, reason: 'r' });
    expect([best(realm, 'ada2'), best(realm, 'zoe')]).toStrictEqual([undefined, undefined]);
    expect(best(realm, 'eve')).toStrictEqual(['p/help.b1.1', 1_000]);
  });

  test('is none of another plan, of a paused one, for who is full and for nobody', () => {
    const realm = blocked();
    expect(best(realm, 'bob', 'empty')).toBeUndefined();
    expect(best(realm, 'bob', 'p')).toStrictEqual(['p/help.b1.1', 1_000]);
    expect(best(realm, 'nobody')).toBeUndefined();
    realm.run('tasks.claim', { taskId: 'p/c', sessionId: 'eve' });
    expect(best(realm, 'eve')).toBeUndefined();
    realm.run('plans.pause', { planId: 'p' });
    expect(best(realm, 'bob')).toBeUndefined();
    expect(best(realm, 'bob', 'p')).toBeUndefined();
  });

  test('is the one that tasks.next would give', () => {
    for (const sessionId of ['ada2', 'bob', 'eve', 'zoe']) {
      const realm = blocked();
      const task = bestReady(realm.world.coordinator, sessionId)?.task;
      const decision = realm.run('tasks.next', { sessionId });
      const [event] = decision.kind === 'accept' ? decision.events : [];
      const given = event?.type === 'task.leased' ? event.taskId : undefined;
      const named = given === undefined ? undefined : findTask(realm.world.coordinator, given);
      expect(named).toBe(task);
    }
  });
});
