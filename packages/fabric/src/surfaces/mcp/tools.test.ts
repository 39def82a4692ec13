import { problemOf, reject, type ErrorCode } from '@infrafabric/protocol';
import { describe, expect, test } from 'vitest';
import { RESULT_BYTES_MAX, SEARCH_PAGES_MAX } from './limits.ts';
import { bytesOf } from './fit.ts';
import type { Answer, ToolCaller } from './tool-caller.ts';
import { mcpTools } from './tools.ts';

const SESSION = `ses_${'0'.repeat(16)}`;
const OTHER = `ses_${'1'.repeat(16)}`;
const BLOCKER = `blk_${'0'.repeat(16)}`;
const HELD = { taskId: 'p/a', fencingToken: 'f'.repeat(40) };

type Answers = Readonly<Record<string, (input: Record<string, unknown>) => unknown>>;
const refused = (code: ErrorCode): Answer => ({
  kind: 'problem',
  problem: problemOf(reject(code, 'scripted')),
});

/** A fabric of scripted answers; what it was asked for stands in `seen`. */
function scripted(answers: Answers, more: Partial<ToolCaller> = {}) {
  const seen: { op: string; input: Record<string, unknown>; key: string | undefined }[] = [];
  const caller: ToolCaller = {
    ...more,
    call: async (op, input, { key }) => {
      const given = input as Record<string, unknown>;
      seen.push({ op, input: given, key });
      const output = answers[op]?.(given);
      if (output === undefined) return refused('fabric.stopping');
      const isAnswer = typeof output === 'object' && output !== null && 'kind' in output;
      return isAnswer && output.kind === 'problem' ? (output as Answer) : { kind: 'ok', output };
    },
  };
  return { caller, seen };
}

async function run(name: string, args: object, caller: ToolCaller, more: object = {}) {
  const tool = mcpTools.find((one) => one.name === name);
  if (tool === undefined) throw new Error(`no tool ${name}`);
  const signal = new AbortController().signal;
  return tool.call(args, { caller, signal, progress: () => undefined, ...more });
}

const counts = { ready: 1 };
const plan = { planId: 'p', title: 'a plan', status: 'active', counts, phases: [] };
const money = {
  limitMicroUsd: 100,
  reservedMicroUsd: 20,
  spentMicroUsd: 30,
  overrunMicroUsd: 0,
};
const status = {
  tasks: {},
  sessions: {},
  blockersOpen: 0,
  breakersOpen: 1,
  escalationsOpen: 2,
  money,
  plans: 1,
  readOnly: false,
};
const sessionRow = (sessionId: string, more: object = {}) => ({
  sessionId,
  agent: 'ada',
  role: 'worker',
  status: 'open',
  liveness: 'working',
  reason: 'seen',
  lastEvidence: 'tool',
  lastEvidenceAt: 0,
  capabilities: [],
  leases: [],
  ...more,
});
const blockerRow = (blockerId: string, more: object = {}) => ({
  blockerId,
  taskId: 'p/a',
  kind: 'other',
  title: 'stuck',
  needs: [],
  status: 'open',
  raisedBy: SESSION,
  raisedAt: 0,
  helpers: [],
  help: [],
  blocks: 0,
  declared: [],
  quorum: 1,
  escalateAt: 60_000,
  ...more,
});
const grant = {
  ...HELD,
  fence: 1,
  attempt: 1,
  leaseMs: 30_000,
  leaseExpiresAt: 0,
  scope: {},
  task: { key: 'a', title: 'a' },
};
const full = () => refused('session.full');
const alive = () => ({ sessionId: SESSION });

