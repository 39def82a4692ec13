/** Each view of the chassis: what it says, and that nothing in it acts on a terminal. */
import { describe, expect, test } from 'vitest';
import { createTerminal } from './terminal.ts';
import { CHASSIS_VIEWS } from './views-chassis.ts';
import { viewOf } from './views.ts';

const NOW = Date.UTC(2026, 10, 21);
const wide = createTerminal(false, 240);
const view = (operation: string, output: unknown, terminal = wide): string =>
  viewOf(operation, output, terminal, NOW);

const MODULE = `sha256:${'ab'.repeat(32)}`;
const limits = {
  cpuMsMax: 5_000,
  wallMsMax: 300_000,
  cpuPercentMax: 25,
  memoryMibMax: 256,
  apiCallsPerSecondMax: 10,
  networkCallsMax: 100,
};
const contractRow = {
  swarmId: 'session-4-sip',
  module: MODULE,
  provider: 'acme',
  version: '1.4.0',
  abi: 'extism',
  entrypoints: ['configure_tls', 'ping'],
  minLevel: 3,
  digest: MODULE,
  acceptedAt: NOW - 60_000,
  acceptedBy: 'olga',
};
const contract = {
  contractVersion: 1,
  provider: 'acme',
  swarmId: 'session-4-sip',
  version: '1.4.0',
  capabilities: [],
  module: { digest: MODULE, abi: 'extism', entrypoints: ['configure_tls'], start: false },
  guarantees: { latencyP99Ms: 1_200, successPermyriadMin: 700, availabilityPermyriadMin: 9_990 },
  limits,
  hostFunctions: ['log', 'http'],
  http: [
    {
      alias: 'kamailio',
      origin: 'https://kamailio.internal:5061',
      methods: ['POST'],
      pathPrefix: '/v1/',
      privateAddress: true,
    },
  ],
  secrets: [
    { alias: 'kamailio', ref: 'vault://if/k#token', inject: { header: 'authorization' }, ttlMs: 1 },
  ],
  reuse: 'run',
  deterministic: true,
  minLevel: 3,
  reputation: { missPenaltyPermyriad: 500, successGainPermyriad: 100 },
};
const moduleRow = {
  digest: MODULE,
  bytes: 8_192,
  abi: 'extism',
  admitted: false,
  reason: 'it imports env.exec',
  admission: 2,
  engine: '13.6',
  memoryPages: 17,
  functions: 42,
  recordedAt: NOW - 60_000,
};
const open = {
  runId: 'run_0000000000000001',
  taskId: 'shop/api',
  sessionId: 'ses_0000000000000001',
  swarmId: 'session-4-sip',
  provider: 'acme',
  module: MODULE,
  entrypoint: 'configure_tls',
  level: 3,
  layers: ['process', 'namespaces'],
  node: '24.1.0',
  platform: 'linux-x64',
  minLevel: 2,
  startedAt: NOW - 60_000,
  status: 'open',
  notes: 0,
  more: 0,
};
const measure = {
  queueMs: 5,
  wallMs: 1_200,
  cpuMs: 300,
  peakMemoryBytes: 100_000_000,
  apiCalls: 3,
  networkCalls: 2,
  sentBytes: 1_000,
  receivedBytes: 20_000,
  logBytes: 17,
};
const ended = {
  ...open,
  status: 'ended',
  endedAt: NOW - 30_000,
  cause: 'completed',
  measure,
  latencyMs: 1_205,
  missed: true,
  notes: 200,
  more: 7,
};
const detail = { limits, http: ['kamailio'], secrets: [] };
const figures = {
  swarmId: 'session-4-sip',
  samples: 40,
  p50Ms: 12,
  p95Ms: 80,
  p99Ms: 1_300,
  successPermyriad: 9_750,
  availabilityPermyriad: 10_000,
  efficiencyPermyriad: 8_125,
  violations: 2,
};

