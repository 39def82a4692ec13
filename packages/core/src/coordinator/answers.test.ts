import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openedRealm, type RealmRun } from '@infrafabric/testkit';
import type { Decision, Fence } from '../index.ts';

// Agents read the sentence of a refusal and the values beside it, and act on them; followers read every field of an
// event. So both are held here word for word: a changed line is a change that they will see.

type Call = (realm: RealmRun) => Decision;

const lint = { name: 'lint', run: { shell: 'true' } };
const lost: Fence = { epoch: 1, holder: 'ada', n: 9 };

/** Ada holds p/a; the other tasks are each in another state. */
const begun = (): RealmRun => {
  const realm = openedRealm();
  const tasks = [
    { key: 'a', title: 'A' },
    { key: 'b', title: 'B' },
    { key: 'g', title: 'G', gates: [lint, { ...lint, name: 'types' }] },
    { key: 'n', title: 'N', needs: ['gpu', 'lang=go'] },
    { key: 'o', title: 'O', expects: ['diff' as const, 'artifact' as const] },
    { key: 'w', title: 'W', dependsOn: ['a', 'b'] },
    { key: 'done', title: 'Done' },
    { key: 'cancelled', title: 'Cancelled' },
    { key: 'parked', title: 'Parked' },
  ];
  realm.run('plans.submit', { plan: { id: 'p', tasks } });
  realm.run('plans.submit', { plan: { id: 'q', tasks: [{ key: 'x', title: 'X' }] } });
  realm.run('plans.pause', { planId: 'q' });
  for (const agent of ['ada', 'bob', 'eve', 'sam']) {
    realm.run('sessions.open', { agent, leasesMax: agent === 'sam' ? 8 : 1 }, { ids: [agent] });
  }
  realm.run('tasks.claim', { taskId: 'p/done', sessionId: 'bob' });
  realm.run('tasks.complete', { taskId: 'p/done', fence: realm.fenceOf('p/done') });
  realm.run('tasks.cancel', { taskId: 'p/cancelled', reason: 'not wanted' });
  realm.run('tasks.park', { taskId: 'p/parked', reason: 'too hard' });
  realm.run('sessions.close', { sessionId: 'eve', reason: 'went home' });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  for (const key of ['g', 'o']) realm.run('tasks.claim', { taskId: `p/${key}`, sessionId: 'sam' });
  return realm;
};

const held = (realm: RealmRun, taskId: string) => ({ taskId, fence: realm.fenceOf(taskId) });

