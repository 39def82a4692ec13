import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openedRealm, type PlainArgs, type RealmRun } from '@infrafabric/testkit';
import type { Decision } from '../index.ts';
import { BLOCKERS_OPEN_MAX } from './blocker.ts';

// What agents are told about blockers, word for word, and what may wait for what.

type Call = (realm: RealmRun) => Decision;

/** Ada holds p/a and raised b1 on it, bob holds p/b; `old` came finished and says that it depends on p/a. */
const begun = (): RealmRun => {
  const realm = openedRealm();
  const task = (key: string, ...dependsOn: readonly string[]) => ({
    key,
    title: key,
    ...(dependsOn.length === 0 ? {} : { dependsOn: [...dependsOn] }),
  });
  const tasks = [
    task('a'),
    task('b'),
    task('c', 'b'),
    task('d', 'c'),
    task('done'),
    task('cancelled'),
    { ...task('old', 'a'), imported: { done: true, status: 'closed' } },
    task('new', 'old'),
    task('last', 'a', 'd'),
  ];
  realm.run('plans.submit', { plan: { id: 'p', tasks } });
  for (const agent of ['ada', 'bob', 'eve'])
    realm.run('sessions.open', { agent }, { ids: [agent] });
  realm.run('tasks.claim', { taskId: 'p/done', sessionId: 'ada' });
  realm.run('tasks.complete', { taskId: 'p/done', fence: realm.fenceOf('p/done') });
  realm.run('tasks.cancel', { taskId: 'p/cancelled', reason: 'no' });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'bob' });
  raise(realm, { title: 'Which one?' }, ['b1']);
  return realm;
};

const raise = (
  realm: RealmRun,
  more: Partial<PlainArgs<'blockers.raise'>>,
  ids: readonly string[] = ['b2'],
): Decision => {
  const taskId = more.taskId ?? 'p/a';
  const held = { taskId, fence: realm.fenceOf(taskId) };
  return realm.run('blockers.raise', { ...held, kind: 'question', title: 't', ...more }, { ids });
};

const waits = (waitsOn: string): Call => {
  return (realm) => raise(realm, { waitsOn });
};

const resolve = (sessionId?: string): Call => {
  const by = sessionId === undefined ? {} : { sessionId };
  return (realm) =>
    realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'the second', ...by });
};

const joined = (more: object = {}): Call => {
  return (realm) => realm.run('blockers.join', { blockerId: 'b1', sessionId: 'bob', ...more });
};

