import { describe, expect, test } from 'vitest';
import { ERRORS, findOperation } from '@infrafabric/protocol';
import { openedRealm, type RealmRun } from '@infrafabric/testkit';
import type { Decision, Fence, WriteName } from '../index.ts';
import { whyStale } from '../queries.ts';
import { BLOCKERS_OPEN_MAX } from './blocker.ts';
import { REFUSAL_WINDOW_MS, REFUSALS_PER_WINDOW_MAX } from './fold-task.ts';

const FENCE: Fence = { epoch: 1, holder: 'ada', n: 1 };

/** A plan with a held task, a free one and a phase; two sessions, and one that has ended. */
const begun = (): RealmRun => {
  const realm = openedRealm();
  const tasks = [
    { key: 'a', title: 'A' },
    { key: 'b', title: 'B' },
    { key: 'g', title: 'G', gates: [{ name: 'lint', run: { shell: 'true' } }] },
  ];
  realm.run('plans.submit', { plan: { id: 'p', tasks, phases: [{ id: 'one' }] } });
  for (const agent of ['ada', 'bob', 'eve'])
    realm.run('sessions.open', { agent }, { ids: [agent] });
  realm.run('sessions.close', { sessionId: 'eve' });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  realm.run('tasks.claim', { taskId: 'p/g', sessionId: 'bob' });
  realm.run('tasks.complete', { taskId: 'p/g', fence: realm.fenceOf('p/g') });
  return realm;
};

const codeOf = (decision: Decision): string =>
  decision.kind === 'reject' ? decision.code : decision.kind;