const CALLS: Readonly<Record<string, Call>> = {
  'claim of no task': (r) => r.run('tasks.claim', { taskId: 'p/z', sessionId: 'bob' }),
  'claim by no session': (r) => r.run('tasks.claim', { taskId: 'p/b', sessionId: 'zed' }),
  'claim by a session that ended': (r) => r.run('tasks.claim', { taskId: 'p/b', sessionId: 'eve' }),
  'claim by a full session': (r) => r.run('tasks.claim', { taskId: 'p/b', sessionId: 'ada' }),
  'claim of a leased task': (r) => r.run('tasks.claim', { taskId: 'p/a', sessionId: 'bob' }),
  'claim of a done task': (r) => r.run('tasks.claim', { taskId: 'p/done', sessionId: 'bob' }),
  'claim of a cancelled task': (r) =>
    r.run('tasks.claim', { taskId: 'p/cancelled', sessionId: 'bob' }),
  'claim of a parked task': (r) => r.run('tasks.claim', { taskId: 'p/parked', sessionId: 'bob' }),
  'claim of a waiting task': (r) => r.run('tasks.claim', { taskId: 'p/w', sessionId: 'bob' }),
  'claim of a suspended task': (r) => r.run('tasks.claim', { taskId: 'q/x', sessionId: 'bob' }),
  'claim without the capabilities': (r) =>
    r.run('tasks.claim', { taskId: 'p/n', sessionId: 'bob' }),
  'claim of a ready task': (r) => r.run('tasks.claim', { taskId: 'p/b', sessionId: 'bob' }),
  'next of no plan': (r) => r.run('tasks.next', { sessionId: 'bob', planId: 'z' }),
  'progress with everything': (r) =>
    r.run('tasks.progress', { ...held(r, 'p/a'), note: 'half', percent: 50, evidence: 'commit' }),
  'progress with nothing': (r) => r.run('tasks.progress', held(r, 'p/a')),
  'progress under a lease that ended': (r) =>
    r.run('tasks.progress', { taskId: 'p/a', fence: lost }),
  'progress of a task that nobody holds': (r) =>
    r.run('tasks.progress', { taskId: 'p/b', fence: lost }),
  'progress with the token of another': (r) =>
    r.run('tasks.progress', held(r, 'p/a'), { session: 'bob' }),
  'release with a reason': (r) => r.run('tasks.release', { ...held(r, 'p/a'), reason: 'lunch' }),
  'release without one': (r) => r.run('tasks.release', held(r, 'p/a')),
  'completion with a bad exit code': (r) =>
    r.run('tasks.complete', { ...held(r, 'p/a'), evidence: { exitCode: 3 } }),
  'completion without the diff': (r) => r.run('tasks.complete', held(r, 'p/o')),
  'completion without the artifact': (r) =>
    r.run('tasks.complete', {
      ...held(r, 'p/o'),
      evidence: { diff: { filesChanged: 1, insertions: 2, deletions: 0 } },
    }),
  'completion with a diff that changes nothing': (r) =>
    r.run('tasks.complete', {
      ...held(r, 'p/o'),
      evidence: { diff: { filesChanged: 0, insertions: 0, deletions: 0 }, artifacts: [] },
    }),
  'next by a full session': (r) => r.run('tasks.next', { sessionId: 'ada' }),
  'next of one plan': (r) => r.run('tasks.next', { sessionId: 'bob', planId: 'p' }),
  'next of a paused plan': (r) => r.run('tasks.next', { sessionId: 'bob', planId: 'q' }),
  'park of a ready task': (r) => r.run('tasks.park', { taskId: 'p/b', reason: 'r' }),
  unpark: (r) => r.run('tasks.unpark', { taskId: 'p/parked' }),
  'cancel of a leased task': (r) => r.run('tasks.cancel', { taskId: 'p/a', reason: 'r' }),
  'completion that asks for more': (r) =>
    r.run('tasks.complete', { ...held(r, 'p/a'), next: true }),
  'completion that waits for a verdict, and asks for more': (r) =>
    r.run('tasks.complete', { ...held(r, 'p/g'), next: true }),
  'failure that may be tried again': (r) =>
    r.run('tasks.fail', { ...held(r, 'p/a'), reason: 'no disk' }),
  'failure for good': (r) =>
    r.run('tasks.fail', { ...held(r, 'p/a'), reason: 'no disk', retry: false }),
  'verdict about a task that waits for none': (r) =>
    r.run('tasks.judge', { taskId: 'p/a', verdict: 'accept' }),
  'verdict before the gates': (r) => {
    r.run('tasks.complete', held(r, 'p/g'));
    return r.run('tasks.judge', { taskId: 'p/g', verdict: 'accept' });
  },
  'verdict without a gate': (r) => {
    r.run('tasks.complete', held(r, 'p/g'));
    const gates = [{ name: 'lint', ok: true }];
    return r.run('tasks.judge', { taskId: 'p/g', verdict: 'accept', gates });
  },
  'verdict with a gate that failed': (r) => {
    r.run('tasks.complete', held(r, 'p/g'));
    const gates = [
      { name: 'lint', ok: true },
      { name: 'lint', ok: false },
    ];
    return r.run('tasks.judge', { taskId: 'p/g', verdict: 'accept', gates });
  },
  'verdict with all gates': (r) => {
    r.run('tasks.complete', held(r, 'p/g'));
    const gates = ['lint', 'types'].map((name) => ({ name, ok: true }));
    return r.run('tasks.judge', { taskId: 'p/g', verdict: 'accept', gates });
  },
  'verdict that sends back': (r) => {
    r.run('tasks.complete', held(r, 'p/g'));
    return r.run('tasks.judge', { taskId: 'p/g', verdict: 'reject', reason: 'no tests' });
  },
  'cancel of a done task': (r) => r.run('tasks.cancel', { taskId: 'p/done', reason: 'r' }),
  'cancel of a cancelled task': (r) =>
    r.run('tasks.cancel', { taskId: 'p/cancelled', reason: 'r' }),
  'park of a done task': (r) => r.run('tasks.park', { taskId: 'p/done', reason: 'r' }),
  'park of a parked task': (r) => r.run('tasks.park', { taskId: 'p/parked', reason: 'r' }),
  'unpark of a task that is not parked': (r) => r.run('tasks.unpark', { taskId: 'p/a' }),
  'expiry of no lease': (r) => r.run('leases.expire', { taskId: 'p/b', fence: 1, renewedAt: 0 }),
  'expiry of another lease': (r) =>
    r.run('leases.expire', { taskId: 'p/a', fence: 7, renewedAt: 0 }),
  'expiry too early': (r) => r.run('leases.expire', { taskId: 'p/a', fence: 1, renewedAt: 0 }),
  'expiry in time': (r) => {
    r.at = 10_000_000;
    return r.run('leases.expire', { taskId: 'p/a', fence: 1, renewedAt: 0 });
  },
  'expiry of a session too early': (r) => r.run('sessions.expire', { sessionId: 'ada', seenAt: 0 }),
};

describe('answers', () => {
  test('each is what is written, word for word', async () => {
    const lines = Object.entries(CALLS).map(
      ([name, call]) => `${name}\n  ${JSON.stringify(call(begun()))}\n`,
    );
    await expect(lines.join('')).toMatchFileSnapshot(join(import.meta.dirname, 'answers.txt'));
  });
});
