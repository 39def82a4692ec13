import { describe, expect, test } from 'vitest';
import { openedRealm, type PlainArgs, type RealmRun } from '@infrafabric/testkit';
import {
  BlockerRow,
  PhaseRow,
  PlanRow,
  SessionRow,
  TaskRow,
  WhyNot,
  type ParsedOf,
} from '@infrafabric/protocol';
import {
  explainTask,
  hasReadyFor,
  isCurrent,
  leaseOf,
  leasesOfSession,
  liveLeases,
  openSessions,
  readyVersion,
  sessionOf,
  taskPhase,
  taskSpec,
  viewBlockers,
  viewPlan,
  viewPlans,
  viewSessions,
  viewStatus,
  viewTask,
  viewTasks,
  type Soft,
} from './index.ts';

const ada = 'ses_000000000000ada0';
const bob = 'ses_000000000000b0b0';
const blocker = 'blk_0000000000000001';

const soft: Soft = {
  at: 50_000,
  renewedAt: (taskId) => (taskId === 'p/a' ? 40_000 : undefined),
  presence: (sessionId) =>
    sessionId === ada
      ? { seenAt: 49_000, seen: 'tool', workedAt: 49_000, waiting: false }
      : { waiting: true },
};

/** What the edge would have parsed. */
const input = <T>(value: unknown): T => value as T;

const PLAN: PlainArgs<'plans.submit'>['plan'] = {
  id: 'p',
  title: 'The plan',
  phases: [
    { id: 'one' },
    {
      id: 'two',
      autonomous: true,
      gate: { approvals: 1, checks: [{ name: 'ci', run: { shell: 'true' } }] },
    },
  ],
  tasks: [
    { key: 'a', title: 'A', phase: 'one', priority: 1 },
    { key: 'b', title: 'B', phase: 'one', dependsOn: ['a'] },
    { key: 'c', title: 'C', phase: 'two', dependsOn: ['b', 'a'], filler: true, priority: 3 },
    { key: 'd', title: 'D', needs: ['gpu'] },
  ],
};

const lived = (): RealmRun => {
  const realm = openedRealm();
  realm.at = 10_000;
  realm.run('plans.submit', { plan: PLAN, digest: `sha256:${'a'.repeat(64)}` });
  realm.run('plans.submit', { plan: { id: 'q', tasks: [] }, digest: `sha256:${'b'.repeat(64)}` });
  realm.run(
    'sessions.open',
    {
      agent: 'ada',
      swarm: 'red',
      label: 'left screen',
      capabilities: ['rust', 'go'],
      leasesMax: 2,
    },
    { ids: [ada] },
  );
  realm.run('sessions.open', { agent: 'bob' }, { ids: [bob] });
  realm.at = 20_000;
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: ada, leaseMs: 30_000 });
  return realm;
};