type Call = (realm: RealmRun) => Decision;
const ROWS: readonly (readonly [WriteName, string, Call])[] = [
  [
    'tasks.claim',
    'task.not_found',
    (realm) => realm.run('tasks.claim', { taskId: 'p/z', sessionId: 'ada' }),
  ],
  [
    'tasks.claim',
    'session.not_found',
    (realm) => realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'zed' }),
  ],
  [
    'tasks.claim',
    'session.ended',
    (realm) => realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'eve' }),
  ],
  [
    'tasks.claim',
    'session.full',
    (realm) => realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'ada' }),
  ],
  ['tasks.next', 'session.not_found', (realm) => realm.run('tasks.next', { sessionId: 'zed' })],
  ['tasks.next', 'session.full', (realm) => realm.run('tasks.next', { sessionId: 'ada' })],
  [
    'tasks.next',
    'plan.not_found',
    (realm) => realm.run('tasks.next', { sessionId: 'bob', planId: 'z' }),
  ],
  [
    'tasks.progress',
    'task.not_found',
    (realm) => realm.run('tasks.progress', { taskId: 'p/z', fence: FENCE }),
  ],
  [
    'tasks.release',
    'task.not_found',
    (realm) => realm.run('tasks.release', { taskId: 'p/z', fence: FENCE }),
  ],
  [
    'tasks.complete',
    'task.not_found',
    (realm) => realm.run('tasks.complete', { taskId: 'p/z', fence: FENCE }),
  ],
  [
    'tasks.fail',
    'task.not_found',
    (realm) => realm.run('tasks.fail', { taskId: 'p/z', fence: FENCE, reason: 'r' }),
  ],
  [
    'tasks.judge',
    'task.not_found',
    (realm) => realm.run('tasks.judge', { taskId: 'p/z', verdict: 'accept' }),
  ],
  [
    'tasks.judge',
    'task.not_submitted',
    (realm) => realm.run('tasks.judge', { taskId: 'p/a', verdict: 'accept' }),
  ],
  [
    'tasks.judge',
    'session.not_found',
    (realm) => realm.run('tasks.judge', { taskId: 'p/g', verdict: 'accept', sessionId: 'zed' }),
  ],
  [
    'tasks.judge',
    'session.ended',
    (realm) => realm.run('tasks.judge', { taskId: 'p/g', verdict: 'accept', sessionId: 'eve' }),
  ],
  [
    'tasks.judge',
    'evidence.missing',
    (realm) =>
      realm.run('tasks.judge', {
        taskId: 'p/g',
        verdict: 'accept',
        sessionId: 'ada',
        reason: 'looks good',
      }),
  ],
  [
    'tasks.judge',
    'evidence.missing',
    (realm) =>
      realm.run(
        'tasks.judge',
        { taskId: 'p/g', verdict: 'accept', reason: 'r' },
        { cred: 'session' },
      ),
  ],
  [
    'tasks.judge',
    'evidence.missing',
    (realm) => realm.run('tasks.judge', { taskId: 'p/g', verdict: 'accept', gates: [] }),
  ],
  [
    'tasks.judge',
    'gate.failed',
    (realm) =>
      realm.run('tasks.judge', {
        taskId: 'p/g',
        verdict: 'accept',
        gates: [
          { name: 'lint', ok: true },
          { name: 'lint', ok: false },
        ],
      }),
  ],
  [
    'tasks.judge',
    'review.own_work',
    (realm) => realm.run('tasks.judge', { taskId: 'p/g', verdict: 'reject', sessionId: 'bob' }),
  ],
  [
    'tasks.judge',
    'review.own_work',
    (realm) =>
      realm.run(
        'tasks.judge',
        { taskId: 'p/g', verdict: 'accept', sessionId: 'ada' },
        { principal: 'bob' },
      ),
  ],
  [
    'tasks.cancel',
    'task.not_found',
    (realm) => realm.run('tasks.cancel', { taskId: 'p/z', reason: 'r' }),
  ],
  [
    'tasks.park',
    'task.not_found',
    (realm) => realm.run('tasks.park', { taskId: 'p/z', reason: 'r' }),
  ],
  ['tasks.unpark', 'task.not_found', (realm) => realm.run('tasks.unpark', { taskId: 'p/z' })],
  ['tasks.unpark', 'task.not_parked', (realm) => realm.run('tasks.unpark', { taskId: 'p/b' })],
  [
    'leases.expire',
    'lease.stale',
    (realm) => realm.run('leases.expire', { taskId: 'p/z', fence: 1, renewedAt: 0 }),
  ],
  [
    'leases.expire',
    'lease.stale',
    (realm) => realm.run('leases.expire', { taskId: 'p/a', fence: 2, renewedAt: 0 }),
  ],
  [
    'leases.expire',
    'lease.stale',
    (realm) => realm.run('leases.expire', { taskId: 'p/b', fence: 0, renewedAt: 0 }),
  ],
  [
    'leases.expire',
    'lease.stale',
    (realm) => realm.run('leases.expire', { taskId: 'p/a', fence: 1, renewedAt: 0 }),
  ],
  [
    'sessions.close',
    'session.not_found',
    (realm) => realm.run('sessions.close', { sessionId: 'zed' }),
  ],
  [
    'sessions.revoke',
    'session.ended',
    (realm) => realm.run('sessions.revoke', { sessionId: 'eve', reason: 'r' }),
  ],
  [
    'sessions.expire',
    'session.not_found',
    (realm) => realm.run('sessions.expire', { sessionId: 'zed', seenAt: 0 }),
  ],
  [
    'sessions.expire',
    'session.ended',
    (realm) => realm.run('sessions.expire', { sessionId: 'ada', seenAt: 0 }),
  ],
  [
    'blockers.raise',
    'task.not_found',
    (realm) =>
      realm.run('blockers.raise', { taskId: 'p/z', fence: FENCE, kind: 'other', title: 't' }),
  ],
  [
    'blockers.raise',
    'task.not_found',
    (realm) =>
      realm.run('blockers.raise', {
        taskId: 'p/a',
        fence: FENCE,
        kind: 'other',
        title: 't',
        waitsOn: 'p/z',
      }),
  ],
  [
    'blockers.join',
    'blocker.not_found',
    (realm) => realm.run('blockers.join', { blockerId: 'no', sessionId: 'bob' }),
  ],
  [
    'blockers.resolve',
    'blocker.not_found',
    (realm) => realm.run('blockers.resolve', { blockerId: 'no', resolution: 'r' }),
  ],
  [
    'phases.approve',
    'plan.not_found',
    (realm) => realm.run('phases.approve', { planId: 'z', phase: 'one' }),
  ],
  [
    'phases.approve',
    'phase.not_found',
    (realm) => realm.run('phases.approve', { planId: 'p', phase: 'two' }),
  ],
  [
    'phases.approve',
    'phase.not_waiting',
    (realm) => realm.run('phases.approve', { planId: 'p', phase: 'one' }),
  ],
  [
    'phases.check',
    'plan.not_found',
    (realm) =>
      realm.run('phases.check', { planId: 'z', phase: 'one', result: { name: 'ci', ok: true } }),
  ],
  [
    'phases.check',
    'phase.not_waiting',
    (realm) =>
      realm.run('phases.check', { planId: 'p', phase: 'one', result: { name: 'ci', ok: true } }),
  ],
  ['plans.pause', 'plan.not_found', (realm) => realm.run('plans.pause', { planId: 'z' })],
  ['plans.resume', 'plan.not_found', (realm) => realm.run('plans.resume', { planId: 'z' })],
  [
    'plans.cancel',
    'plan.not_found',
    (realm) => realm.run('plans.cancel', { planId: 'z', reason: 'r' }),
  ],
  ['plans.edit', 'plan.not_found', (realm) => realm.run('plans.edit', { planId: 'z' })],
  [
    'plans.edit',
    'task.not_found',
    (realm) => realm.run('plans.edit', { planId: 'p', priorities: [{ task: 'z', priority: 1 }] }),
  ],
];

