/** Each view of the governor, as wide as terminals are: what it says, that it fits, and that nothing in it acts on one. */
import { describe, expect, test } from 'vitest';
import { createTerminal } from './terminal.ts';
import { GOVERNOR_VIEWS } from './views-governor.ts';
import { viewOf } from './views.ts';

const NOW = Date.UTC(2026, 10, 21);
const wide = createTerminal(false, 200);
const view = (operation: string, output: unknown, terminal = wide): string =>
  viewOf(operation, output, terminal, NOW);

/** Clears a screen, turns text round, ends a line, hides itself. */
const EVIL = 'x\u001b[2J\u009b31m\r\n\u202e\u200b\u0007';
const SAFE = String.raw`x\u{1b}[2J\u{9b}31m\u{d}\u{a}\u{202e}\u{200b}\u{7}`;

const candidate = {
  swarmId: 'session-4-sip',
  matchPermille: 1_000,
  missing: [],
  reputationPermille: 950,
  expectedMicroUsd: 15_000_000,
  reserveMicroUsd: 30_000_000,
  availableMicroUsd: 40_000_000,
  score: 63_333.333_333,
  openSessions: 7,
  verdict: 'chosen',
  reason: 'the best score of 3',
};
const swarm = {
  swarmId: 'session-4-sip',
  capabilities: ['integration:sip', 'telephony:pbx'],
  costPerHourMicroUsd: 15_000_000,
  reputationPermille: 950,
  breaker: 'open',
  sessions: 7,
  limitMicroUsd: 50_000_000,
  reservedMicroUsd: 1_000_000,
  spentMicroUsd: 9_500_000,
  overrunMicroUsd: 0,
  availableMicroUsd: 39_500_000,
  registeredAt: NOW - 60_000,
};
const account = {
  account: 'swarm:session-4-sip',
  parent: 'realm',
  limitMicroUsd: 50_000_000,
  inherited: false,
  reservedMicroUsd: 1_000_000,
  spentMicroUsd: 40_000_000,
  overrunMicroUsd: 0,
  availableMicroUsd: 9_000_000,
  alertPercent: 80,
};
const breaker = {
  swarmId: 'session-4-sip',
  state: 'open',
  cause: 'failures',
  reason: '3 attempts failed in a row',
  since: NOW - 60_000,
  by: 'realm',
  failures: 3,
  spentSinceProgressMicroUsd: 250_000,
};
const escalation = {
  escalationId: 'esc_1234',
  kind: 'breaker',
  severity: 'high',
  subject: 'session-4-sip',
  summary: 'Swarm session-4-sip is stopped: 3 attempts failed in a row.',
  raisedAt: NOW - 60_000,
  index: 1_234,
  status: 'open',
};
const preview = {
  planId: 'shop',
  tasks: 3,
  worstMicroUsd: 60_000_000,
  expectedMicroUsd: 30_000_000,
  unpriced: 1,
  phases: [
    { phase: 'build', tasks: 2, worstMicroUsd: 50_000_000 },
    { tasks: 1, worstMicroUsd: 10_000_000 },
  ],
  confirmAboveMicroUsd: 50_000_000,
  needsConfirmation: true,
};
const price = {
  model: 'local-llama',
  provider: 'own',
  inputMicroUsdPerMTok: 250_000,
  outputMicroUsdPerMTok: 2_000_000,
  cachedMicroUsdPerMTok: 25_000,
  capabilities: [],
  effectiveFrom: '2026-11-21',
  checked: '2026-11-21',
  source: 'our own machine',
  own: true,
};
const usage = {
  taskId: 'shop/api',
  microUsd: 1_500_000,
  chargedMicroUsd: 1_500_000,
  overrunMicroUsd: 0,
  leftMicroUsd: 500_000,
};