/** One output of each operation, as full as it may be, and words that its text must have. */
const SHOWN: Readonly<Record<string, readonly [output: object, ...words: readonly string[]]>> = {
  'contracts.accept': [
    { swarmId: 'session-4-sip', module: MODULE, changed: true },
    `swarm session-4-sip may run ${MODULE}`,
  ],
  'contracts.list': [
    { contracts: [contractRow], next: `session-4-sip ${MODULE}` },
    'sha256:abababababab',
    'acme',
    'configure_tls, ping',
    `more: --after 'session-4-sip ${MODULE}'`,
  ],
  'contracts.show': [
    { contract, digest: MODULE, acceptedAt: NOW - 60_000, acceptedBy: 'olga' },
    'kamailio (https://kamailio.internal:5061)',
    'p99 1,200 ms, success 7 %, availability 99.9 %',
    'at 25 % of a core',
    '256 MiB',
    'a fresh one each run',
    '1m ago by olga',
  ],
  'modules.record': [{ digest: MODULE, admitted: true, changed: true }, `${MODULE} is admitted\n`],
  'modules.list': [
    { modules: [moduleRow, { ...moduleRow, admitted: true, reason: undefined }], next: MODULE },
    'refused',
    'admitted',
    'it imports env.exec',
    'admission 2, V8 13.6',
    '8,192',
  ],
  'runs.start': [
    { runId: open.runId, minLevel: 3 },
    'run run_0000000000000001 has begun; it needs isolation level 3 or more',
  ],
  'runs.note': [
    { runId: open.runId, kept: 3, more: 2 },
    '3 notes of run_0000000000000001 are kept, 2 more are counted',
  ],
  'runs.end': [
    { runId: open.runId, cause: 'wall', missed: true, reputationPermyriad: 6_512 },
    'has ended: wall; it missed what its contract promises; its provider’s reputation is 65.12 %',
  ],
  'runs.list': [
    { runs: [open, ended], next: ended.runId },
    'open',
    'completed',
    '1,205 ms',
    '96 MiB',
    "more: --after 'run_0000000000000001'",
  ],
  'runs.show': [
    {
      ...ended,
      ...detail,
      measure: { ...measure, fuel: 9_000 },
      detail: 'out of luck',
      output: MODULE,
    },
    'level 3 of at least 2: process, namespaces',
    'linux-x64, Node 24.1.0',
    'completed, 30s ago',
    'out of luck',
    '1,200 ms after 5 ms in the queue',
    '9,000',
    'a miss of 1,205 ms',
    '200 and 7 more: ifab witness query --task shop/api',
  ],
  'slo.show': [
    {
      ...figures,
      windowDays: 30,
      objectives: [
        { name: 'latencyP99Ms', wanted: 1_200, measured: 1_300, verdict: 'missed' },
        { name: 'successPermyriadMin', wanted: 9_500, measured: 9_750, verdict: 'met' },
        { name: 'availabilityPermyriadMin', wanted: 9_900, verdict: 'not-enough-data' },
      ],
    },
    '40 of the last 30 days',
    '97.5 %',
    '1,300 ms',
    'missed',
    'not enough data',
  ],
  'slo.list': [
    {
      runs: { open: 2, ended: { completed: 30, wall: 1 } },
      swarms: [{ ...figures, reputationPermille: 912 }],
      next: 'session-4-sip',
    },
    '30 completed, 1 wall',
    '91.2 %',
    "more: --after 'session-4-sip'",
  ],
  'reputation.show': [
    {
      swarmId: 'session-4-sip',
      provider: 'acme',
      value: 6_512,
      score: 9_740,
      adjustment: -1_000,
      prior: 7_000,
      samples: 12,
      measured: true,
      history: [
        { at: NOW - 60_000, value: 7_000 },
        { at: NOW - 30_000, value: 6_512, runId: open.runId },
      ],
    },
    '65.12 %',
    '97.4 %',
    '-10 %',
    'run_0000000000000001',
    '30s ago',
  ],
};

describe('views of the chassis', () => {
  test.each(Object.entries(SHOWN))('%s says what it has', (operation, [output, ...words]) => {
    const text = view(operation, output);
    for (const word of words) expect(text).toContain(word);
    expect(text).not.toMatch(/undefined|NaN|\[object/u);
  });

  test('every view is shown here', () => {
    expect(Object.keys(CHASSIS_VIEWS).toSorted()).toEqual(Object.keys(SHOWN).toSorted());
  });

  test('case 49: what a guest said of its failure acts on no terminal', () => {
    const evil = 'x\u001b[2J\u009b31m\r\n\u202e\u0007';
    const text = view('runs.show', { ...ended, ...detail, detail: evil });
    expect(text).toContain(String.raw`x\u{1b}[2J\u{9b}31m\u{d}\u{a}\u{202e}\u{7}`);
    expect(text).not.toContain('\u001b');
  });

  test('lists say what to do next, or that there is nothing', () => {
    expect(view('contracts.list', { contracts: [] })).toContain('ifab chassis load');
    expect(view('modules.list', { modules: [] })).toBe('No module was judged yet.\n');
    expect(view('runs.list', { runs: [] })).toBe('No runs.\n');
    const none = { swarmId: 'red', samples: 0, violations: 0, windowDays: 30, objectives: [] };
    expect(view('slo.show', none)).toContain('No contract of this swarm promises anything.');
    expect(view('slo.list', { runs: { open: 0, ended: {} }, swarms: [] })).toContain('none');
    const fresh = { adjustment: 0, prior: 7_000, samples: 0, measured: false, history: [] };
    const unknown = view('reputation.show', { swarmId: 'red', value: 9_000, ...fresh });
    expect(unknown).toMatch(/no contract names one[\s\S]*nothing was measured/u);
  });

  test('what did not change, was not kept, does not count', () => {
    const same = { swarmId: 'red', module: MODULE, changed: false };
    expect(view('contracts.accept', same)).toContain('nothing changed');
    const record = { digest: MODULE, admitted: false, changed: false };
    expect(view('modules.record', record)).toBe(`${MODULE} is refused, as it was\n`);
    expect(view('runs.note', { runId: open.runId, kept: 1, more: 0 })).not.toContain('more');
    const revoked = { runId: open.runId, cause: 'revoked', missed: false };
    expect(view('runs.end', revoked)).toBe('run run_0000000000000001 has ended: revoked\n');
    const { missed: _missed, measure: _measure, ...told } = ended;
    const text = view('runs.show', { ...told, ...detail, cause: 'revoked', notes: 0, more: 0 });
    expect(text).toMatch(/counts as +nothing/u);
    expect(text).not.toMatch(/CPU used|notes/u);
    const idle = view('runs.show', { ...told, ...detail, cause: 'unavailable', more: 0 });
    expect(idle).toMatch(/a runner that could not be had[\s\S]*notes +200:/u);
    expect(view('runs.show', { ...open, ...detail })).toMatch(/end +not yet/u);
    const well = view('runs.show', { ...ended, ...detail, missed: false });
    expect(well).toContain('a success of 1,205 ms');
    const lasting = {
      ...contract,
      reuse: 'session',
      deterministic: false,
      http: [],
      guarantees: {},
    };
    const shown = { contract: lasting, digest: MODULE, acceptedAt: NOW, acceptedBy: 'olga' };
    expect(view('contracts.show', shown)).toMatch(/reach +nothing[\s\S]*one a session/u);
  });
});
