/** Views of states that a short life of a realm rarely shows; the ordinary ones are seen end to end. */
import { describe, expect, test } from 'vitest';
import { createTerminal } from './terminal.ts';
import { viewOf } from './views.ts';

const terminal = createTerminal(false, 200);
const NOW = 1_000_000;
const view = (operation: string, output: unknown): string =>
  viewOf(operation, output, terminal, NOW);
const COUNTS = {
  total: 3,
  waiting: 0,
  ready: 1,
  leased: 1,
  blocked: 0,
  submitted: 0,
  parked: 0,
  done: 1,
  cancelled: 0,
};

test('empty lists say what to do next', () => {
  expect(view('plans.list', { plans: [] })).toContain('ifab plan submit');
  expect(view('sessions.list', { sessions: [] })).toContain('ifab session open');
  expect(view('tasks.list', { tasks: [] })).toBe('No tasks.\n');
  expect(view('blockers.list', { blockers: [] })).toBe('No blockers.\n');
  expect(view('tasks.next', { grants: [] })).toContain('No task is ready');
  expect(view('witness.query', { entries: [], indexedTo: 7 })).toContain('first 7');
});

test('a gate shows what is open, what passed and what failed', () => {
  const phase = {
    id: 'ship',
    title: 'Ship',
    status: 'open',
    autonomous: true,
    tasksLeft: 0,
    approvals: ['ann'],
    approvalsNeeded: 2,
    checks: [
      { name: 'tests', ok: true },
      { name: 'lint', ok: false },
      { name: 'docs', ok: null },
    ],
    after: [],
  };
  const plan = {
    planId: 'p',
    title: 'P',
    status: 'paused',
    counts: COUNTS,
    submittedAt: NOW,
    dependencies: 0,
    longestChain: 1,
    unfinishedChain: 1,
  };
  const text = view('plans.show', { ...plan, phases: [phase] });
  expect(text).toContain('autonomous, approvals 1/2, tests ok, lint failed, docs not run');
  expect(text).toContain('1/3 done, 1 ready, 1 leased');
  expect(view('plans.show', { ...plan, phases: [] })).not.toContain('PHASE');
});

test('a held task names its holder and when the lease ends', () => {
  const task = {
    taskId: 'p/a',
    title: 'A',
    phase: 'leased',
    priority: 2,
    filler: false,
    fence: 1,
    attempts: 0,
    attemptsMax: 5,
    waitsFor: 0,
    holder: { sessionId: 'ses_1', agent: 'ada', since: NOW, until: NOW + 30_000 },
  };
  expect(view('tasks.list', { tasks: [task], next: 'p/a' })).toMatch(
    /ada, in 30s[\s\S]*more: --after p\/a/,
  );
  const shown = view('tasks.show', {
    ...task,
    spec: { key: 'a', title: 'A', run: { shell: 'make' }, description: 'All of it' },
    dependsOn: [{ taskId: 'p/z', phase: 'done' }],
    dependants: ['p/b'],
    blockers: ['blk_1'],
    evidence: { exitCode: 0 },
    parkedFor: 'too many attempts',
    lastProgress: 'half',
  });
  for (const part of [
    'ada (ses_1)',
    'p/z done',
    'p/b',
    'blk_1',
    '{"exitCode":0}',
    'too many attempts',
    'half',
    'make',
    'All of it',
  ]) {
    expect(shown).toContain(part);
  }
});

test('a realm that cannot write says so', () => {
  const status = {
    realm: 'main',
    origin: 'o',
    epoch: 1,
    size: 9,
    at: NOW,
    durability: 'fsync',
    readOnly: true,
    sessions: { open: 0, waiting: 0 },
    tasks: COUNTS,
    blockersOpen: 2,
    breakersOpen: 0,
    escalationsOpen: 0,
    money: {
      limitMicroUsd: 100_000_000,
      reservedMicroUsd: 0,
      spentMicroUsd: 0,
      overrunMicroUsd: 0,
    },
    plans: 1,
    checkpoint: { size: 8, root: 'r' },
    version: '1',
  };
  expect(view('realm.status', status)).toMatch(
    /blockers +2[\s\S]*8 entries, root r[\s\S]*read-only +yes/,
  );
});

test('an explanation with a time says how long', () => {
  const reasons = [
    { code: 'leased', text: 'ada holds it', until: NOW + 5_000 },
    { code: 'paused', text: 'the plan rests' },
  ];
  const text = view('tasks.explain', { taskId: 'p/a', phase: 'leased', reasons });
  expect(text).toContain('ada holds it (in 5s)');
  expect(text).toContain('the plan rests');
});