describe('rows are what the protocol says they are', () => {
  test('tasks', () => {
    const { world } = lived();
    const page = viewTasks(world, input({}), soft);
    if ('kind' in page) throw new Error(page.detail);
    expect(page.tasks.map((row) => TaskRow.parse(row))).toStrictEqual(page.tasks);
    expect(
      page.tasks.map(({ taskId, phase, waitsFor, priority, filler }) => [
        taskId,
        phase,
        waitsFor,
        priority,
        filler,
      ]),
    ).toStrictEqual([
      ['p/a', 'leased', 0, 1, false],
      ['p/b', 'waiting', 1, 2, false],
      ['p/c', 'waiting', 2, 3, true],
      ['p/d', 'ready', 0, 2, false],
    ]);
    expect(page.tasks[0]?.holder).toStrictEqual({
      sessionId: ada,
      agent: 'ada',
      since: 20_000,
      until: 70_000,
    });
    const unrenewed = viewTask(world, input({ taskId: 'p/a' }), {
      ...soft,
      renewedAt: () => undefined,
    });
    expect(unrenewed).toMatchObject({ holder: { until: 50_000 } });
  });

  test('one task, with what its attempts left', () => {
    const realm = lived();
    const { world } = realm;
    const fence = realm.fenceOf('p/a');
    realm.run('tasks.progress', {
      taskId: 'p/a',
      fence,
      note: 'half of it',
      percent: 50,
      evidence: 'tool',
      artifact: { name: 'x', digest: 'd', bytes: 1 },
    });
    realm.run('tasks.progress', { taskId: 'p/a', fence });
    realm.run(
      'blockers.raise',
      {
        taskId: 'p/a',
        fence,
        kind: 'question',
        title: 'Which?',
        needs: ['rust', 'go', 'go'],
        waitsOn: 'p/d',
      },
      { ids: [blocker] },
    );
    expect(viewTask(world, input({ taskId: 'p/a' }), soft)).toMatchObject({
      spec: PLAN.tasks[0],
      dependsOn: [],
      dependants: ['p/c', 'p/b'],
      blockers: [blocker],
      lastProgress: 'half of it',
    });
    expect(viewTask(world, input({ taskId: 'p/b' }), soft)).toMatchObject({
      dependsOn: [{ taskId: 'p/a', phase: 'leased' }],
      dependants: ['p/c'],
    });
    realm.run('tasks.complete', { taskId: 'p/a', fence, evidence: { summary: 'done' } });
    expect(viewTask(world, input({ taskId: 'p/a' }), soft)).toMatchObject({
      phase: 'done',
      evidence: { summary: 'done' },
    });
    realm.run('tasks.park', { taskId: 'p/d', reason: 'no gpu' });
    expect(viewTask(world, input({ taskId: 'p/d' }), soft)).toMatchObject({
      phase: 'parked',
      parkedFor: 'no gpu',
    });
    expect(viewTask(world, input({ taskId: 'p/b' }), soft)).toMatchObject({ waitsFor: 0 });
    expect(viewTask(world, input({ taskId: 'p/zzz' }), soft)).toMatchObject({
      code: 'task.not_found',
      detail: 'There is no task p/zzz.',
    });
    expect(explainTask(world, input({ taskId: 'p/zzz' }))).toMatchObject({
      code: 'task.not_found',
      detail: 'There is no task p/zzz.',
    });
  });

  test('a task with a crowd of dependants lists a thousand of them', () => {
    const realm = openedRealm();
    const many = Array.from({ length: 1_005 }, (_, i) => ({
      key: `k${i}`,
      title: 'K',
      dependsOn: ['a'],
    }));
    realm.run('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'A' }, ...many] } });
    expect(viewTask(realm.world, input({ taskId: 'p/a' }), soft)).toMatchObject({
      dependants: { length: 1_000 },
    });
    realm.run('sessions.open', { agent: 'ada' }, { ids: [ada] });
    realm.run('tasks.claim', { taskId: 'p/a', sessionId: ada });
    const done = realm.run('tasks.complete', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
    expect(done).toMatchObject({ events: [{ releases: { length: 100 } }] });
  });

  test('a task that waits for a crowd says twenty of them and counts the others', () => {
    const realm = openedRealm();
    const crowd = Array.from({ length: 25 }, (_, i) => ({ key: `k${i}`, title: 'K' }));
    const last = { key: 'last', title: 'L', dependsOn: crowd.map(({ key }) => key) };
    realm.run('plans.submit', { plan: { id: 'p', tasks: [...crowd, last] } });
    const answer = explainTask(realm.world, input({ taskId: 'p/last' }));
    if ('kind' in answer) throw new Error(answer.detail);
    expect(answer.reasons).toHaveLength(21);
    expect(answer.reasons.at(-1)?.text).toBe('it depends on 5 other unfinished tasks');
    expect(realm.run('sessions.open', { agent: 'ada' }, { ids: [ada] }).kind).toBe('accept');
    const refusal = realm.run('tasks.claim', { taskId: 'p/last', sessionId: ada });
    expect(refusal).toMatchObject({ code: 'task.not_ready', facts: { reasons: { length: 10 } } });
    const bad = {
      key: 'bad',
      title: 'B',
      dependsOn: Array.from({ length: 30 }, (_, i) => `no${i}`),
    };
    expect(realm.run('plans.edit', { planId: 'p', add: [bad] })).toMatchObject({
      detail: 'Task bad depends on no0, no1, no2, no3, no4 and 25 more, which no plan has.',
      facts: { unknown: { length: 20 } },
    });
  });

  test('plans and phases', () => {
    const realm = lived();
    const { world } = realm;
    const { plans } = viewPlans(world, input({}));
    expect(plans.map((row) => PlanRow.parse(row))).toStrictEqual(plans);
    expect(plans.map(({ planId, title, status }) => [planId, title, status])).toStrictEqual([
      ['p', 'The plan', 'active'],
      ['q', 'q', 'done'],
    ]);
    expect(plans[0]?.counts).toStrictEqual({
      total: 4,
      waiting: 2,
      ready: 1,
      leased: 1,
      blocked: 0,
      submitted: 0,
      parked: 0,
      done: 0,
      cancelled: 0,
    });
    const show = viewPlan(world, input({ planId: 'p' }));
    if ('kind' in show) throw new Error(show.detail);
    expect(show.phases.map((row) => PhaseRow.parse(row))).toStrictEqual(show.phases);
    expect(show).toMatchObject({ dependencies: 3, longestChain: 3, unfinishedChain: 3 });
    expect(show.phases[1]).toStrictEqual({
      id: 'two',
      title: 'two',
      status: 'closed',
      autonomous: true,
      tasksLeft: 0,
      approvals: [],
      approvalsNeeded: 2,
      checks: [{ name: 'ci', ok: null }],
      after: ['one'],
    });
    realm.run('tasks.complete', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
    expect(viewPlan(world, input({ planId: 'p' }))).toMatchObject({
      longestChain: 3,
      unfinishedChain: 2,
    });
    realm.run('plans.pause', { planId: 'p' });
    expect(viewPlans(world, input({})).plans[0]?.status).toBe('paused');
    expect(viewPlan(world, input({ planId: 'zzz' }))).toMatchObject({
      code: 'plan.not_found',
      detail: 'There is no plan zzz.',
    });
    realm.run('plans.edit', { planId: 'q', add: [{ key: 'x', title: 'X' }] });
    expect(viewPlan(world, input({ planId: 'q' }))).toMatchObject({ status: 'active', phases: [] });
  });

  test('a plan is done when its work is done and every phase has passed', () => {
    const realm = lived();
    const status = (): string | undefined => viewPlans(realm.world, input({})).plans[0]?.status;
    for (const key of ['a', 'b', 'd'])
      realm.run('tasks.cancel', { taskId: `p/${key}`, reason: 'no' });
    expect(status()).toBe('active');
    realm.run('phases.approve', { planId: 'p', phase: 'two', reason: 'go' });
    realm.run('phases.approve', { planId: 'p', phase: 'two' });
    expect(status()).toBe('active');
    realm.run('phases.check', { planId: 'p', phase: 'two', result: { name: 'ci', ok: true } });
    expect(status()).toBe('done');
  });

  test('sessions', () => {
    const realm = lived();
    const { sessions } = viewSessions(realm.world, input({}), soft);
    expect(sessions.map((row) => SessionRow.parse(row))).toStrictEqual(sessions);
    expect(sessions[0]).toStrictEqual({
      sessionId: ada,
      agent: 'ada',
      role: 'worker',
      swarm: 'red',
      status: 'open',
      liveness: 'working',
      reason: 'last tool 1 s ago',
      lastEvidenceAt: 49_000,
      lastEvidence: 'tool',
      openedAt: 10_000,
      capabilities: ['go', 'rust'],
      leases: ['p/a'],
    });
    expect(sessions[1]).toMatchObject({
      liveness: 'starting',
      lastEvidence: 'heartbeat',
      lastEvidenceAt: 10_000,
    });
    realm.run('sessions.close', { sessionId: bob, reason: 'bye' });
    const agents = (status?: string) =>
      viewSessions(realm.world, input({ status }), soft).sessions.map(({ agent }) => agent);
    expect([agents(), agents('open'), agents('closed')]).toStrictEqual([
      ['ada', 'bob'],
      ['ada'],
      ['bob'],
    ]);
    expect(viewSessions(realm.world, input({ after: ada }), soft)).toMatchObject({
      sessions: [{ status: 'closed', liveness: 'dead', reason: 'it has ended' }],
    });
    expect(viewSessions(realm.world, input({ after: bob }), soft)).toStrictEqual({ sessions: [] });
  });

  test('a session is idle since its newest lease, not since it was opened', () => {
    const realm = lived();
    realm.at = 30_000;
    realm.run('plans.edit', { planId: 'q', add: [{ key: 'x', title: 'X' }] });
    realm.run('tasks.claim', { taskId: 'q/x', sessionId: ada });
    const livenessAt = (at: number) => {
      const presence = () => ({ seenAt: at, waiting: false });
      const { sessions } = viewSessions(realm.world, input({ limit: 1 }), {
        ...soft,
        at,
        presence,
      });
      return sessions[0]?.liveness;
    };
    expect([livenessAt(329_999), livenessAt(330_000)]).toStrictEqual(['working', 'wedged']);
  });

  test('blockers', () => {
    const realm = lived();
    const fence = realm.fenceOf('p/a');
    const raise = { taskId: 'p/a', fence, kind: 'access' as const, title: 'No key' };
    realm.run(
      'blockers.raise',
      { ...raise, needs: ['cli:design'], waitsOn: 'p/d' },
      { ids: [blocker] },
    );
    realm.run('blockers.raise', raise, { ids: ['blk_0000000000000002'] });
    realm.run('blockers.join', { blockerId: blocker, sessionId: bob, note: 'I have one' });
    expect(realm.run('blockers.join', { blockerId: blocker, sessionId: bob })).toStrictEqual({
      kind: 'unchanged',
    });
    realm.run('blockers.resolve', { blockerId: 'blk_0000000000000002', resolution: 'found' });
    const { blockers } = viewBlockers(realm.world, input({}));
    expect(blockers.map((row) => BlockerRow.parse(row))).toStrictEqual(blockers);
    expect(blockers).toStrictEqual([
      {
        blockerId: blocker,
        taskId: 'p/a',
        kind: 'access',
        title: 'No key',
        needs: ['cli:design'],
        waitsOn: 'p/d',
        status: 'open',
        raisedBy: ada,
        raisedAt: 20_000,
        helpers: [bob],
        help: [],
        blocks: 2,
        declared: [],
        quorum: 1,
        escalateAt: 920_000,
      },
      {
        blockerId: 'blk_0000000000000002',
        taskId: 'p/a',
        kind: 'access',
        title: 'No key',
        needs: [],
        status: 'resolved',
        raisedBy: ada,
        raisedAt: 20_000,
        helpers: [],
        help: [],
        blocks: 2,
        declared: [],
        quorum: 1,
        escalateAt: 920_000,
        resolution: 'found',
      },
    ]);
    const ids = (status: string) =>
      viewBlockers(realm.world, input({ status })).blockers.map(({ blockerId }) => blockerId);
    expect([ids('open'), ids('resolved')]).toStrictEqual([[blocker], ['blk_0000000000000002']]);
    expect(viewStatus(realm.world)).toMatchObject({
      blockersOpen: 1,
      openSessions: 2,
      plans: 2,
      epoch: 1,
      origin: 'test/realm',
    });
  });

  test('reasons', () => {
    const { world } = lived();
    const answer = explainTask(world, input({ taskId: 'p/a' }), soft);
    if ('kind' in answer) throw new Error(answer.detail);
    expect(answer.reasons.map((row) => WhyNot.parse(row))).toStrictEqual(answer.reasons);
    expect(answer.reasons[0]).toMatchObject({ code: 'leased', session: ada, until: 70_000 });
    // The log does not know of renewals, so without the leader's memory nothing is said of the end.
    const [reason] = (explainTask(world, input({ taskId: 'p/a' })) as typeof answer).reasons;
    expect(reason).not.toHaveProperty('until');
  });
});

describe('the longest chain', () => {
  test('is found whatever the order of the tasks', () => {
    const realm = openedRealm();
    // A diamond listed from its end: e depends on c and d, both on b, b on a; and a loner.
    const tasks = [
      { key: 'e', title: 'E', dependsOn: ['c', 'd'] },
      { key: 'd', title: 'D', dependsOn: ['b', 'c'] },
      { key: 'c', title: 'C', dependsOn: ['b'] },
      { key: 'b', title: 'B', dependsOn: ['a'] },
      { key: 'a', title: 'A' },
      { key: 'x', title: 'X' },
    ];
    realm.run('plans.submit', { plan: { id: 'p', tasks } });
    const chains = () => {
      const show = viewPlan(realm.world, input({ planId: 'p' }));
      return 'kind' in show ? show.code : [show.longestChain, show.unfinishedChain];
    };
    expect(chains()).toStrictEqual([5, 5]);
    realm.run('sessions.open', { agent: 'ada' }, { ids: [ada] });
    for (const [key, left] of [
      ['a', 4],
      ['b', 3],
      ['c', 2],
      ['d', 1],
      ['e', 1],
      ['x', 0],
    ] as const) {
      realm.run('tasks.claim', { taskId: `p/${key}`, sessionId: ada });
      realm.run('tasks.complete', { taskId: `p/${key}`, fence: realm.fenceOf(`p/${key}`) });
      expect(chains()).toStrictEqual([5, left]);
    }
  });
});

describe('pages', () => {
  test('go on where the page before ended', () => {
    const { world } = lived();
    const first = viewTasks(world, input({ limit: 2 }), soft);
    expect(first).toMatchObject({ tasks: [{ taskId: 'p/a' }, { taskId: 'p/b' }], next: 'p/b' });
    const second = viewTasks(world, input({ limit: 2, after: 'p/b' }), soft);
    expect(second).toMatchObject({ tasks: [{ taskId: 'p/c' }, { taskId: 'p/d' }] });
    expect(second).not.toHaveProperty('next');
    expect(viewTasks(world, input({ after: 'p/zzz' }), soft)).toMatchObject({
      code: 'request.invalid',
      detail: 'A page cannot go on after p/zzz, which is no task.',
    });
    expect(viewTasks(world, input({ planId: 'zzz' }), soft)).toMatchObject({
      code: 'plan.not_found',
      detail: 'There is no plan zzz.',
    });
    const plans = viewPlans(world, input({ limit: 1 }));
    expect(plans).toMatchObject({ plans: [{ planId: 'p' }], next: 'p' });
    expect(viewPlans(world, input({ limit: 1, after: 'p' }))).toMatchObject({
      plans: [{ planId: 'q' }],
    });
    expect(viewPlans(world, input({ after: 'q' }))).toStrictEqual({ plans: [] });
    expect(viewSessions(world, input({ limit: 1 }), soft).next).toBe(ada);
    expect(viewBlockers(world, input({ limit: 1 }))).toStrictEqual({ blockers: [] });
  });

  test('a blockers page says where it goes on', () => {
    const realm = lived();
    const fence = realm.fenceOf('p/a');
    for (const id of ['blk_1', 'blk_2', 'blk_3'])
      realm.run(
        'blockers.raise',
        { taskId: 'p/a', fence, kind: 'other', title: 't' },
        { ids: [id] },
      );
    expect(viewBlockers(realm.world, input({ limit: 2 })).next).toBe('blk_2');
    expect(viewBlockers(realm.world, input({ after: 'blk_2' })).blockers).toHaveLength(1);
  });

  test('show the tasks of one plan, or of one phase', () => {
    const realm = lived();
    realm.run('plans.edit', { planId: 'q', add: [{ key: 'x', title: 'X' }] });
    realm.run('plans.edit', { planId: 'p', add: [{ key: 'e', title: 'E' }] });
    const ids = (where: object) => {
      const page = viewTasks(realm.world, input<ParsedOf<'tasks.list'>>(where), soft);
      return 'kind' in page ? page.code : page.tasks.map(({ taskId }) => taskId);
    };
    expect(ids({ planId: 'p' })).toStrictEqual(['p/a', 'p/b', 'p/c', 'p/d', 'p/e']);
    expect(ids({ planId: 'p', after: 'p/c' })).toStrictEqual(['p/d', 'p/e']);
    expect(ids({ planId: 'q' })).toStrictEqual(['q/x']);
    expect(ids({ phase: 'waiting' })).toStrictEqual(['p/b', 'p/c']);
    expect(ids({ planId: 'p', phase: 'ready' })).toStrictEqual(['p/d', 'p/e']);
    expect(ids({ planId: 'zzz' })).toBe('plan.not_found');
  });
});

describe('single facts', () => {
  test('leases', () => {
    const realm = lived();
    const { world } = realm;
    const lease = {
      taskId: 'p/a',
      fence: 1,
      epoch: 1,
      sessionId: ada,
      leaseMs: 30_000,
      grantedAt: 20_000,
      attempt: 1,
    };
    expect(leaseOf(world, 'p/a')).toStrictEqual(lease);
    expect([leaseOf(world, 'p/b'), leaseOf(world, 'p/zzz')]).toStrictEqual([undefined, undefined]);
    expect([...liveLeases(world)]).toStrictEqual([lease]);
    expect(leasesOfSession(world, ada)).toStrictEqual([lease]);
    expect([leasesOfSession(world, bob), leasesOfSession(world, 'ses_x')]).toStrictEqual([[], []]);
    const { coordinator } = world;
    expect(isCurrent(coordinator, 0, { epoch: 1, holder: ada, n: 1 })).toBe(true);
    for (const wrong of [{ epoch: 2 }, { holder: bob }, { n: 2 }])
      expect(isCurrent(coordinator, 0, { epoch: 1, holder: ada, n: 1, ...wrong })).toBe(false);
    realm.run('tasks.release', { taskId: 'p/a', fence: realm.fenceOf('p/a') });
    expect(isCurrent(coordinator, 0, { epoch: 1, holder: ada, n: 1 })).toBe(false);
  });

  test('sessions, tasks and what is ready', () => {
    const realm = lived();
    const { world } = realm;
    expect([...openSessions(world)].map(({ id }) => id)).toStrictEqual([ada, bob]);
    expect(sessionOf(world, ada)).toMatchObject({ agent: 'ada', label: 'left screen' });
    expect(taskSpec(world, 'p/a')).toStrictEqual(PLAN.tasks[0]);
    expect([
      taskSpec(world, 'p/z'),
      taskPhase(world, 'p/z'),
      taskPhase(world, 'p/a'),
    ]).toStrictEqual([undefined, undefined, 'leased']);
    // What is ready needs a capability that nobody has.
    expect([ada, bob, 'ses_x'].map((id) => hasReadyFor(world, id))).toStrictEqual([
      false,
      false,
      false,
    ]);
    const version = readyVersion(world);
    realm.run('plans.edit', { planId: 'q', add: [{ key: 'x', title: 'X' }] });
    expect(readyVersion(world)).toBe(version + 1);
    expect(hasReadyFor(world, bob, 'nowhere')).toBe(false);
    expect([
      hasReadyFor(world, bob),
      hasReadyFor(world, bob, 'q'),
      hasReadyFor(world, bob, 'p'),
    ]).toStrictEqual([true, true, false]);
    realm.run('tasks.next', { sessionId: bob });
    expect(hasReadyFor(world, bob)).toBe(false);
    realm.run('sessions.close', { sessionId: bob });
    // The slot of a session that was forgotten.
    world.coordinator.slots.push(undefined);
    expect([...openSessions(world)].map(({ id }) => id)).toStrictEqual([ada]);
    expect(hasReadyFor(world, bob)).toBe(false);
  });
});