describe('a refusal in the middle of a tool is the answer of the tool', () => {
  test.each<[string, object, Answers]>([
    ['next_task', { sessionId: SESSION }, { 'sessions.heartbeat': alive }],
    [
      'report_progress',
      { sessionId: SESSION, ...HELD, note: 'half' },
      { 'tasks.renew': () => ({ renewed: [{ taskId: 'p/a', leaseExpiresAt: 0 }], lost: [] }) },
    ],
    ['show_status', { list: 'plans' }, { 'realm.status': () => status }],
    ['show_status', { list: 'blockers' }, { 'realm.status': () => status }],
    ['show_status', { list: 'sessions' }, { 'realm.status': () => status }],
    ['show_status', { planId: 'p' }, {}],
    ['show_status', { planId: 'p' }, { 'plans.show': () => plan }],
    ['show_status', { taskId: 'p/a' }, { 'tasks.explain': () => ({ reasons: [] }) }],
    ['show_status', { taskId: 'p/a' }, { 'tasks.show': () => ({ taskId: 'p/a' }) }],
    ['show_status', { taskId: 'p/a', cursor: 'text:0' }, {}],
  ])('%s %j', async (name, args, answers) => {
    const { caller } = scripted(answers);
    expect(await run(name, args, caller)).toMatchObject({
      kind: 'problem',
      problem: { code: 'fabric.stopping' },
    });
  });

  test('a registration of a credential that has a session is a sign of life of that session', async () => {
    const session = SESSION as never;
    const refusing = scripted({}, { session });
    expect(await run('register_session', { agent: 'ada' }, refusing.caller)).toMatchObject({
      problem: { code: 'fabric.stopping' },
    });
    const { caller, seen } = scripted({ 'sessions.heartbeat': alive }, { session });
    expect(await run('register_session', { agent: 'ada' }, caller)).toMatchObject({
      content: { sessionId: SESSION, registered: false },
    });
    expect(seen.map(({ op }) => op)).toEqual(['sessions.heartbeat']);
  });
});

