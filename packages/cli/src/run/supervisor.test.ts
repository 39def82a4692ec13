/** When a run is over, and what it says is left: by pictures of a plan that a real run rarely shows. */
import { PlanSpec } from '@infrafabric/protocol';
import { connect } from '@infrafabric/sdk';
import type { Client } from '@infrafabric/sdk';
import { afterEach, expect, test } from 'vitest';
import { COUNTS, problem, serveAnswers, STATUS } from '../../test/wire.ts';
import type { Answers, Wire } from '../../test/wire.ts';
import { createGit } from './git.ts';
import { simulatedExecutor } from './executors/simulated.ts';
import { Supervisor } from './supervisor.ts';
import type { SupervisorOptions } from './supervisor.ts';

let wire: Wire | undefined;
let client: Client | undefined;
let supervisor: Supervisor | undefined;
afterEach(async () => {
  supervisor?.stop();
  client?.close();
  await wire?.close();
});

const PLAN = PlanSpec.parse({ id: 'p', tasks: [{ key: 'a', title: 'A' }] });
const shown = (
  counts: Partial<Record<keyof typeof COUNTS, number>>,
  more: object = {},
): object => ({
  planId: 'p',
  title: 'P',
  status: 'active',
  counts: { ...COUNTS, ...counts },
  submittedAt: 1,
  phases: [],
  dependencies: 0,
  longestChain: 1,
  unfinishedChain: 1,
  ...more,
});
const phase = (more: object): object => ({
  id: 'ship',
  title: 'Ship',
  status: 'closed',
  autonomous: true,
  tasksLeft: 1,
  approvals: [],
  approvalsNeeded: 1,
  checks: [],
  after: [],
  ...more,
});

const watch = async (answers: Answers, options: Partial<SupervisorOptions> = {}) => {
  wire = await serveAnswers({
    'realm.status': () => STATUS,
    'sessions.open': () => ({
      sessionId: 'ses_1',
      token: 't',
      tokenExpiresAt: Number.MAX_SAFE_INTEGER,
      heartbeatMs: 60_000,
    }),
    'tasks.list': () => ({ tasks: [] }),
    ...answers,
  });
  client = await connect({ url: wire.url, token: 't', transport: 'http' });
  const session = await client.openSession({ agent: 'judge' });
  supervisor = new Supervisor({
    client,
    session,
    plan: PLAN,
    parts: {
      client,
      executor: simulatedExecutor({ meanMs: 0, seed: 1 }),
      isSimulated: true,
      shell: { path: '/bin', lang: 'C' },
      git: createGit('/bin'),
      dataDir: '/nowhere',
      sharedFolder: undefined,
      planFolder: '/nowhere',
      fetch: async () => undefined,
      store: async () => {
        throw new Error('nothing is stored here');
      },
      kill: new AbortController().signal,
      isKept: false,
      onKept: () => undefined,
    },
    suits: () => false,
    working: () => 0,
    approves: async () => false,
    isDraining: () => false,
    ...options,
  });
  return supervisor.settled;
};

test.each([
  ['paused', { ready: 2, blocked: 1 }, ['the plan is paused', 'blocked: 1']],
  ['cancelled', { waiting: 3 }, ['the plan was cancelled', 'waiting for others: 3']],
  ['active', { submitted: 1 }, ['waiting for a verdict: 1']],
  [
    'active',
    { ready: 2 },
    ['ready, and not for this runner: 2; agents can do what names no command, --simulate plays it'],
  ],
  ['done', { done: 1 }, []],
])('S2: a plan that is %s with %j is over, and says what is left', async (status, counts, left) => {
  const settled = await watch({
    'plans.show': () => shown(counts, { status }),
    'tasks.list': ({ phase: wanted }) => ({
      tasks: wanted === 'ready' ? [{ taskId: 'p/a', phase: 'ready' }] : [],
    }),
  });
  expect(settled.left).toEqual(left);
});

test('S2: parked tasks are named with their commands, the rest of them counted', async () => {
  const named = (taskId: string): string =>
    `${taskId} is parked: ifab task show ${taskId} says why, ifab task unpark ${taskId} tries again`;
  const settled = await watch({
    'plans.show': () => shown({ parked: 7 }),
    'tasks.list': ({ limit }) => ({
      tasks: Array.from({ length: Number(limit) }, (_, at) => ({ taskId: `p/${at}` })),
    }),
  });
  expect(settled.left).toEqual([
    ...['p/0', 'p/1', 'p/2', 'p/3', 'p/4'].map(named),
    '2 more are parked: ifab task list',
  ]);
});

test('S2: what changed between two looks at the counts is looked at again', async () => {
  let looks = 0;
  const settled = await watch({
    'plans.show': () => shown((looks += 1) === 1 ? { waiting: 1 } : { done: 1 }),
  });
  expect(settled.plan.counts.done).toBe(1);
  expect(looks).toBe(4);
});

test('an approval is asked for once; a no stays a no, and its command is named', async () => {
  const asked: string[] = [];
  let looks = 0;
  const settled = await watch(
    {
      // The first picture is of a plan where another runner still works.
      'plans.show': () => shown({ leased: (looks += 1) === 1 ? 1 : 0 }, { phases: [phase({})] }),
    },
    {
      approves: async ({ id }) => {
        asked.push(id);
        return false;
      },
    },
  );
  expect(asked).toEqual(['ship']);
  expect(settled.left).toEqual(['phase ship waits for an operator: ifab phase approve p ship']);
});

test('an approval that is given is sent, and the plan is looked at again', async () => {
  let isApproved = false;
  const settled = await watch(
    {
      'plans.show': () =>
        shown(isApproved ? { done: 1 } : {}, {
          phases: [phase(isApproved ? { status: 'passed', approvals: ['op'] } : {})],
        }),
      'phases.approve': () => {
        isApproved = true;
        return { planId: 'p', phase: 'ship', status: 'open' };
      },
    },
    { approves: async () => true },
  );
  expect(isApproved).toBe(true);
  expect(settled.left).toEqual([]);
});

test.each([
  ['it was approved already', { approvals: ['op'] }],
  ['it opens by itself', { autonomous: false }],
  ['a phase before it has not passed', { after: ['build'] }],
  ['tasks of it are left', { status: 'open', tasksLeft: 2 }],
  ['it has passed', { status: 'passed', approvalsNeeded: 2 }],
])('nobody is asked to approve a phase where %s', async (_why, more) => {
  const settled = await watch(
    { 'plans.show': () => shown({}, { phases: [phase(more)] }) },
    {
      approves: async () => {
        throw new Error('asked');
      },
    },
  );
  expect(settled.left).toEqual([]);
});

test('a fabric that says later is asked again, one that says never ends the run', async () => {
  let looks = 0;
  const settled = await watch({
    'plans.show': () =>
      (looks += 1) === 1 ? problem('rate.limited', 'retry-later', 429) : shown({ done: 1 }),
  });
  expect(settled.plan.counts.done).toBe(1);
  supervisor?.stop();
  client?.close();
  await wire?.close();
  await expect(
    watch({ 'plans.show': () => problem('plan.not_found', 'fix-request', 404) }),
  ).rejects.toThrow('plan.not_found');
});