/** One output of each operation, as full as it may be, and words that its text must have. */
const SHOWN: Readonly<Record<string, readonly [output: object, ...words: readonly string[]]>> = {
  'match.explain': [
    {
      taskId: 'shop/api',
      needs: ['integration:sip'],
      minMatchPermille: 700,
      chosen: 'session-4-sip',
      candidates: [
        candidate,
        {
          ...candidate,
          swarmId: 'session-1-ndi',
          verdict: 'refused',
          score: 0.123_45,
          matchPermille: 333,
        },
      ],
      next: 'session-4-sip',
    },
    '70 % of the needs at least',
    '63,333',
    '0.123',
    '33.3 %',
    'the best score of 3',
    'more: --after session-4-sip',
  ],
  'swarms.list': [
    {
      swarms: [swarm, { ...swarm, swarmId: 'free', breaker: 'closed', costPerHourMicroUsd: 0 }],
      next: 'free',
    },
    'open',
    '$15.00',
    '$0.00',
    '95 %',
    'integration:sip, telephony:pbx',
    'more: --after free',
  ],
  'swarms.show': [
    {
      ...swarm,
      overrunMicroUsd: 7,
      model: 'sonnet',
      role: 'worker',
      relations: [{ kind: 'friend-of', with: 'session-1-ndi' }],
      breakerReason: '3 attempts failed in a row',
      failures: 3,
      spentSinceProgressMicroUsd: 250_000,
      sessionIds: ['ses_0000000000000001'],
    },
    'stopped for',
    '3 attempts failed in a row',
    'friend-of session-1-ndi',
    '$0.000007',
    '$39.50',
    'ses_0000000000000001',
    '1m ago',
  ],
  'swarms.register': [
    { swarmId: 'red', changed: true, limitMicroUsd: 5_000_000 },
    'swarm red is registered; it may spend $5.00',
  ],
  'capabilities.list': [
    {
      capabilities: [
        { id: 'integration:sip', description: 'Calls.', builtIn: true, swarms: 2 },
        { id: 'a:b', description: 'Ours.', builtIn: false, swarms: 0 },
      ],
      next: 'integration:sip',
    },
    'built in',
    'this realm',
    'more: --after integration:sip',
  ],
  'budgets.set': [account, 'swarm:session-4-sip may spend $50.00; $9.00 are left'],
  'budgets.list': [
    {
      accounts: [
        account,
        {
          ...account,
          account: 'plan:shop',
          inherited: true,
          alertPercent: 100,
          overrunMicroUsd: 10_000_000,
        },
        { ...account, account: 'plan:free', limitMicroUsd: 0, spentMicroUsd: 0, alertPercent: 0 },
      ],
      next: 'plan:free',
    },
    '80 %',
    '100 %',
    'limit of realm',
    'more: --after plan:free',
  ],
  'plans.preview': [preview, '$60.00', 'wanted: more than $50.00 (--confirm 60)', 'build', '—'],
  'breakers.list': [
    {
      breakers: [
        breaker,
        { swarmId: 'calm', state: 'closed', failures: 0, spentSinceProgressMicroUsd: 0 },
      ],
      next: 'calm',
    },
    '1m ago',
    'realm',
    '$0.25',
    '3 attempts failed in a row',
    'more: --after calm',
  ],
  'breakers.trip': [
    { swarmId: 'red', state: 'open', released: ['shop/api', 'shop/web'] },
    'swarm red is stopped; 2 leases ended: shop/api, shop/web',
    'ifab breaker reset red --reason TEXT',
  ],
  'breakers.reset': [
    { swarmId: 'red', state: 'half-open', limitMicroUsd: 5_000_000 },
    'tried with one lease at a time, and may spend $5.00',
  ],
  'escalations.list': [
    {
      escalations: [escalation, { ...escalation, severity: 'warn', status: 'acknowledged' }],
      next: 'esc_1234',
    },
    'high',
    'acknowledged',
    'stopped: 3 attempts',
    'more: --after esc_1234',
  ],
  'escalations.acknowledge': [
    { escalationId: 'esc_7', status: 'acknowledged' },
    'esc_7 is acknowledged',
  ],
  'usage.record': [
    { ...usage, overrunMicroUsd: 250_000 },
    '$1.50 are charged to shop/api; $0.50 are left; $0.25 of it nobody covers',
  ],
  'prices.list': [
    {
      catalogue: '2026-11-21',
      prices: [price, { ...price, own: false, provider: 'openai' }],
      next: 'x 1 y',
      total: 2,
    },
    'catalogue 2026-11-21',
    'this realm',
    'openai',
    '$0.025',
    'our own machine',
    'more: --after x 1 y',
  ],
  'prices.route': [
    {
      tier: 'cheap',
      needs: ['vision'],
      routes: [
        { model: 'a', provider: 'p', microUsd: 1_000 },
        { model: 'b', provider: 'p', microUsd: 2_500_000 },
      ],
      unable: [{ model: 'c', reason: 'its context of 5 tokens is too small' }],
    },
    'cheap',
    'vision',
    '$0.001',
    '$2.500',
    'c (its context of 5 tokens is too small)',
  ],
};