describe('what is optional goes out only where it was given', () => {
  test.each<[string, string, object, object]>([
    [
      'register_session',
      'sessions.open',
      { agent: 'ada', capabilities: ['lang:ts'], swarm: 'blue', leasesMax: 3 },
      { agent: 'ada', capabilities: ['lang:ts'], swarm: 'blue', leasesMax: 3, label: 'cli 1' },
    ],
    [
      'report_blocker',
      'blockers.raise',
      {
        ...HELD,
        kind: 'other',
        title: 't',
        needs: ['lang:ts'],
        waitsOn: 'p/b',
        release: true,
      },
      { ...HELD, kind: 'other', title: 't', needs: ['lang:ts'], waitsOn: 'p/b', release: true },
    ],
    [
      'ask_question',
      'blockers.raise',
      { ...HELD, question: 'why', release: true },
      { ...HELD, kind: 'question', title: 'why', release: true },
    ],
    [
      'join_blocker',
      'blockers.join',
      { blockerId: BLOCKER, sessionId: SESSION, note: 'here' },
      { blockerId: BLOCKER, sessionId: SESSION, note: 'here' },
    ],
    [
      'submit_task',
      'tasks.complete',
      { ...HELD, evidence: { summary: 's' } },
      { ...HELD, evidence: { summary: 's' } },
    ],
    [
      'fail_task',
      'tasks.fail',
      { ...HELD, reason: 'r', retry: false },
      { ...HELD, reason: 'r', retry: false },
    ],
    ['release_task', 'tasks.release', { ...HELD, reason: 'r' }, { ...HELD, reason: 'r' }],
    [
      'claim_task',
      'tasks.claim',
      { sessionId: SESSION, taskId: 'p/a', leaseMs: 5_000 },
      { sessionId: SESSION, taskId: 'p/a', leaseMs: 5_000 },
    ],
  ])('%s asks for %s', async (name, op, args, input) => {
    const { caller, seen } = scripted({});
    await run(name, { ...args, idempotencyKey: 'mine' }, caller, { client: 'cli 1' });
    expect(seen).toEqual([{ op, input, key: expect.stringMatching(/^mcp\./u) }]);
  });

  test('report_progress: percent alone is a report, none of both only a renewal', async () => {
    const renewal = () => ({ renewed: [{ taskId: 'p/a', leaseExpiresAt: 0 }], lost: [] });
    const { caller, seen } = scripted({
      'tasks.renew': renewal,
      'tasks.progress': () => ({ taskId: 'p/a', index: 7 }),
    });
    const args = { sessionId: SESSION, ...HELD };
    expect(await run('report_progress', { ...args, percent: 5 }, caller)).toMatchObject({
      content: { entry: 7 },
    });
    expect(seen.at(-1)?.input).toEqual({ ...HELD, percent: 5 });
    seen.length = 0;
    await run('report_progress', args, caller);
    expect(seen.map(({ op }) => op)).toEqual(['tasks.renew']);
  });

  test('report_progress: a cost is charged last, under a key of its own, and what is left is told', async () => {
    const answers: Answers = {
      'tasks.renew': () => ({ renewed: [{ taskId: 'p/a', leaseExpiresAt: 0 }], lost: [] }),
      'tasks.progress': () => ({ taskId: 'p/a', index: 7 }),
      'usage.record': () => ({
        taskId: 'p/a',
        microUsd: 30,
        chargedMicroUsd: 20,
        overrunMicroUsd: 10,
        leftMicroUsd: 0,
      }),
    };
    const { caller, seen } = scripted(answers);
    const usage = { model: 'm', inputTokens: 5, cachedTokens: 0, outputTokens: 1 };
    const args = { sessionId: SESSION, ...HELD, note: 'half', usage };
    const told = { usage: { microUsd: 30, overrunMicroUsd: 10, leftMicroUsd: 0 } };
    expect(await run('report_progress', { ...args, idempotencyKey: 'k' }, caller)).toMatchObject({
      content: { entry: 7, ...told },
    });
    expect(seen.map(({ op }) => op)).toEqual(['tasks.renew', 'tasks.progress', 'usage.record']);
    const [, report, cost] = seen;
    expect(cost?.input).toEqual({ ...HELD, ...usage });
    expect(cost?.key).toMatch(/^mcp\./u);
    expect(cost?.key).not.toBe(report?.key);
    await run('report_progress', { ...args, idempotencyKey: 'k' }, caller);
    expect(seen.at(-1)?.key).toBe(cost?.key);
    await run('report_progress', { sessionId: SESSION, ...HELD, usage: { microUsd: 3 } }, caller);
    expect(seen.slice(-2).map(({ op }) => op)).toEqual(['tasks.renew', 'usage.record']);
    expect(seen.at(-1)).toMatchObject({ input: { ...HELD, microUsd: 3 } });
    expect(seen.at(-1)?.key).not.toBe(cost?.key);
    const { 'usage.record': _priced, ...unpriced } = answers;
    const refusing = scripted({ ...unpriced, 'usage.record': () => refused('price.unknown') });
    expect(await run('report_progress', args, refusing.caller)).toMatchObject({
      problem: { code: 'price.unknown' },
    });
    for (const wrong of [{ microUsd: -1 }, { inputTokens: 0.5 }, { model: 'a b' }, { usd: 1 }]) {
      expect(await run('report_progress', { ...args, usage: wrong }, caller)).toMatchObject({
        problem: { code: 'request.invalid' },
      });
    }
  });

  test('report_progress of a lease that was lost says why, or that it has ended', async () => {
    const args = { sessionId: SESSION, ...HELD };
    for (const [lost, detail] of [
      [[{ taskId: 'p/a', detail: 'taken over' }], 'taken over'],
      [[], 'The lease of p/a has ended.'],
    ] as const) {
      const { caller } = scripted({ 'tasks.renew': () => ({ renewed: [], lost }) });
      expect(await run('report_progress', args, caller)).toMatchObject({
        problem: { code: 'lease.stale', detail },
      });
    }
  });
});

describe('a grant says what may be spent, and whom a help task helps', () => {
  const granting = (more: object) =>
    scripted({
      'sessions.heartbeat': alive,
      'tasks.next': () => ({ grants: [{ ...grant, ...more }] }),
    }).caller;
  const scope = { limitMicroUsd: 10, reservedMicroUsd: 4 };
  const args = { sessionId: SESSION, waitMs: 0 };

  test('of a task', async () => {
    const result = await run('next_task', args, granting({ scope }));
    expect(result).toMatchObject({
      content: { scope, task: { saidBy: 'the author of plan p' } },
    });
    expect(JSON.stringify(result)).not.toContain('helps');
  });

  test('of a help task, whose words are those of the agent that is stuck', async () => {
    const taskId = `p/help.${BLOCKER}.1`;
    const result = await run(
      'next_task',
      args,
      granting({ taskId, scope: { ...scope, helps: BLOCKER } }),
    );
    expect(result).toMatchObject({
      content: {
        scope: { ...scope, helps: BLOCKER },
        task: { saidBy: `who raised ${BLOCKER}, and the author of plan p` },
        next: expect.stringContaining(`It helps with blocker ${BLOCKER}`),
      },
    });
  });
});