const CALLS: Readonly<Record<string, Call>> = {
  'raised with everything': (realm) =>
    raise(realm, {
      needs: ['code-analysis:rust', 'code-analysis:go', 'code-analysis:rust'],
      waitsOn: 'p/b',
      release: true,
      quorum: 2,
      escalateAfterMs: 60_000,
    }),
  'raised with a need that nobody knows': (realm) =>
    raise(realm, { needs: ['code-analysis:rust', 'gpu:two', 'gpu:one'] }),
  'raised with a need that only its own holder has': (realm) => {
    realm.run('sessions.open', { agent: 'zoe', capabilities: ['gpu:one'] }, { ids: ['zoe'] });
    realm.run('plans.edit', { planId: 'p', add: [{ key: 'z', title: 'z' }] });
    realm.run('tasks.claim', { taskId: 'p/z', sessionId: 'zoe' });
    return raise(realm, { taskId: 'p/z', needs: ['gpu:one'] });
  },
  'raised with nothing': (realm) => raise(realm, { release: false }),
  'raised beside too many': (realm) => {
    for (let i = 1; i < BLOCKERS_OPEN_MAX; i += 1) raise(realm, {}, [`more${i}`]);
    return raise(realm, {});
  },
  'waiting on no task': waits('p/z'),
  'waiting on itself': waits('p/a'),
  'waiting on a done task': waits('p/done'),
  'waiting on a cancelled task': waits('p/cancelled'),
  'waiting on a task that waits for it': waits('p/last'),
  'waiting on a task that waits for a task which waits for it': (realm) => {
    raise(realm, { taskId: 'p/b', waitsOn: 'p/a' });
    return raise(realm, { waitsOn: 'p/d' }, ['b3']);
  },
  'waiting on a task whose second blocker waits for it': (realm) => {
    raise(realm, { taskId: 'p/b' });
    raise(realm, { taskId: 'p/b', waitsOn: 'p/a' }, ['b3']);
    return raise(realm, { waitsOn: 'p/b' }, ['b4']);
  },
  'waiting on a task that waits for another': waits('p/d'),
  'waiting behind a finished task that once depended on it': waits('p/new'),
  'a second one that waits on another task': (realm) => {
    raise(realm, { waitsOn: 'p/b' });
    return raise(realm, { waitsOn: 'p/c' }, ['b3']);
  },
  'joined with a note': joined({ note: 'I know' }),
  'joined without one': joined(),
  'joined twice': (realm) => {
    joined()(realm);
    return joined({ note: 'again' })(realm);
  },
  'joined where there is none': joined({ blockerId: 'b9' }),
  'joined by no session': joined({ sessionId: 'zed' }),
  'joined when it is resolved': (realm) => {
    resolve()(realm);
    return joined()(realm);
  },
  'resolved by who raised it': resolve('ada'),
  'resolved by an operator': resolve(),
  'resolved by who joined it': (realm) => {
    joined()(realm);
    return resolve('bob')(realm);
  },
  'resolved by one of two who are needed': (realm) => {
    raise(realm, { quorum: 2 });
    realm.run('blockers.join', { blockerId: 'b2', sessionId: 'bob' });
    return realm.run('blockers.resolve', { blockerId: 'b2', sessionId: 'bob', resolution: 'r' });
  },
  'resolved by the same one again': (realm) => {
    raise(realm, { quorum: 2 });
    realm.run('blockers.join', { blockerId: 'b2', sessionId: 'bob' });
    const by = { blockerId: 'b2', sessionId: 'bob', resolution: 'r' };
    realm.run('blockers.resolve', by);
    return realm.run('blockers.resolve', by);
  },
  'resolved by the second of two who are needed': (realm) => {
    raise(realm, { quorum: 2 });
    for (const sessionId of ['bob', 'eve'])
      realm.run('blockers.join', { blockerId: 'b2', sessionId });
    const by = { blockerId: 'b2', resolution: 'r' };
    realm.run('blockers.resolve', by, { session: 'bob' });
    return realm.run('blockers.resolve', by, { session: 'eve' });
  },
  'escalated before its time': (realm) => {
    realm.at = 899_999;
    return realm.run('blockers.escalate', { blockerId: 'b1' });
  },
  'escalated in its time': (realm) => {
    realm.at = 900_000;
    return realm.run('blockers.escalate', { blockerId: 'b1' });
  },
  'escalated with what it needs': (realm) => {
    raise(realm, { needs: ['code-analysis:go'] });
    realm.at = 900_000;
    return realm.run('blockers.escalate', { blockerId: 'b2' });
  },
  'escalated twice': (realm) => {
    realm.at = 900_000;
    realm.run('blockers.escalate', { blockerId: 'b1' });
    return realm.run('blockers.escalate', { blockerId: 'b1' });
  },
  'escalated where there is none': (realm) => realm.run('blockers.escalate', { blockerId: 'b9' }),
  'escalated when it is resolved': (realm) => {
    resolve()(realm);
    realm.at = 900_000;
    return realm.run('blockers.escalate', { blockerId: 'b1' });
  },
  'resolved by a stranger': resolve('eve'),
  'resolved with the credential of a stranger': (realm) =>
    realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'r' }, { session: 'eve' }),
  'resolved by no session': resolve('zed'),
  'resolved where there is none': (realm) =>
    realm.run('blockers.resolve', { blockerId: 'b9', resolution: 'r' }),
  'resolved twice': (realm) => {
    resolve('ada')(realm);
    return resolve('ada')(realm);
  },
};

describe('blockers', () => {
  test('each answer is what is written, word for word', async () => {
    const lines = Object.entries(CALLS).map(
      ([name, call]) => `${name}\n  ${JSON.stringify(call(begun()))}\n`,
    );
    await expect(lines.join('')).toMatchFileSnapshot(join(import.meta.dirname, 'blocker.txt'));
  });

  test('one without an id is a defect of the engine', () => {
    expect(() => raise(begun(), {}, [])).toThrow('a blocker is raised without an id');
  });
});