/** Codes that every operation may answer with, whatever it names. */
const COMMON = new Set(['request.invalid', 'auth.forbidden']);

describe('refusals', () => {
  test.each(ROWS)('%s is refused with %s, and folds nothing', (op, code, call) => {
    const realm = begun();
    const { length } = realm.entries;
    expect(codeOf(call(realm))).toBe(code);
    expect(realm.entries).toHaveLength(length);
    expect(ERRORS).toHaveProperty([code]);
    expect([...(findOperation(op)?.errors ?? []), ...COMMON]).toContain(code);
  });

  test('a plan that was cancelled is over for every command about it', () => {
    const realm = begun();
    realm.run('plans.cancel', { planId: 'p', reason: 'r' });
    const decisions = [
      realm.run('plans.pause', { planId: 'p' }),
      realm.run('plans.resume', { planId: 'p' }),
      realm.run('plans.cancel', { planId: 'p', reason: 'r' }),
      realm.run('plans.edit', { planId: 'p' }),
      realm.run('phases.approve', { planId: 'p', phase: 'one' }),
      realm.run('phases.check', { planId: 'p', phase: 'one', result: { name: 'ci', ok: true } }),
    ];
    expect(decisions.map(codeOf)).toStrictEqual(decisions.map(() => 'plan.ended'));
  });

  test('a lease runs its whole length from its grant, whatever renewal is named', () => {
    const realm = begun();
    realm.at = 29_999;
    const expire = () => realm.run('leases.expire', { taskId: 'p/a', fence: 1, renewedAt: 0 });
    realm.world.coordinator.tasks.grantedAt[0] = 1;
    realm.at = 30_000;
    expect(codeOf(expire())).toBe('lease.stale');
    realm.at = 30_001;
    expect(expire()).toMatchObject({ events: [{ type: 'lease.expired', attempt: 1, fence: 1 }] });
  });

  test('a session is not older than its opening, whenever it was seen', () => {
    const realm = openedRealm();
    realm.at = 1_000_000;
    realm.run('sessions.open', { agent: 'ada' }, { ids: ['ada'] });
    realm.at = 1_899_999;
    expect(codeOf(realm.run('sessions.expire', { sessionId: 'ada', seenAt: 0 }))).toBe(
      'session.ended',
    );
    realm.at = 1_900_000;
    expect(codeOf(realm.run('sessions.expire', { sessionId: 'ada', seenAt: 0 }))).toBe('accept');
  });

  test('phases and dependencies that are not there are named', () => {
    const realm = begun();
    const phases = [{ id: 'x', after: ['y'] }];
    expect(realm.run('plans.submit', { plan: { id: 'q', tasks: [], phases } })).toMatchObject({
      code: 'plan.unknown_phase',
      detail: 'Phase x comes after y, which the plan does not have.',
    });
    const own = [
      { key: 'x', title: 'X' },
      { key: 'y', title: 'Y', dependsOn: ['q/x', 'x'] },
    ];
    realm.run('plans.submit', { plan: { id: 'q', tasks: own } });
    expect(realm.world.coordinator.plans[1]?.dependencies).toBe(1);
    expect(
      realm.run('plans.edit', { planId: 'q', add: [{ key: 'z', title: 'Z', phase: 'no' }] }),
    ).toMatchObject({ code: 'plan.unknown_phase' });
  });

  test('work is not put into a phase that has passed; a filler and a finished task may', () => {
    const realm = begun();
    const add = (more: object) =>
      realm.run('plans.edit', {
        planId: 'p',
        add: [{ key: 'x', title: 'X', phase: 'one', ...more }],
      });
    expect(add({})).toMatchObject({
      code: 'request.invalid',
      detail: 'Phase one has passed; put task x into one that has not, or into none.',
    });
    expect(codeOf(add({ filler: true }))).toBe('accept');
  });

  test('a dependency dropped twice in one edit is dropped once', () => {
    const realm = openedRealm();
    const tasks = [
      { key: 'a', title: 'A' },
      { key: 'b', title: 'B', dependsOn: ['a'] },
    ];
    realm.run('plans.submit', { plan: { id: 'p', tasks } });
    const drop = { task: 'b', dependsOn: 'a' };
    expect(codeOf(realm.run('plans.edit', { planId: 'p', dropDependencies: [drop, drop] }))).toBe(
      'accept',
    );
    expect(realm.world.coordinator.plans[0]).toMatchObject({
      dependencies: 0,
      counts: [0, 2, 0, 0, 0, 0, 0, 0],
    });
    expect(codeOf(realm.run('plans.edit', { planId: 'p', addDependencies: [drop, drop] }))).toBe(
      'accept',
    );
    expect(realm.world.coordinator.plans[0]).toMatchObject({
      dependencies: 1,
      counts: [1, 1, 0, 0, 0, 0, 0, 0],
    });
    expect(codeOf(realm.run('plans.edit', { planId: 'p', addDependencies: [drop] }))).toBe(
      'unchanged',
    );
  });

  test('a repeated edit is known again whatever the order of its members', () => {
    const realm = begun();
    realm.run('plans.edit', { planId: 'p', add: [{ key: 'x', title: 'X', priority: 1 }] });
    expect(
      codeOf(
        realm.run('plans.edit', { planId: 'p', add: [{ priority: 1, title: 'X', key: 'x' }] }),
      ),
    ).toBe('unchanged');
  });
});