describe('report_blocker says who helps, what is open and who was told', () => {
  const args = { ...HELD, kind: 'capability', title: 't', needs: ['integration:sip'] };
  const raised = {
    blockerId: BLOCKER,
    taskId: 'p/a',
    phase: 'leased',
    helpers: [],
    open: [],
    uncovered: [],
  };
  const report = async (more: object) => {
    const { caller } = scripted({ 'blockers.raise': () => ({ ...raised, ...more }) });
    const result = await run('report_blocker', args, caller);
    return result.kind === 'ok' ? result.content : {};
  };
  const helper = {
    taskId: `p/help.${BLOCKER}.1`,
    needs: ['integration:sip'],
    agent: 'bob',
    swarmId: 'red',
    relation: 'friend-of',
    limitMicroUsd: 5,
  };

  test('helpers with their side, without their session: it is not the reader’s to use', async () => {
    const content = await report({ helpers: [{ ...helper, sessionId: OTHER }], open: ['p/x'] });
    expect(content).toMatchObject({ helpers: [helper], open: ['p/x'] });
    expect(JSON.stringify(content)).not.toContain(OTHER);
    expect(content['next']).toMatch(/^1 help.*take their work in\./u);
  });

  test.each([
    [{ open: ['p/x'] }, ['open'], 'Help waits for somebody who has room.'],
    [
      { uncovered: ['integration:sip'], escalationId: 'esc_7' },
      ['uncovered', 'escalationId'],
      'Nobody can help; a person was told.',
    ],
    [{}, [], 'Call show_status'],
  ])('%j', async (more, members, next) => {
    const content = await report(more);
    expect(Object.keys(content)).toEqual(['blockerId', 'taskId', 'phase', ...members, 'next']);
    expect(content['next']).toContain(next);
  });

  test('more helpers than an answer holds are cut', async () => {
    const helpers = Array.from({ length: 300 }, () => ({ ...helper, sessionId: OTHER }));
    const content = await report({ helpers });
    expect(content).toMatchObject({ blockerId: BLOCKER, truncated: ['helpers'] });
    expect(bytesOf(content)).toBeLessThan(RESULT_BYTES_MAX);
  });
});

test('resolve_blocker says what it counted for', async () => {
  const args = { blockerId: BLOCKER, sessionId: SESSION, resolution: 'there' };
  const standing = { blockerId: BLOCKER, taskId: 'p/a', phase: 'leased', declared: 1, quorum: 2 };
  const open = scripted({ 'blockers.resolve': () => ({ ...standing, status: 'open' }) });
  expect(await run('resolve_blocker', args, open.caller)).toMatchObject({
    content: { status: 'open', declared: 1, quorum: 2, next: expect.stringContaining('1 of 2') },
  });
  const over = scripted({ 'blockers.resolve': () => ({ ...standing, status: 'resolved' }) });
  const { declared: _d, quorum: _q, ...left } = standing;
  expect(await run('resolve_blocker', args, over.caller)).toEqual({
    kind: 'ok',
    content: { ...left, status: 'resolved' },
  });
});

describe('next_task of a session that is full', () => {
  const args = { sessionId: SESSION, planId: 'p', leaseMs: 5_000, waitMs: 0 };
  const holding = (...leases: readonly string[]): Answers => ({
    'sessions.heartbeat': alive,
    'tasks.next': full,
    'sessions.list': () => ({ sessions: [sessionRow(SESSION, { leases })] }),
  });

  test('gives the one task that it holds, under a key of its own', async () => {
    const { caller, seen } = scripted({ ...holding('p/a'), 'tasks.claim': () => grant });
    expect(await run('next_task', { ...args, idempotencyKey: 'k' }, caller)).toMatchObject({
      content: { taskId: 'p/a', resumed: true },
    });
    const asked = seen.find(({ op }) => op === 'tasks.next');
    expect(asked?.input).toEqual(args);
    expect(seen.at(-1)?.key).not.toBe(asked?.key);
  });

  test.each([
    ['holds two', holding('p/a', 'p/b')],
    ['holds none', holding()],
    ['is not listed', { ...holding(), 'sessions.list': () => ({ sessions: [] }) }],
    ['lost it meanwhile', holding('p/a')],
  ])('is told so where it %s', async (_what, answers) => {
    const { caller } = scripted(answers);
    expect(await run('next_task', args, caller)).toMatchObject({
      problem: { code: 'session.full' },
    });
  });
});

