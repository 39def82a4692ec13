import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openedRealm, type RealmRun } from '@infrafabric/testkit';
import type { TaskId, WhyNot } from '@infrafabric/protocol';
import { explainTask } from '../index.ts';
import { explain } from './why.ts';

// People and agents read why a task does not run, and act on it: every sentence is held word for word.

const lint = { name: 'lint', run: { shell: 'true' } };

/** A plan in which each task is held back by something else. */
const begun = (): RealmRun => {
  const realm = openedRealm();
  const phases = [
    {
      id: 'one',
      gate: { approvals: 3, checks: [lint, { ...lint, name: 'types' }, { ...lint, name: 'unit' }] },
    },
    { id: 'two' },
    { id: 'free', after: [] },
    { id: 'joint', after: ['one', 'two', 'free'] },
    { id: 'own', after: ['free'], autonomous: true },
    { id: 'late', after: ['own'] },
  ];
  const tasks = [
    { key: 'one', title: 'T', phase: 'one' },
    { key: 'two', title: 'T', phase: 'two' },
    { key: 'joint', title: 'T', phase: 'joint' },
    { key: 'own', title: 'T', phase: 'own' },
    { key: 'late', title: 'T', phase: 'late' },
    { key: 'leased', title: 'T', owns: ['src', 'docs'] },
    { key: 'cancelled', title: 'T' },
    { key: 'parked', title: 'T' },
    { key: 'done', title: 'T' },
    { key: 'submitted', title: 'T', gates: [lint] },
    { key: 'waits', title: 'T', dependsOn: ['leased', 'done', 'cancelled', 'one', 'submitted'] },
    { key: 'beside', title: 'T', owns: ['src/x'], dependsOn: ['done'] },
    { key: 'elsewhere', title: 'T', owns: ['src/x'], repo: 'other', needs: ['lang=go', 'gpu'] },
    { key: 'blocked', title: 'T', owns: [] },
    { key: 'able', title: 'T', needs: ['rust'] },
  ];
  realm.run('plans.submit', { plan: { id: 'p', phases, tasks } });
  const open = (agent: string, leasesMax: number, ...capabilities: readonly string[]) =>
    realm.run(
      'sessions.open',
      { agent, leasesMax, capabilities: [...capabilities] },
      { ids: [agent] },
    );
  open('ada', 9, 'rust');
  open('bob', 1);
  open('eve', 1, 'rust', 'gpu', 'lang=go');
  realm.run('sessions.close', { sessionId: 'eve' });
  realm.at = 20_000;
  const claim = (key: string, sessionId = 'ada') =>
    realm.run('tasks.claim', { taskId: `p/${key}`, sessionId, leaseMs: 30_000 });
  for (const key of ['leased', 'done', 'submitted']) claim(key);
  claim('blocked', 'bob');
  const held = (key: string) => ({ taskId: `p/${key}`, fence: realm.fenceOf(`p/${key}`) });
  realm.run('tasks.complete', held('done'));
  realm.run('tasks.complete', held('submitted'));
  realm.run('tasks.cancel', { taskId: 'p/cancelled', reason: 'not wanted' });
  realm.run('tasks.park', { taskId: 'p/parked', reason: 'too hard' });
  const blocker = { kind: 'question' as const, title: 'Which one?' };
  realm.run('blockers.raise', { ...held('leased'), ...blocker }, { ids: ['b1'] });
  realm.run(
    'blockers.raise',
    { ...held('blocked'), ...blocker, waitsOn: 'p/one' },
    { ids: ['b2'] },
  );
  realm.run('blockers.raise', { ...held('blocked'), ...blocker, release: true }, { ids: ['b3'] });
  realm.run('phases.check', { planId: 'p', phase: 'one', result: { name: 'types', ok: true } });
  realm.run('phases.check', { planId: 'p', phase: 'one', result: { name: 'unit', ok: false } });
  realm.run('phases.approve', { planId: 'p', phase: 'one' }, { principal: 'ops' });
  return realm;
};

const why = (realm: RealmRun, taskId: string): readonly WhyNot[] => {
  const answer = explainTask(realm.world, { taskId: taskId as TaskId });
  if ('kind' in answer) throw new Error(answer.detail);
  return answer.reasons;
};

const allOf = (realm: RealmRun): string =>
  realm.world.coordinator.tasks.ids
    .map(
      (id) => `${[id, ...why(realm, id).map((reason) => JSON.stringify(reason))].join('\n  ')}\n`,
    )
    .join('');