describe('each view', () => {
  test('is in the table', () => {
    expect(Object.keys(SHOWN).toSorted()).toEqual(Object.keys(GOVERNOR_VIEWS).toSorted());
  });

  test.each(Object.entries(SHOWN))('%s says what matters', (operation, [output, ...words]) => {
    const text = view(operation, output);
    for (const word of words) expect(text).toContain(word);
    expect(text.endsWith('\n')).toBe(true);
    expect(text).not.toMatch(/undefined|NaN|\[object/u);
  });

  /** Operations whose text is a table that must be cut where the terminal ends. */
  const TABLES = Object.keys(SHOWN).filter(
    (operation) => operation.endsWith('.list') || operation === 'match.explain',
  );
  test.each(TABLES.flatMap((operation) => [80, 120].map((width) => [operation, width] as const)))(
    '%s fits %d columns, heads above their columns',
    (operation, width) => {
      const [output] = SHOWN[operation] ?? [{}];
      const lines = view(operation, output, createTerminal(false, width)).split('\n');
      const tooLong = lines.filter(
        // What a whole name needs is not cut below what tells it apart.
        (line) => Array.from(line).length > width && !line.startsWith('more:'),
      );
      expect(tooLong).toEqual([]);
    },
  );

  test.each(Object.entries(SHOWN))('%s in colour says the same', (operation, [output]) => {
    const colour = view(operation, output, createTerminal(true, 200));
    const plain = colour.replaceAll(/\u001b\[\d+m/g, '').replaceAll(/ +$/gm, '');
    expect(plain).toBe(view(operation, output));
  });

  const everyText = (value: unknown): unknown => {
    if (typeof value === 'string') return EVIL;
    if (Array.isArray(value)) return value.map(everyText);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, everyText(one)]));
  };

  test.each(Object.entries(SHOWN))(
    '%s prints no control character, whoever wrote what',
    (operation, [output]) => {
      const text = view(operation, everyText(output));
      expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u202e]/u);
      expect(text).toContain(SAFE);
    },
  );
});

describe('empty and small', () => {
  test('lists say what to do next, or that there is nothing', () => {
    expect(view('swarms.list', { swarms: [] })).toBe(
      'No swarms. Register one: ifab swarm spawn ID\n',
    );
    expect(view('breakers.list', { breakers: [] })).toBe('No breakers: no swarm is registered.\n');
    expect(view('escalations.list', { escalations: [] })).toBe('Nothing waits for a person.\n');
    const nobody = { taskId: 'p/a', needs: [], minMatchPermille: 700, candidates: [] };
    expect(view('match.explain', nobody)).toMatch(
      /nothing in particular[\s\S]*nobody[\s\S]*ifab swarm spawn ID/u,
    );
    expect(view('prices.route', { needs: [], routes: [], unable: [] })).toBe('No model is able.\n');
    expect(view('budgets.list', { accounts: [] })).toContain('ACCOUNT');
    expect(view('capabilities.list', { capabilities: [] })).toContain('CAPABILITY');
    expect(view('prices.list', { prices: [], catalogue: 'v', total: 0 })).toContain('MODEL');
  });

  test('what did not change, was not released, is not asked for', () => {
    const same = { swarmId: 'red', changed: false, limitMicroUsd: 5 };
    expect(view('swarms.register', same)).toContain('nothing changed');
    const drained = { swarmId: 'red', state: 'open', released: [] };
    expect(view('breakers.trip', drained)).toContain('its running work goes on to its end');
    expect(view('usage.record', usage)).toBe('$1.50 are charged to shop/api; $0.50 are left\n');
    const cheap = { ...preview, needsConfirmation: false, phases: preview.phases.slice(0, 1) };
    const text = view('plans.preview', cheap);
    expect(text).toContain('not wanted up to $50.00');
    expect(text).not.toContain('PHASE');
    expect(
      view('swarms.show', { ...swarm, failures: 0, spentSinceProgressMicroUsd: 0, sessionIds: [] }),
    ).not.toMatch(/overrun|stopped for|sessions/u);
  });
});