describe('show_status', () => {
  test('a page of an overview goes on from its cursor', async () => {
    const next = 'q';
    const { caller, seen } = scripted({
      'realm.status': () => status,
      'plans.list': () => ({ plans: [plan], next }),
      'blockers.list': () => ({ blockers: [blockerRow(BLOCKER)], next }),
      'sessions.list': () => ({ sessions: [sessionRow(SESSION)], next }),
    });
    for (const [list, id] of [
      ['plans', { planId: 'p' }],
      ['blockers', { blockerId: BLOCKER }],
      ['sessions', { sessionId: SESSION }],
    ] as const) {
      expect(await run('show_status', { list, cursor: 'o' }, caller)).toMatchObject({
        content: { [list]: [id], nextCursor: 'q' },
      });
      expect(seen.at(-1)?.input).toMatchObject({ after: 'o' });
    }
    expect(await run('show_status', {}, caller)).toMatchObject({
      content: { realm: { money, breakersOpen: 1, escalationsOpen: 2 } },
    });
  });

  test('a plan goes on from its cursor and tells the phases that are ahead', async () => {
    const phases = [
      { id: 'one', status: 'passed', tasksLeft: 0, title: 'one' },
      { id: 'two', status: 'open', tasksLeft: 3, title: 'two' },
    ];
    const { caller, seen } = scripted({
      'plans.show': () => ({ ...plan, phases }),
      'tasks.list': () => ({ tasks: [], next: 'p/m' }),
    });
    expect(await run('show_status', { planId: 'p', cursor: 'p/c' }, caller)).toMatchObject({
      content: { phases: [{ id: 'two', status: 'open', tasksLeft: 3 }], nextCursor: 'p/m' },
    });
    expect(seen.at(-1)?.input).toMatchObject({ planId: 'p', after: 'p/c' });
  });

  test('two ids at once are refused before anything is asked', async () => {
    const { caller, seen } = scripted({});
    expect(await run('show_status', { planId: 'p', taskId: 'p/a' }, caller)).toMatchObject({
      problem: { code: 'request.invalid' },
    });
    expect(seen).toEqual([]);
  });

  test('a task tells what it has: holder, progress, evidence, why it is parked', async () => {
    const task = {
      taskId: 'p/a',
      title: 'a',
      phase: 'parked',
      priority: 0,
      attempts: 1,
      waitsFor: 2,
      spec: { key: 'a', title: 'a' },
      dependsOn: [],
      dependants: 0,
      blockers: [],
    };
    const all = {
      ...task,
      holder: { sessionId: SESSION, agent: 'ada', until: 0 },
      lastProgress: 'half',
      evidence: { summary: 'done' },
      parkedFor: 'later',
    };
    const show = async (shown: object) => {
      const { caller } = scripted({
        'tasks.show': () => shown,
        'tasks.explain': () => ({ reasons: [] }),
      });
      const result = await run('show_status', { taskId: 'p/a' }, caller);
      return result.kind === 'ok' ? result.content : {};
    };
    expect(await show(all)).toMatchObject({
      waitsFor: 2,
      holder: { agent: 'ada', until: '1970-01-01T00:00:00.000Z' },
      lastProgress: { saidBy: 'agent ada', data: 'half' },
      evidence: { data: { summary: 'done' } },
      parkedFor: { data: 'later' },
    });
    const { holder: _holder, ...left } = all;
    expect(await show(left)).toMatchObject({
      lastProgress: { saidBy: 'an agent that held it', data: 'half' },
    });
    expect(Object.keys(await show(task))).not.toContain('evidence');
  });

  test('a blocker and a session are searched page by page; who is on none is not found', async () => {
    const pages = (input: Record<string, unknown>) => Number(input['after'] ?? 0);
    const search = (at: number): Answers => ({
      'sessions.list': (input) => ({
        sessions: [sessionRow(pages(input) === at ? SESSION : OTHER)],
        next: `${pages(input) + 1}`,
      }),
      'blockers.list': (input) => ({
        blockers:
          input['status'] === 'resolved' && pages(input) === at
            ? [blockerRow(BLOCKER, { resolution: 'there', waitsOn: 'p/b' })]
            : [],
        ...(pages(input) < at ? { next: `${pages(input) + 1}` } : {}),
      }),
    });
    const near = scripted(search(1));
    expect(await run('show_status', { sessionId: SESSION }, near.caller)).toMatchObject({
      content: { sessionId: SESSION },
    });
    expect(await run('show_status', { blockerId: BLOCKER }, near.caller)).toMatchObject({
      content: { resolution: { data: 'there' }, waitsOn: 'p/b' },
    });
    const far = scripted(search(SEARCH_PAGES_MAX));
    expect(await run('show_status', { sessionId: SESSION }, far.caller)).toMatchObject({
      problem: { code: 'session.not_found' },
    });
    expect(far.seen).toHaveLength(SEARCH_PAGES_MAX);
    expect(await run('show_status', { blockerId: BLOCKER }, far.caller)).toMatchObject({
      problem: { code: 'blocker.not_found' },
    });
    for (const args of [{ sessionId: SESSION }, { blockerId: BLOCKER }]) {
      expect(await run('show_status', args, scripted({}).caller)).toMatchObject({
        problem: { code: expect.stringMatching(/not_found/u) },
      });
    }
  });

  test('a blocker tells its sides, what it holds up, and when a person is told', async () => {
    const help = [
      { taskId: 'p/h1', needs: ['a:b'], phase: 'leased', limitMicroUsd: 5, sessionId: OTHER },
      { taskId: 'p/h2', needs: ['a:c'], phase: 'ready', limitMicroUsd: 5 },
    ];
    const show = async (more: object) => {
      const rows = { blockers: [blockerRow(BLOCKER, { help, blocks: 7, ...more })] };
      const result = await run(
        'show_status',
        { blockerId: BLOCKER },
        scripted({ 'blockers.list': () => rows }).caller,
      );
      return result.kind === 'ok' ? result.content : {};
    };
    expect(await show({ declared: [OTHER], quorum: 2 })).toMatchObject({
      help: [
        { taskId: 'p/h1', needs: ['a:b'], phase: 'leased', sessionId: OTHER },
        { taskId: 'p/h2', needs: ['a:c'], phase: 'ready' },
      ],
      blocks: 7,
      declared: 1,
      quorum: 2,
      personToldAt: '1970-01-01T00:01:00.000Z',
    });
    expect(Object.keys(await show({ status: 'resolved' }))).not.toContain('personToldAt');
  });

  test('what is too long for one answer is cut, and named', async () => {
    const leases = Array.from({ length: 1_000 }, (_, i) => `p/${'t'.repeat(60)}${i}`);
    const { caller } = scripted({
      'sessions.list': () => ({ sessions: [sessionRow(SESSION, { leases })] }),
      'blockers.list': () => ({ blockers: [blockerRow(BLOCKER, { title: '"'.repeat(20_000) })] }),
    });
    const session = await run('show_status', { sessionId: SESSION }, caller);
    expect(session).toMatchObject({ content: { truncated: ['leases'] } });
    const blocker = await run('show_status', { blockerId: BLOCKER }, caller);
    expect(blocker).toMatchObject({ content: { truncated: ['title.data'] } });
    for (const result of [session, blocker]) {
      expect(bytesOf(result.kind === 'ok' && result.content)).toBeLessThan(RESULT_BYTES_MAX);
    }
  });

  test('the whole text of a task is told in pages that join to it', async () => {
    const spec = { key: 'a', title: 'a', description: '\u0001ä"'.repeat(3_000) };
    const { caller } = scripted({ 'tasks.show': () => ({ taskId: 'p/a', spec }) });
    let text = '';
    for (let cursor: unknown = 'text:0'; typeof cursor === 'string';) {
      const result = await run('show_status', { taskId: 'p/a', cursor }, caller);
      if (result.kind !== 'ok') throw new Error(result.problem.code);
      expect(bytesOf(result.content)).toBeLessThan(RESULT_BYTES_MAX);
      text += (result.content['task'] as { data: string }).data;
      cursor = result.content['nextCursor'];
    }
    expect(JSON.parse(text)).toEqual(spec);
  });
});
