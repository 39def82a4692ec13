/** Help with a blocker: who is given which side of it, before all other work, and how it ends. */
import { DESCRIPTION_CHARS_MAX, TaskId, TITLE_CHARS_MAX } from '@infrafabric/protocol';
import { openedRealm, type PlainArgs, type RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import { decide, evolve, viewBlockers, viewTask, viewTasks, worldFaults } from '../index.ts';
import type { Decision, DomainEvent, Soft } from '../index.ts';
import { isHelp, NONE, priorityOf } from './columns.ts';
import { blockedBehind, limitOfHelp, urgencyOf } from './help.ts';
import { findTask } from './lease.ts';
import { specOf } from './state.ts';

const GO = 'code-analysis:go';
const CLI = 'cli:design';
const SIP = 'integration:sip';
const NEEDS = [GO, CLI];

type TaskArgs = PlainArgs<'plans.submit'>['plan']['tasks'][number];

/** Ada holds p/a; bob and eve wait, and each of them can do one thing. */
const begun = (tasks: readonly TaskArgs[] = [{ key: 'a', title: 'A' }]): RealmRun => {
  const realm = openedRealm();
  realm.run('plans.submit', { plan: { id: 'p', tasks: [...tasks] } });
  realm.run('sessions.open', { agent: 'ada', leasesMax: 3 }, { ids: ['ada'] });
  realm.run('sessions.open', { agent: 'bob', capabilities: [GO] }, { ids: ['bob'] });
  realm.run('sessions.open', { agent: 'eve', capabilities: [CLI] }, { ids: ['eve'] });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  return realm;
};

const raise = (
  realm: RealmRun,
  blockerId = 'b1',
  more: Partial<PlainArgs<'blockers.raise'>> = {},
): Decision => {
  const taskId = more.taskId ?? 'p/a';
  return realm.run(
    'blockers.raise',
    {
      taskId,
      fence: realm.fenceOf(taskId),
      kind: 'dependency',
      title: 'it does not link',
      needs: NEEDS,
      waiting: ['bob', 'eve'],
      ...more,
    },
    { ids: [blockerId] },
  );
};

const complete = (realm: RealmRun, taskId: string, next = false): Decision =>
  realm.run('tasks.complete', { taskId, fence: realm.fenceOf(taskId), ...(next ? { next } : {}) });

const say = (realm: RealmRun, sessionId: string, blockerId = 'b1'): Decision =>
  realm.run('blockers.resolve', { blockerId, resolution: 'it links', sessionId });

/** What the coordinator says; the governor's settlements stand between. */
const eventsOf = (decision: Decision): readonly DomainEvent[] => {
  if (decision.kind !== 'accept') throw new Error(`not accepted: ${JSON.stringify(decision)}`);
  return decision.events.filter(({ type }) => !type.startsWith('budget.'));
};

const typesOf = (decision: Decision): string[] => eventsOf(decision).map(({ type }) => type);

const phaseOf = ({ world }: RealmRun, id: string): string | undefined => {
  const found = viewTask(world, { taskId: trusted(id) }, SOFT);
  return 'phase' in found ? found.phase : undefined;
};

const trusted = <T extends string>(text: string): T => text as T;

const SOFT: Soft = { at: 0, renewedAt: () => undefined, presence: () => ({ waiting: true }) };

describe('what waits behind a blocked task', () => {
  test('is counted once, however many ways lead to it; what is finished is not', () => {
    const task = (key: string, ...dependsOn: string[]) => ({ key, title: key, dependsOn });
    const realm = begun([
      task('a'),
      task('b', 'a'),
      task('c', 'a'),
      task('d', 'b', 'c'),
      task('gone', 'a'),
      task('behind-gone', 'gone'),
      { ...task('old', 'a'), imported: { status: 'x', done: true } },
    ]);
    realm.run('tasks.cancel', { taskId: 'p/gone', reason: 'no' });
    expect(eventsOf(raise(realm, 'b1', { needs: [] }))).toMatchObject([{ blocks: 3 }]);
  });

  test('is counted up to ten thousand, so that the longest plan cannot stall the leader', () => {
    const chain = Array.from({ length: 10_020 }, (_, i) => ({
      key: `t${i}`,
      title: 'T',
      ...(i === 0 ? {} : { dependsOn: [`t${i - 1}`] }),
    }));
    const { coordinator } = begun([{ key: 'a', title: 'A' }, ...chain]).world;
    expect(blockedBehind(coordinator, findTask(coordinator, 'p/t0'))).toBe(10_000);
    expect(blockedBehind(coordinator, findTask(coordinator, 'p/t10000'))).toBe(19);
  });

  test('makes its help urgent: from one, from ten and from a hundred', () => {
    expect([0, 1, 9, 10, 99, 100, 9_999].map(urgencyOf)).toStrictEqual([3, 2, 2, 1, 1, 0, 0]);
    const tasks = Array.from({ length: 11 }, (_, i) => ({
      key: i === 0 ? 'a' : `t${i}`,
      title: 'T',
      ...(i === 0 ? {} : { dependsOn: ['a'] }),
    }));
    const realm = begun(tasks);
    expect(eventsOf(raise(realm))[1]).toMatchObject({ type: 'help.offered', priority: 1 });
  });
});

describe('a help task', () => {
  test('is made of its blocker, and one that people could have written', () => {
    const title = 'x'.repeat(TITLE_CHARS_MAX);
    const realm = begun([
      {
        key: 'a',
        title: 'A',
        repo: 'core',
        description: 'd'.repeat(DESCRIPTION_CHARS_MAX),
        owns: ['src'],
      },
    ]);
    raise(realm, 'b1', { title, needs: [GO] });
    const { coordinator } = realm.world;
    const task = findTask(coordinator, 'p/help.b1.1');
    const { description = '', ...spec } = specOf(coordinator, task);
    expect(spec).toStrictEqual({
      key: 'help.b1.1',
      title: `Help: ${title}`.slice(0, TITLE_CHARS_MAX),
      type: 'help',
      needs: [GO],
      budget: { limitMicroUsd: 10_000_000 },
      attemptsMax: 2,
      repo: 'core',
    });
    expect(description.startsWith('dependency blocker of p/a (A)\n\nd')).toBe(true);
    expect(description).toHaveLength(DESCRIPTION_CHARS_MAX);
    expect(TaskId.parse('p/help.blk_0000000000000001.1')).toBe('p/help.blk_0000000000000001.1');
    // It owns no paths: the holder of the blocked task takes in what the helper did.
    expect(coordinator.tasks.phase[task]).toBe(coordinator.tasks.phase[0]);
  });

  test('takes the next free name where the plan has a task of its name', () => {
    const realm = begun([
      { key: 'a', title: 'A' },
      { key: 'help.b1.1', title: 'mine' },
      { key: 'help.b1.2', title: 'mine too' },
    ]);
    const offered = eventsOf(raise(realm)).flatMap((event) =>
      event.type === 'help.offered' ? [event.taskId] : [],
    );
    expect(offered).toStrictEqual(['p/help.b1.3', 'p/help.b1.4']);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('comes before all work, also after its priority was changed', () => {
    const realm = begun([
      { key: 'a', title: 'A' },
      { key: 'urgent', title: 'U', priority: 0 },
    ]);
    raise(realm, 'b1', { waiting: [], needs: [GO] });
    realm.run('plans.edit', { planId: 'p', priorities: [{ task: 'help.b1.1', priority: 4 }] });
    const { coordinator } = realm.world;
    const task = findTask(coordinator, 'p/help.b1.1');
    expect([isHelp(coordinator.tasks, task), priorityOf(coordinator.tasks, task)]).toStrictEqual([
      true,
      4,
    ]);
    expect(eventsOf(realm.run('tasks.next', { sessionId: 'bob' }))).toMatchObject([
      { type: 'task.leased', taskId: 'p/help.b1.1' },
    ]);
  });

  test('is nothing for the agent that is blocked, whatever its sessions are called', () => {
    const realm = begun();
    const twin = { agent: 'ada', capabilities: NEEDS, leasesMax: 2 };
    realm.run('sessions.open', twin, { ids: ['ada2'] });
    expect(eventsOf(raise(realm, 'b1', { waiting: ['ada2', 'ada'] }))).not.toContainEqual(
      expect.objectContaining({ type: 'task.leased' }),
    );
    expect(realm.run('tasks.next', { sessionId: 'ada2' }).kind).toBe('unchanged');
    expect(realm.run('tasks.next', { sessionId: 'ada2', count: 2 }).kind).toBe('unchanged');
    expect(realm.run('tasks.claim', { taskId: 'p/help.b1.1', sessionId: 'ada2' })).toMatchObject({
      kind: 'reject',
      code: 'auth.forbidden',
    });
    expect(eventsOf(realm.run('tasks.next', { sessionId: 'bob' }))).toMatchObject([
      { type: 'task.leased', taskId: 'p/help.b1.2' },
    ]);
  });

  test('is no work that its plan has left: a phase passes and a plan ends without it', () => {
    const realm = begun([{ key: 'a', title: 'A' }]);
    raise(realm);
    expect(realm.world.coordinator.plans[0]).toMatchObject({ workLeft: 1 });
    complete(realm, 'p/a');
    expect(realm.world.coordinator.plans[0]).toMatchObject({ workLeft: 0 });
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('says with whose blocker it helps, and the blocker who helps on which side', () => {
    const realm = begun();
    raise(realm, 'b1', { waiting: ['bob'] });
    complete(realm, 'p/help.b1.1');
    const page = viewTasks(realm.world, {}, SOFT);
    const rows = 'tasks' in page ? page.tasks.map(({ taskId, helps }) => [taskId, helps]) : [];
    expect(rows).toStrictEqual([
      ['p/a', undefined],
      ['p/help.b1.1', 'b1'],
      ['p/help.b1.2', 'b1'],
    ]);
    const [blocker] = viewBlockers(realm.world, {}).blockers;
    expect(blocker).toMatchObject({ declared: ['bob'], quorum: 2, helpers: ['bob'] });
    expect(blocker?.help).toStrictEqual([
      {
        taskId: 'p/help.b1.1',
        needs: [GO],
        phase: 'done',
        limitMicroUsd: 5_000_000,
        sessionId: 'bob',
      },
      { taskId: 'p/help.b1.2', needs: [CLI], phase: 'ready', limitMicroUsd: 5_000_000 },
    ]);
  });

  test('of a plan that is paused waits with the rest', () => {
    const realm = begun();
    realm.run('plans.pause', { planId: 'p' });
    expect(typesOf(raise(realm))).toStrictEqual(['blocker.raised', 'help.offered', 'help.offered']);
    expect(realm.run('tasks.next', { sessionId: 'bob' }).kind).toBe('unchanged');
    realm.run('plans.resume', { planId: 'p' });
    expect(eventsOf(realm.run('tasks.next', { sessionId: 'bob' }))).toMatchObject([
      { type: 'task.leased', taskId: 'p/help.b1.2' },
    ]);
  });
});

describe('who cannot be paid', () => {
  /** Three swarms that can do the same: `first` is the best of them, and has a dollar. */
  const three = (): RealmRun => {
    const realm = openedRealm();
    const task = { key: 'a', title: 'A', budget: { limitMicroUsd: 4_000_000 } };
    realm.run('plans.submit', { plan: { id: 'p', tasks: [task] } });
    realm.run('sessions.open', { agent: 'ada' }, { ids: ['ada'] });
    realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
    for (const [swarmId, capabilities, costPerHourMicroUsd, limitMicroUsd] of [
      ['first', [GO, CLI], 0, 1_000_000],
      ['second', [GO], 1_000_000, 9_000_000],
      ['third', [CLI], 2_000_000, 9_000_000],
    ] as const) {
      realm.run('swarms.register', {
        profile: {
          swarmId,
          capabilities: [...capabilities],
          costPerHourMicroUsd,
          limitMicroUsd,
        },
      });
      realm.run('sessions.open', { agent: swarmId, swarm: swarmId }, { ids: [swarmId] });
    }
    return realm;
  };
  const helpers = (decision: Decision): string[] =>
    eventsOf(decision).flatMap((event) =>
      event.type === 'task.leased' ? [`${event.taskId} ${event.sessionId}`] : [],
    );

  test('is passed over for the next best, and nothing is set aside for it', () => {
    const realm = three();
    const decision = raise(realm, 'b1', { waiting: ['first', 'second', 'third'] });
    expect(helpers(decision)).toStrictEqual(['p/help.b1.1 second', 'p/help.b1.2 third']);
    const { accounts } = realm.world.governor;
    expect([accounts.get('swarm:first')?.reserved, accounts.get('realm')?.reserved]).toStrictEqual([
      0, 8_000_000,
    ]);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('is who was best where there is enough', () => {
    const realm = three();
    realm.run('budgets.set', { account: 'swarm:first', limitMicroUsd: 4_000_000 });
    const decision = raise(realm, 'b1', { waiting: ['first', 'second', 'third'] });
    expect(helpers(decision)).toStrictEqual(['p/help.b1.1 first']);
  });

  test('leaves its side open where nobody else waits', () => {
    const realm = three();
    expect(typesOf(raise(realm, 'b1', { waiting: ['first'] }))).toStrictEqual([
      'blocker.raised',
      'help.offered',
      'help.offered',
    ]);
  });
});

describe('the words of helpers', () => {
  test('lift a blocker when the last side is done; the blocked task goes on where it was', () => {
    const realm = begun();
    raise(realm, 'b1', { release: true });
    expect(phaseOf(realm, 'p/a')).toBe('blocked');
    expect(typesOf(complete(realm, 'p/help.b1.1'))).toStrictEqual([
      'task.completed',
      'blocker.declared',
    ]);
    expect(typesOf(complete(realm, 'p/help.b1.2'))).toStrictEqual([
      'task.completed',
      'blocker.declared',
      'blocker.resolved',
    ]);
    expect(phaseOf(realm, 'p/a')).toBe('ready');
  });

  test('count once for each: who has spoken for itself and then finishes its task is one', () => {
    const realm = begun();
    raise(realm);
    expect(typesOf(say(realm, 'bob'))).toStrictEqual(['blocker.declared']);
    expect(say(realm, 'bob').kind).toBe('unchanged');
    expect(typesOf(complete(realm, 'p/help.b1.1'))).toStrictEqual([
      'task.completed',
      'blocker.declared',
    ]);
    expect(realm.world.coordinator.blockers.get('b1')?.declared).toStrictEqual([
      { sessionId: 'bob', taskId: 'p/help.b1.1' },
    ]);
    expect(typesOf(say(realm, 'eve'))).toContain('blocker.resolved');
  });

  test('of one who has done two sides are two', () => {
    const realm = begun();
    raise(realm, 'b1', { waiting: [] });
    realm.run('sessions.open', { agent: 'zoe', capabilities: NEEDS, leasesMax: 2 }, { ids: ['z'] });
    realm.run('tasks.next', { sessionId: 'z', count: 2 });
    complete(realm, 'p/help.b1.1');
    expect(typesOf(complete(realm, 'p/help.b1.2'))).toContain('blocker.resolved');
  });

  test('that come when a person has decided change nothing', () => {
    const realm = begun();
    raise(realm);
    realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'I did it' });
    expect(say(realm, 'bob')).toMatchObject({ kind: 'reject', code: 'blocker.resolved' });
    expect(phaseOf(realm, 'p/help.b1.1')).toBe('cancelled');
  });

  test('are given by verdict too: the author of accepted help has spoken', () => {
    const realm = begun();
    raise(realm, 'b1', { waiting: ['bob'], needs: [GO] });
    const { coordinator } = realm.world;
    const task = findTask(coordinator, 'p/help.b1.1');
    // Help has no gates of its own; a plan's edit cannot give it any. As if it had one.
    coordinator.tasks.specs[task] = {
      ...specOf(coordinator, task),
      gates: [{ name: 'test', run: { shell: 'true' } }] as never,
    };
    expect(typesOf(complete(realm, 'p/help.b1.1'))).toStrictEqual(['task.submitted']);
    const judged = realm.run('tasks.judge', {
      taskId: 'p/help.b1.1',
      verdict: 'accept',
      reason: 'seen',
    });
    expect(eventsOf(judged)).toMatchObject([
      { type: 'task.accepted', author: 'bob' },
      { type: 'blocker.declared', sessionId: 'bob', taskId: 'p/help.b1.1' },
      { type: 'blocker.resolved' },
    ]);
  });
});

describe('help is over with its blocker', () => {
  test('leases end, and what nobody had taken is not handed out any more', () => {
    const realm = begun();
    raise(realm, 'b1', { waiting: ['bob'] });
    const fence = realm.fenceOf('p/help.b1.1');
    realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'x'.repeat(2_000) });
    expect([phaseOf(realm, 'p/help.b1.1'), phaseOf(realm, 'p/help.b1.2')]).toStrictEqual([
      'cancelled',
      'cancelled',
    ]);
    expect(realm.run('tasks.complete', { taskId: 'p/help.b1.1', fence })).toMatchObject({
      kind: 'refuse',
      rejection: { code: 'lease.stale' },
    });
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test.each([
    ['done', (realm: RealmRun) => complete(realm, 'p/a')],
    ['cancelled', (realm: RealmRun) => realm.run('tasks.cancel', { taskId: 'p/a', reason: 'r' })],
    ['cancelled', (realm: RealmRun) => realm.run('plans.cancel', { planId: 'p', reason: 'r' })],
  ])('and with its task, which is %s', (phase, end) => {
    const realm = begun();
    raise(realm);
    end(realm);
    expect(
      ['p/a', 'p/help.b1.1', 'p/help.b1.2'].map((taskId) => phaseOf(realm, taskId)),
    ).toStrictEqual([phase, 'cancelled', 'cancelled']);
    expect(realm.world.coordinator.openBlockers).toBe(0);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('a helper that is blocked itself gets help, which ends with its own', () => {
    const realm = begun();
    raise(realm);
    realm.run('sessions.open', { agent: 'zoe', capabilities: [SIP] }, { ids: ['zoe'] });
    raise(realm, 'b2', { taskId: 'p/help.b1.1', needs: [SIP], waiting: ['zoe'] });
    expect(phaseOf(realm, 'p/help.b2.1')).toBe('leased');
    const dissolved = eventsOf(
      realm.run('blockers.resolve', { blockerId: 'b1', resolution: 'gone' }),
    ).map((event) => ('blockerId' in event ? event.blockerId : 'taskId' in event && event.taskId));
    expect(dissolved).toStrictEqual(['b1', 'p/help.b1.1', 'b2', 'p/help.b2.1', 'p/help.b1.2']);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('a blocker of help that waited for the blocked task ends once when that is done', () => {
    const realm = begun();
    raise(realm);
    raise(realm, 'b2', { taskId: 'p/help.b1.1', waitsOn: 'p/a', needs: [SIP], waiting: [] });
    const events = eventsOf(complete(realm, 'p/a'));
    const resolved = events.flatMap((event) =>
      event.type === 'blocker.resolved' ? [`${event.blockerId}: ${event.resolution}`] : [],
    );
    expect(resolved).toStrictEqual(['b2: p/a is done', 'b1: p/a is done']);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('a blocker of one helper that waited for another ends once when that is the last word', () => {
    const realm = begun();
    raise(realm, 'b1', { quorum: 1 });
    raise(realm, 'b2', { taskId: 'p/help.b1.2', waitsOn: 'p/help.b1.1', needs: [] });
    expect(typesOf(complete(realm, 'p/help.b1.1'))).toStrictEqual([
      'task.completed',
      'blocker.resolved',
      'blocker.declared',
      'blocker.resolved',
      'task.cancelled',
    ]);
    expect(worldFaults(realm.world)).toStrictEqual([]);
  });

  test('what a completion dissolves is not granted with it', () => {
    const realm = begun([
      { key: 'a', title: 'A' },
      { key: 'z', title: 'Z' },
    ]);
    realm.run('sessions.open', { agent: 'zoe', capabilities: NEEDS }, { ids: ['zoe'] });
    raise(realm, 'b1', { quorum: 1, waiting: [] });
    realm.run('tasks.claim', { taskId: 'p/help.b1.1', sessionId: 'zoe' });
    expect(eventsOf(complete(realm, 'p/help.b1.1', true))).toMatchObject([
      { type: 'task.completed' },
      { type: 'blocker.declared' },
      { type: 'blocker.resolved' },
      { type: 'task.cancelled', taskId: 'p/help.b1.2' },
      { type: 'task.leased', taskId: 'p/z' },
    ]);
  });
});

test('who raised it may be long forgotten: then nobody else is known to be its agent', () => {
  const realm = begun();
  realm.run('sessions.open', { agent: 'ada', capabilities: NEEDS }, { ids: ['ada2'] });
  raise(realm, 'b1', { waiting: [], release: true });
  realm.run('sessions.close', { sessionId: 'ada' });
  const claim = () => realm.run('tasks.claim', { taskId: 'p/help.b1.1', sessionId: 'ada2' });
  expect(claim()).toMatchObject({ kind: 'reject', code: 'auth.forbidden' });
  // As it is after ten thousand sessions have ended.
  realm.world.coordinator.sessions.delete('ada');
  expect(eventsOf(claim())).toMatchObject([{ type: 'task.leased', sessionId: 'ada2' }]);
});

test('defect: a task is taken for help that nobody offered', () => {
  const { coordinator } = begun().world;
  expect(() => limitOfHelp(coordinator, 0)).toThrow('help without a limit');
});

const DEFECTS: readonly (readonly [string, DomainEvent])[] = [
  [
    'help with no blocker',
    {
      blockerId: 'none',
      limitMicroUsd: 1,
      needs: [],
      priority: 0,
      taskId: 'p/help.none.1',
      type: 'help.offered',
    },
  ],
  [
    'a declaration on no blocker',
    { blockerId: 'none', sessionId: 'bob', type: 'blocker.declared' },
  ],
  ['an alert of no blocker', { blockerId: 'none', type: 'blocker.escalated' }],
];

test.each(DEFECTS)('defect: %s', (message, event) => {
  const realm = begun();
  const { size: index, epoch } = realm.world.realm;
  const entry = { index, at: 0, epoch, op: 'blockers.raise', args: {}, principal: 'p' };
  expect(() => evolve(realm.world, { ...entry, events: [event] })).toThrow(message);
});

test('a raised blocker is decided without a trace in the world', () => {
  const realm = begun();
  const args = {
    taskId: 'p/a',
    fence: realm.fenceOf('p/a'),
    kind: 'dependency',
    title: 't',
    needs: NEEDS,
    waiting: ['bob', 'eve'],
  };
  const command = realm.commandOf({ op: 'blockers.raise', args, ids: ['b1'] });
  const first = decide(realm.world, command);
  expect(decide(realm.world, command)).toStrictEqual(first);
  expect(findTask(realm.world.coordinator, 'p/help.b1.1')).toBe(NONE);
});

describe('help that is set aside', () => {
  test('is not waited for: the word of the others lifts the blocker', () => {
    for (const op of ['tasks.cancel', 'tasks.park'] as const) {
      const realm = begun();
      raise(realm);
      realm.run(op, { taskId: 'p/help.b1.1', reason: 'not needed' });
      const [row] = viewBlockers(realm.world, {}).blockers;
      expect(row?.quorum, op).toBe(1);
      const types = eventsOf(complete(realm, 'p/help.b1.2')).map(({ type }) => type);
      expect(types, op).toContain('blocker.resolved');
      expect(worldFaults(realm.world)).toStrictEqual([]);
    }
  });

  test('is nothing that work can wait for: neither of a new task nor of one that is there', () => {
    const realm = begun([
      { key: 'a', title: 'A' },
      { key: 'z', title: 'Z' },
    ]);
    raise(realm);
    const on = TaskId.parse('p/help.b1.1');
    const added = realm.run('plans.edit', {
      planId: 'p',
      add: [{ key: 'n', title: 'N', dependsOn: [on] }],
    });
    const linked = realm.run('plans.edit', {
      planId: 'p',
      addDependencies: [{ task: 'z', dependsOn: on }],
    });
    for (const decision of [added, linked])
      expect(decision).toMatchObject({ kind: 'reject', code: 'plan.unknown_dependency' });
  });
});