describe('blockers', () => {
  const raise = (realm: RealmRun, id: string) =>
    realm.run(
      'blockers.raise',
      { taskId: 'p/a', fence: realm.fenceOf('p/a'), kind: 'other', title: 't' },
      { ids: [id] },
    );

  test('a task has a hundred open ones at most', () => {
    const realm = begun();
    for (let i = 0; i < BLOCKERS_OPEN_MAX; i += 1)
      expect(codeOf(raise(realm, `b${i}`))).toBe('accept');
    expect(raise(realm, 'more')).toMatchObject({ code: 'request.invalid', facts: { open: 100 } });
    realm.run('blockers.resolve', { blockerId: 'b0', resolution: 'gone' });
    expect(codeOf(raise(realm, 'more'))).toBe('accept');
  });

  test('only an open session helps, and only with what is open', () => {
    const realm = begun();
    raise(realm, 'b1');
    expect(codeOf(realm.run('blockers.join', { blockerId: 'b1', sessionId: 'eve' }))).toBe(
      'session.ended',
    );
    expect(
      codeOf(realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'r', sessionId: 'eve' })),
    ).toBe('session.ended');
    expect(
      codeOf(
        realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'r' }, { session: 'bob' }),
      ),
    ).toBe('auth.forbidden');
    expect(
      realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'r', sessionId: 'ada' }),
    ).toMatchObject({ events: [{ by: 'ada' }] });
    expect(codeOf(realm.run('blockers.join', { blockerId: 'b1', sessionId: 'bob' }))).toBe(
      'blocker.resolved',
    );
  });

  test('a task that waits for two things waits for both', () => {
    const realm = begun();
    const fence = realm.fenceOf('p/a');
    raise(realm, 'b1');
    realm.run(
      'blockers.raise',
      { taskId: 'p/a', fence, kind: 'other', title: 't', waitsOn: 'p/b', release: true },
      { ids: ['b2'] },
    );
    const { counts } = realm.world.coordinator;
    expect(counts[3]).toBe(1);
    realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'r' });
    expect(counts[3]).toBe(1);
    realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'bob' });
    realm.run('tasks.complete', { taskId: 'p/b', fence: realm.fenceOf('p/b') });
    expect(counts[3]).toBe(0);
  });

  test('a circle through another blocker is seen too', () => {
    const realm = begun();
    realm.run('tasks.claim', { taskId: 'p/b', sessionId: 'bob' });
    const on = (taskId: string, waitsOn: string, id: string) =>
      realm.run(
        'blockers.raise',
        { taskId, fence: realm.fenceOf(taskId), kind: 'other', title: 't', waitsOn },
        { ids: [id] },
      );
    expect(codeOf(on('p/a', 'p/b', 'b1'))).toBe('accept');
    expect(on('p/b', 'p/a', 'b2')).toMatchObject({ facts: { cycle: ['p/b', 'p/a', 'p/b'] } });
  });
});