const AFTERWARDS: Readonly<Record<string, (realm: RealmRun) => unknown>> = {
  'as it is': () => undefined,
  'when what it waits on was cancelled, and the plan is paused': (realm) => {
    realm.run('tasks.cancel', { taskId: 'p/one', reason: 'no' });
    realm.run('plans.pause', { planId: 'p' });
  },
  'when everybody is busy': (realm) => {
    realm.run('sessions.open', { agent: 'sam', capabilities: ['rust'] }, { ids: ['sam'] });
    for (const sessionId of ['bob', 'sam']) realm.run('tasks.next', { sessionId });
    const more = Array.from({ length: 9 }, (_, i) => ({ key: `m${i}`, title: 'M' }));
    realm.run('plans.edit', { planId: 'p', add: more });
    realm.run('tasks.next', { sessionId: 'ada', count: 20 });
    realm.run('plans.edit', { planId: 'p', add: [{ key: 'k', title: 'K', needs: ['rust'] }] });
  },
  'when nobody is there': (realm) => {
    for (const sessionId of ['ada', 'bob']) realm.run('sessions.close', { sessionId });
    // The slot of a session that was forgotten.
    realm.world.coordinator.slots.push(undefined);
  },
  'when one phase passed and another was opened': (realm) => {
    for (const name of ['lint', 'unit'])
      realm.run('phases.check', { planId: 'p', phase: 'one', result: { name, ok: true } });
    for (const principal of ['sec', 'law'])
      realm.run('phases.approve', { planId: 'p', phase: 'one' }, { principal });
    realm.run('tasks.cancel', { taskId: 'p/one', reason: 'no' });
    realm.run('phases.approve', { planId: 'p', phase: 'own' });
  },
};

describe('why a task does not run', () => {
  test('is said of every task, word for word', async () => {
    const parts = Object.entries(AFTERWARDS).map(([name, act]) => {
      const realm = begun();
      act(realm);
      return `== ${name}\n${allOf(realm)}`;
    });
    await expect(parts.join('\n')).toMatchFileSnapshot(join(import.meta.dirname, 'why.txt'));
  });

  test('twenty reasons of one kind are listed, and of dependencies the others are counted', () => {
    const realm = openedRealm();
    const many = Array.from({ length: 22 }, (_, i) => ({
      key: `k${i}`,
      title: 'K',
      owns: [`src/${i}`],
    }));
    const last = { key: 'last', title: 'L', owns: ['src'], dependsOn: many.map(({ key }) => key) };
    realm.run('plans.submit', { plan: { id: 'p', tasks: [...many, last] } });
    realm.run('sessions.open', { agent: 'ada', leasesMax: 30 }, { ids: ['ada'] });
    realm.run('tasks.next', { sessionId: 'ada', count: 21 });
    const held = { taskId: 'p/k0', fence: realm.fenceOf('p/k0') };
    for (let i = 0; i < 21; i += 1)
      realm.run('blockers.raise', { ...held, kind: 'other', title: 't' }, { ids: [`b${i}`] });
    const reasons = why(realm, 'p/last');
    const codes = (code: string) => reasons.filter((reason) => reason.code === code);
    expect([codes('path').length, codes('dependency').length]).toStrictEqual([20, 21]);
    expect(codes('dependency').at(-1)).toStrictEqual({
      code: 'dependency',
      text: 'it depends on 2 other unfinished tasks',
    });
    expect(why(realm, 'p/k0').filter(({ code }) => code === 'blocked')).toHaveLength(20);
    const exact = { key: 'exact', title: 'E', dependsOn: many.slice(0, 20).map(({ key }) => key) };
    const more = { key: 'more', title: 'M', dependsOn: many.slice(0, 21).map(({ key }) => key) };
    realm.run('plans.edit', { planId: 'p', add: [exact, more] });
    expect(why(realm, 'p/exact')).toHaveLength(20);
    expect(why(realm, 'p/more').at(-1)?.text).toBe('it depends on 1 other unfinished task');
  });

  test('a lease ends when the renewal that is known of lasted its length, to the millisecond', () => {
    const { coordinator } = begun().world;
    const at = coordinator.tasks.ids.indexOf('p/leased');
    const until = (renewedAt?: (task: number) => number | undefined) =>
      explain(coordinator, at, renewedAt)[0]?.until;
    expect(until((task) => (task === at ? 41_000 : 7))).toBe(71_000);
    expect([until(), until(() => undefined)]).toStrictEqual([undefined, undefined]);
  });
});
