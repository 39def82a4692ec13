/** `ifab chassis resources`, `credentials` and `performance`: thin views, of answers that a test makes up. */
import { afterEach, expect, test } from 'vitest';
import { json, run } from '../../test/io.ts';
import { problem, serveAnswers, STATUS } from '../../test/wire.ts';
import type { Answers, Wire } from '../../test/wire.ts';

let wire: Wire | undefined;
afterEach(async () => {
  await wire?.close();
});

const ask = async (words: readonly string[], answers: Answers) => {
  wire = await serveAnswers({ 'realm.status': () => STATUS, ...answers });
  return run(['chassis', ...words], {
    env: { ...wire.env, NO_COLOR: '1' },
    cwd: '/',
    columns: 200,
  });
};

const RUN = 'run_0000000000000000';
const DIGEST = `sha256:${'a'.repeat(64)}`;
const row = {
  runId: RUN,
  taskId: 'shop/api',
  sessionId: 'ses_0000000000000000',
  swarmId: 'sip',
  provider: 'acme',
  module: DIGEST,
  entrypoint: 'run',
  level: 3,
  layers: ['process'],
  node: '24.0.0',
  platform: 'linux-x64',
  minLevel: 3,
  startedAt: 1,
  status: 'ended',
  endedAt: 2,
  cause: 'cpu',
  measure: {
    queueMs: 0,
    wallMs: 400,
    cpuMs: 101,
    peakMemoryBytes: 40_000_000,
    apiCalls: 1,
    networkCalls: 1,
    sentBytes: 1_000,
    receivedBytes: 2_000,
    logBytes: 0,
  },
  notes: 0,
  more: 0,
};
const shown = {
  ...row,
  limits: {
    cpuMsMax: 100,
    wallMsMax: 300_000,
    cpuPercentMax: 25,
    memoryMibMax: 64,
    apiCallsPerSecondMax: 10,
    networkCallsMax: 100,
  },
  http: ['api'],
  secrets: [],
};

test('resources show what each run used of what it might use', async () => {
  const { measure: _measure, cause: _cause, endedAt: _endedAt, ...open } = shown;
  const runs = [row, { ...row, runId: 'run_0000000000000001' }];
  const { code, stdout } = await ask(['resources', '--swarm', 'sip', '--open', '--limit', '2'], {
    'runs.list': () => ({ runs }),
    'runs.show': ({ runId }) => (runId === RUN ? shown : { ...open, runId, status: 'open' }),
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /run_0{16} +shop\/api +3 +cpu +101\/100 +400\/300000 +39\/64 +1\/100 +2\.9 KiB/,
  );
  expect(stdout).toMatch(/run_0{15}1 +shop\/api +3 +open +—\/100 +—\/300000 +—\/64 +—\/100 +—/);
  expect(wire?.calls.find(([operation]) => operation === 'runs.list')?.[1]).toEqual({
    swarmId: 'sip',
    open: true,
    limit: 2,
  });
});

test('where nothing ran, the command that brings a module is named', async () => {
  const { stdout } = await ask(['resources'], { 'runs.list': () => ({ runs: [] }) });
  expect(stdout).toContain('ifab chassis load FILE --contract CONTRACT');
});

test.each(['0', '201', 'many'])(
  'resources of %s runs is refused before anything is asked',
  async (limit) => {
    const { code, stderr } = await ask(['resources', '--limit', limit], {});
    expect({ code, asked: wire?.calls }).toEqual({ code: 2, asked: [] });
    expect(stderr).toContain('from 1 to 200');
  },
);

const entry = (index: number, events: readonly object[]): object => ({
  index,
  at: 1_000_000 + index,
  operation: 'runs.note',
  principal: 'run/1',
  severity: 'info',
  events,
});
const used = {
  type: 'credential.used',
  runId: RUN,
  taskId: 'shop/api',
  alias: 'kamailio',
  host: 'kamailio.internal',
  method: 'POST',
  pathHash: 'ab'.repeat(32),
  status: 200,
  bytes: 5_000,
};

test('credentials show which alias was used when, for whom and for which host; violations are not uses', async () => {
  const entries = [
    entry(1, [used, { type: 'run.violated', runId: RUN, violation: 'rate', subject: 'api' }]),
    entry(2, [{ ...used, alias: 'other', host: 'evil\u001b[2J' }]),
  ];
  const answers = { 'witness.query': () => ({ entries, indexedTo: 3 }) };
  const { code, stdout } = await ask(
    ['credentials', '--task', 'shop/api', '--since', '1d'],
    answers,
  );
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /1970-01-01T00:16:40 +kamailio +POST kamailio\.internal +abababababab +200 +4\.9 KiB +shop\/api +run_0+/,
  );
  expect(stdout).toContain(String.raw`evil\u{1b}[2J`);
  expect(stdout).not.toContain('violated');
  expect(wire?.calls.find(([operation]) => operation === 'witness.query')?.[1]).toMatchObject({
    operation: 'runs.note',
    taskId: 'shop/api',
    since: expect.any(Number),
  });
  await wire?.close();
  const one = await ask(['credentials', '--alias', 'kamailio', '--json'], answers);
  expect(json(one.stdout)).toMatchObject({
    uses: [{ alias: 'kamailio', pathHash: used.pathHash }],
  });
});

test('where no credential was used it says so, and a time that is none is refused', async () => {
  const answers = { 'witness.query': () => ({ entries: [], indexedTo: 0 }) };
  expect((await ask(['credentials'], answers)).stdout).toBe('No credential was used.\n');
  await wire?.close();
  const { code, stderr } = await ask(['credentials', '--since', 'noon'], answers);
  expect(code).toBe(2);
  expect(stderr).toContain('--since is “noon”');
});

test('performance is another word for slo, with its refusals', async () => {
  const { code, stderr } = await ask(['performance', 'none'], {
    'slo.show': () => problem('swarm.not_found', 'fix-request', 404),
  });
  expect(code).toBe(2);
  expect(stderr).toContain('ifab swarm list');
  expect(wire?.calls.at(-1)).toEqual(['slo.show', { swarmId: 'none' }]);
});