describe('refused writes in the log', () => {
  test('say who, under which fence, and why; ten in a window, and again in the next', () => {
    const realm = begun();
    realm.at = 100_000;
    const stale = { epoch: 1, holder: 'ada', n: 9 };
    const write = () => realm.run('tasks.release', { taskId: 'p/a', fence: stale });
    const [first, ...others] = Array.from({ length: REFUSALS_PER_WINDOW_MAX }, write);
    expect(first).toMatchObject({
      kind: 'refuse',
      rejection: {
        facts: {
          fence: 9,
          currentFence: 1,
          phase: 'leased',
          holder: { sessionId: 'ada', agent: 'ada' },
        },
      },
      record: {
        code: 'lease.stale',
        fence: 9,
        op: 'tasks.release',
        sessionId: 'ada',
        taskId: 'p/a',
        type: 'write.refused',
      },
    });
    expect(others.map(({ kind }) => kind)).toStrictEqual(others.map(() => 'refuse'));
    realm.at = 100_000 + REFUSAL_WINDOW_MS - 1;
    expect(write().kind).toBe('reject');
    realm.at += 1;
    expect(write().kind).toBe('refuse');
    expect(realm.world.coordinator.sessions.get('ada')?.refusals).toStrictEqual({
      since: 160_000,
      count: 1,
    });
  });

  test('a token of a session that nobody remembers is refused without a record', () => {
    const realm = begun();
    const forgotten = { epoch: 1, holder: 'zed', n: 1 };
    expect(realm.run('tasks.release', { taskId: 'p/a', fence: forgotten }).kind).toBe('reject');
  });

  test('what became of a lease is told to soft calls in the same words', () => {
    const realm = begun();
    const words = whyStale(realm.world, 'p/a', { epoch: 1, holder: 'bob', n: 0 });
    expect(words).toContain('it is leased to ada (session ada) under fence 1');
    expect(whyStale(realm.world, 'p/z', FENCE)).toContain('p/z');
  });
});