test('closed sessions and blockers of others keep their columns', () => {
  const session = {
    sessionId: 's',
    agent: 'a',
    role: 'worker',
    status: 'closed',
    liveness: 'dead',
    reason: 'gone',
    lastEvidenceAt: 0,
    lastEvidence: 'tool',
    openedAt: 0,
    capabilities: [],
    leases: [],
  };
  expect(view('sessions.list', { sessions: [session], next: 's' })).toContain('closed');
  const blocker = {
    blockerId: 'b',
    taskId: 'p/a',
    kind: 'access',
    title: 'key',
    needs: [],
    status: 'open',
    raisedBy: 's',
    raisedAt: 0,
    helpers: ['x'],
    help: [{ phase: 'done' }, { phase: 'leased' }],
    blocks: 7,
  };
  expect(view('blockers.list', { blockers: [blocker], next: 'b' })).toMatch(
    /access +open +.* +7 +1 +1\/2 +key\nmore: --after b/,
  );
  const entry = {
    index: 1,
    at: 0,
    epoch: 1,
    operation: 'o',
    principal: 'p',
    severity: 'info',
    leaf: 'l',
    events: [{ type: 5 }],
    args: {},
  };
  expect(view('witness.query', { entries: [entry], next: 2, indexedTo: 2 })).toMatch(
    /\?[\s\S]*more: --from 2/,
  );
});

describe('help and money', () => {
  const BLOCKER = 'blk_0000000000000001';
  const grant = {
    taskId: 'p/a',
    fencingToken: 'token',
    fence: 1,
    attempt: 1,
    leaseMs: 30_000,
    leaseExpiresAt: NOW + 30_000,
    scope: { owns: ['src/**'], limitMicroUsd: 10_000_000, reservedMicroUsd: 4_000_000 },
    task: { key: 'a', title: 'A', run: { shell: 'make' } },
  };

  test.each(['tasks.claim', 'tasks.next'])('%s says what may be spent', (operation) => {
    const shown = (one: object): string =>
      view(operation, operation === 'tasks.next' ? { grants: [one] } : one);
    expect(shown(grant)).toMatch(/may spend +\$10\.00/u);
    expect(shown(grant)).toMatch(/owns +src\/\*\*/u);
    expect(shown(grant)).not.toContain('helps with');
    const helps = { ...grant, scope: { ...grant.scope, helps: BLOCKER } };
    expect(shown(helps)).toMatch(new RegExp(`helps with +${BLOCKER}`, 'u'));
  });

  test('a blocker names its helpers by swarm, or by agent, with their side and limit', () => {
    const helper = {
      taskId: `p/help.${BLOCKER}.1`,
      needs: ['integration:sip', 'telephony:pbx'],
      sessionId: 'ses_1',
      agent: 'bob',
      limitMicroUsd: 5_000_000,
    };
    const raised = {
      blockerId: BLOCKER,
      taskId: 'p/a',
      phase: 'leased',
      helpers: [],
      open: [],
      uncovered: [],
    };
    const full = view('blockers.raise', {
      ...raised,
      helpers: [{ ...helper, swarmId: 'red' }, helper],
      open: ['p/x', 'p/y'],
      uncovered: ['integration:h323'],
      escalationId: 'esc_7',
    });
    expect(full).toMatch(/helper +red for integration:sip, telephony:pbx, up to \$5\.00/u);
    expect(full).toMatch(/helper +bob for /u);
    expect(full).toMatch(/open +p\/x, p\/y/u);
    expect(full).toMatch(/nobody has +integration:h323/u);
    expect(full).toMatch(/told to a person +esc_7/u);
    expect(view('blockers.raise', raised)).toBe(`blocker  ${BLOCKER}\n`);
    expect(view('blockers.raise', { ...raised, open: ['\u001b[2J'] })).toContain('\\u{1b}[2J');
  });

  test('a declaration says how many more are wanted', () => {
    const one = { blockerId: BLOCKER, status: 'open', declared: 1, quorum: 3 };
    expect(view('blockers.resolve', one)).toContain('stays open: 1 of 3 helpers say');
    expect(view('blockers.resolve', { ...one, status: 'resolved' })).toContain('is resolved');
  });

  test('a session that was opened says how it stays alive', () => {
    const opened = {
      sessionId: 'ses_1',
      token: 't',
      tokenExpiresAt: NOW + 3_600_000,
      heartbeatMs: 30_000,
    };
    expect(view('sessions.open', opened)).toMatch(
      /token ends +in 1h[\s\S]*every 30s: ifab session heartbeat ses_1/u,
    );
  });

  test('proofs and checkpoints are what they are, line by line', () => {
    const text = 'c2sp.org/tlog-proof@v1\nindex 3\n';
    expect(view('witness.proof', { proof: text })).toBe(text);
    expect(view('witness.checkpoint', { checkpoint: text })).toBe(text);
  });

  test('what has no view is shown as its fields, escaped', () => {
    expect(view('tasks.renew', { renewed: [], note: 'a\u001b[2J\n', n: 5 })).toBe(
      'renewed  []\nnote     a\\u{1b}[2J\\u{a}\nn        5\n',
    );
    expect(view('tasks.renew', { 'n\u001b[2J': 5 })).toBe('n\\u{1b}[2J  5\n');
    expect(view('nothing.known', 'a text')).toBe('"a text"\n');
  });
});
