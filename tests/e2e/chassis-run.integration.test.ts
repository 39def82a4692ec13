import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { ChassisFixture } from './chassis-fixture.ts';
import { root, until } from './run-fixture.ts';

let fixture: ChassisFixture;
beforeEach(async () => {
  fixture = new ChassisFixture();
  await fixture.open();
  await fixture.swarm('sip');
});
afterEach(() => fixture.close());

const task = (key: string, entrypoint: string, more: object = {}, run: object = {}): object => ({
  key,
  title: key,
  swarm: 'sip',
  run: { wasm: fixture.digest, entrypoint, ...run },
  ...more,
});

test('a module of a plan runs at level 3: its result, its log and what was measured are the evidence', async () => {
  expect((await fixture.load('sip')).code).toBe(0);
  const plan = fixture.runs.plan({
    tasks: [
      task('echo', 'run', {}, { input: { words: ['a', 'b'] } }),
      { key: 'command', title: 'c', dependsOn: ['echo'], run: { shell: 'echo done' } },
    ],
  });
  const { code, summary, events } = await fixture.runs.run(plan);
  expect({ code, status: summary.status, completed: summary.completed }).toEqual({
    code: 0,
    status: 'done',
    completed: 2,
  });
  const completed = events.find(
    ({ taskId, type }) => taskId === 'p/echo' && type === 'task.completed',
  );
  const [output] = completed?.evidence?.artifacts ?? [];
  expect(output?.name).toBe('output.json');
  expect(fixture.blobText(output?.digest)).toBe('{"words":["a","b"]}');
  expect(completed?.evidence?.summary).toMatch(/^run run_\w{16}: \d+ ms, \d+ ms of CPU/);
  const { runs } = await fixture.client.call('runs.list', {});
  expect(runs).toMatchObject([
    {
      taskId: 'p/echo',
      swarmId: 'sip',
      level: 3,
      layers: expect.arrayContaining(['namespaces', 'seccomp', 'rlimits', 'permission']),
      status: 'ended',
      cause: 'completed',
      missed: false,
    },
  ]);
});

test('a run that traps, and one that spins, fail their attempts with the cause; the swarm’s account says so', async () => {
  await fixture.load('sip');
  const plan = fixture.runs.plan({
    tasks: [
      task('traps', 'trap', { attemptsMax: 1 }),
      task('spins', 'spin', { attemptsMax: 1 }, { limits: { cpuMsMax: 100 } }),
    ],
  });
  const { code, events } = await fixture.runs.run(plan);
  expect(code).toBe(1);
  const reasons = new Map(
    events
      .filter(({ type }) => type === 'task.failed')
      .map(({ taskId, reason }) => [taskId, reason]),
  );
  expect(reasons.get('p/traps')).toContain('the module’s run ended: trapped');
  expect(reasons.get('p/spins')).toContain('the module’s run ended: cpu');
  const slo = await fixture.client.call('slo.show', { swarmId: 'sip' });
  expect(slo).toMatchObject({ samples: 2, violations: 2, successPermyriad: 0 });
  const { runs } = await fixture.client.call('runs.list', {});
  const spun = runs.find(({ taskId }) => taskId === 'p/spins');
  // The task's own limit, not the contract's 300 ms.
  expect(spun?.measure?.cpuMs).toBeLessThan(300);
  const shown = await fixture.runs.ifab(['chassis', 'resources']);
  expect(shown.summary).toMatchObject({ runs: [{ limits: { cpuMsMax: expect.any(Number) } }, {}] });
});

test('X2: when the task is taken away the runner dies in the same step, and the run is told as revoked', async () => {
  await fixture.load('sip', { limits: { cpuMsMax: 60_000, wallMsMax: 60_000 } });
  const plan = fixture.runs.plan({ tasks: [task('spins', 'spin', { leaseMs: 3_000 })] });
  const running = fixture.runs.run(plan);
  const open = async () => (await fixture.client.call('runs.list', { open: true })).runs;
  await until('a run is open', async () => (await open()).length === 1);
  await until('a runner is there', () => runnersAlive().length > 0);
  await fixture.client.call('tasks.cancel', { taskId: 'p/spins', reason: 'a test takes it away' });
  await until('the run has ended', async () => (await open()).length === 0);
  await running;
  const { runs } = await fixture.client.call('runs.list', {});
  expect(runs).toMatchObject([{ cause: 'revoked', status: 'ended' }]);
  await until('no runner is left', () => runnersAlive().length === 0);
});

test('a session that is revoked while its module runs: the runner dies, and what was measured is told all the same', async () => {
  await fixture.load('sip', { limits: { cpuMsMax: 60_000, wallMsMax: 60_000 } });
  const plan = fixture.runs.plan({
    tasks: [task('spins', 'spin', { attemptsMax: 1, leaseMs: 3_000 })],
  });
  const running = fixture.runs.run(plan, '--sessions', '1');
  const runs = async () => (await fixture.client.call('runs.list', {})).runs;
  await until('a run is open', async () => (await runs()).length === 1);
  await until('a runner is there', () => runnersAlive().length > 0);
  const [open] = await runs();
  const { sessions } = await fixture.client.call('sessions.list', { status: 'open' });
  const holder = sessions.find(({ leases }) => leases.length > 0);
  expect(holder?.sessionId).toBe(open?.sessionId);
  await fixture.client.call('sessions.revoke', {
    sessionId: holder?.sessionId ?? '',
    reason: 'a test takes it away',
  });
  await until('the run has ended', async () => (await runs())[0]?.status === 'ended');
  expect(await runs()).toMatchObject([
    { cause: 'revoked', measure: { cpuMs: expect.any(Number) } },
  ]);
  await fixture.client.call('plans.cancel', { planId: 'p', reason: 'the test is over' });
  await running;
});

/** Processes of this one's runners, by the file that they run. */
function runnersAlive(): readonly string[] {
  return execFileSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => / \/app\/runner\.c?m?js$/.test(line.trimEnd()) && line.includes('timeout'))
    .filter((line) => line.trim().split(/\s+/)[1] === String(process.pid));
}

test('a swarm without a contract burns no attempt: the task goes back and its remedy is named', async () => {
  const plan = fixture.runs.plan({ tasks: [task('echo', 'run', {}, { input: 1 })] });
  await fixture.swarm('ndi');
  await fixture.load('ndi');
  const { code, summary } = await fixture.runs.run(plan);
  expect(code).toBe(75);
  expect(summary.left?.join('\n')).toContain('ifab chassis load FILE --contract CONTRACT');
  const { attempts } = await fixture.client.call('tasks.show', { taskId: 'p/echo' });
  expect(attempts).toBe(0);
  // After the word of an operator the same command goes on.
  await fixture.load('sip');
  expect((await fixture.runs.run(plan)).summary).toMatchObject({ status: 'done' });
});

test('a fresh instance each run is the default; reuse keeps it for the session', async () => {
  const count = (key: string, after: readonly string[] = []) =>
    task(key, 'count', { dependsOn: after });
  const tasks = [count('a'), count('b', ['a'])];
  const outputs = async (plan: string): Promise<readonly string[]> => {
    const { events } = await fixture.runs.run(plan, '--sessions', '1');
    return events
      .filter(({ type }) => type === 'task.completed')
      .map(({ evidence }) => fixture.blobText(evidence?.artifacts?.[0]?.digest));
  };
  await fixture.load('sip');
  expect(await outputs(fixture.runs.plan({ tasks }))).toEqual(['1', '1']);
  await fixture.load('sip', { reuse: 'session' });
  expect(await outputs(fixture.runs.plan({ id: 'q', tasks }))).toEqual(['1', '2']);
});

// It hides bubblewrap in a mount namespace of its own, which root alone may make.
test.skipIf(process.getuid?.() !== 0)(
  'a host without bubblewrap attains level 2: a task that asks for 3 is not burnt, and what to install is named',
  async () => {
    await fixture.load('sip');
    const plan = fixture.runs.plan({ tasks: [task('echo', 'run', {}, { input: 1 })] });
    const bin = join(root, 'packages', 'cli', 'src', 'bin.ts');
    const words = [bin, 'run', plan, '--json', '--data-dir', fixture.runs.dataDir];
    const hidden = 'mount --bind /dev/null /usr/bin/bwrap && exec "$0" --conditions=source "$@"';
    const child = spawn('unshare', ['-m', 'sh', '-c', hidden, process.execPath, ...words]);
    const stdout = text(child.stdout);
    const [code] = await once(child, 'exit');
    const lines = (await stdout).trim().split('\n');
    expect(code).toBe(75);
    expect(lines.at(-1)).toContain('apt-get install bubblewrap');
    expect(lines.at(-1)).toContain('level 2');
    const { attempts } = await fixture.client.call('tasks.show', { taskId: 'p/echo' });
    expect(attempts).toBe(0);
    // The refusal is a fact of the log.
    const { entries } = await fixture.client.call('witness.query', { operation: 'runs.start' });
    expect(JSON.stringify(entries)).toContain('run.refused');
  },
);

test('a module that the fabric does not hold costs no attempt, and the end names the command that brings it', async () => {
  const plan = fixture.runs.plan({
    tasks: [task('echo', 'run', { attemptsMax: 1 }, { wasm: `sha256:${'0'.repeat(64)}` })],
  });
  const { code, events } = await fixture.runs.run(plan);
  expect(code).toBe(75);
  expect(JSON.stringify(events)).toContain('ifab chassis load');
  const { attempts, phase } = await fixture.client.call('tasks.show', { taskId: 'p/echo' });
  expect({ attempts, phase }).toEqual({ attempts: 0, phase: 'ready' });
});

test('modules of two swarms get sessions of both; without a swarm they are left alone', async () => {
  await fixture.swarm('ndi');
  await fixture.load('sip');
  await fixture.load('ndi');
  const plan = fixture.runs.plan({
    tasks: [
      task('a', 'run', {}, { input: 1 }),
      task('b', 'run', { swarm: 'ndi' }, { input: 2 }),
      { key: 'c', title: 'c', run: { shell: 'true' } },
    ],
  });
  const { code } = await fixture.runs.run(plan, '--sessions', '1');
  expect(code).toBe(0);
  const { runs } = await fixture.client.call('runs.list', {});
  expect(Object.fromEntries(runs.map(({ taskId, swarmId }) => [taskId, swarmId]))).toEqual({
    'p/a': 'sip',
    'p/b': 'ndi',
  });
});

test('--swarm names the swarm of modules that name none, and without it they are left alone', async () => {
  await fixture.load('sip');
  const plan = fixture.runs.plan({ tasks: [task('a', 'run', { swarm: undefined }, { input: 1 })] });
  const left = await fixture.runs.run(plan);
  expect(left).toMatchObject({ code: 75, summary: { unsuited: ['a'] } });
  expect((await fixture.runs.run(plan, '--swarm', 'sip')).code).toBe(0);
});

test('--simulate plays modules as it plays commands: nothing runs in a sandbox', async () => {
  const plan = fixture.runs.plan({ tasks: [task('a', 'run')] });
  expect((await fixture.runs.run(plan, '--simulate', '--work-ms', '1')).code).toBe(0);
  expect((await fixture.client.call('runs.list', {})).runs).toEqual([]);
});

test('a module that admission refuses is written down, and no session may start it', async () => {
  fixture.write('torn.wasm', Buffer.from('0061736d010000000160', 'hex'));
  const refused = await fixture.load('sip', {}, 'torn.wasm');
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain('module.refused');
  const { modules } = await fixture.client.call('modules.list', {});
  expect(modules).toMatchObject([{ admitted: false, reason: expect.any(String) }]);
  expect((await fixture.client.call('contracts.list', {})).contracts).toEqual([]);
});

test('an input that is a blob, and an output schema that a guest in JavaScript has to fit', async () => {
  const guest = fixture.write(
    'guest.js',
    'export function run(input) { return { kind: "echo", ...input }; }\n',
  );
  const schema = JSON.stringify({ type: 'object', required: ['kind', 'n'] });
  fixture.write('schema.json', schema);
  fixture.write('input.json', '{"n":1}');
  const loaded = await fixture.runs.ifab([
    'chassis',
    'load',
    guest,
    '--contract',
    fixture.write(
      'js.json',
      JSON.stringify({
        contractVersion: 1,
        provider: 'js-makers',
        swarmId: 'sip',
        version: '0.1.0',
        module: {
          digest: digestOfFile(guest),
          abi: 'js',
          entrypoints: ['run'],
          outputSchema: digestOfFile(`${fixture.runs.folder}/schema.json`),
        },
        guarantees: { successRateMin: 0.5 },
      }),
    ),
    '--blob',
    'schema.json',
    '--blob',
    'input.json',
  ]);
  expect(loaded.code, loaded.stderr).toBe(0);
  const run = { wasm: digestOfFile(guest), entrypoint: 'run' };
  const plan = fixture.runs.plan({
    tasks: [
      task(
        'a',
        'run',
        {},
        { ...run, inputBlob: digestOfFile(`${fixture.runs.folder}/input.json`) },
      ),
      task('b', 'run', { dependsOn: ['a'] }, { ...run, input: { n: 2 } }),
      task('c', 'run', { dependsOn: ['b'], attemptsMax: 1 }, { ...run, input: { m: 3 } }),
    ],
  });
  const { code, events } = await fixture.runs.run(plan, '--sessions', '1');
  expect(code).toBe(1);
  const outputs = events
    .filter(({ type }) => type === 'task.completed')
    .map(({ evidence }) => fixture.blobText(evidence?.artifacts?.[0]?.digest));
  expect(outputs).toEqual(['{"kind":"echo","n":1}', '{"kind":"echo","n":2}']);
  expect(events.find(({ type }) => type === 'task.failed')?.reason).toContain(
    'invalid: the result.n is missing',
  );
});

test('a task uses the grants that it names: the broker adds the secret, the guest and the log never have it', async () => {
  const secret = 'canary-7f31d0';
  const seen: (string | undefined)[] = [];
  const upstream = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.end(JSON.stringify({ path: request.url, echo: request.headers.authorization }));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void upstream.close());
  const { port } = upstream.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const guest = fixture.write(
    'caller.js',
    `export function run() {
      try { return { got: host.http({ alias: 'api', method: 'GET', url: '${origin}/v1/x' }) }; }
      catch (refusal) { return { refused: refusal.code }; }
    }`,
  );
  const ref = 'vault://if/test/api#token';
  const kept = await fixture.runs.ifab(['secret', 'set', ref], { stdin: secret });
  expect(kept.code, kept.stderr).toBe(0);
  const contract = {
    contractVersion: 1,
    provider: 'callers',
    swarmId: 'sip',
    version: '1.0.0',
    module: { digest: digestOfFile(guest), abi: 'js', entrypoints: ['run'] },
    hostFunctions: ['http'],
    http: [{ alias: 'api', origin, methods: ['GET'], pathPrefix: '/v1/', privateAddress: true }],
    secrets: [{ alias: 'api', ref, inject: { header: 'authorization', prefix: 'Bearer ' } }],
  };
  fixture.write('caller.json', JSON.stringify(contract));
  const loaded = await fixture.runs.ifab(['chassis', 'load', guest, '--contract', 'caller.json']);
  expect(loaded.code, loaded.stderr).toBe(0);
  const run = { wasm: digestOfFile(guest), entrypoint: 'run', input: {} };
  const plan = fixture.runs.plan({
    tasks: [
      task('without', 'run', {}, run),
      task('with', 'run', { dependsOn: ['without'] }, { ...run, use: ['api'] }),
    ],
  });
  const { code, events } = await fixture.runs.run(plan);
  expect(code).toBe(0);
  const [without, granted] = events
    .filter(({ type }) => type === 'task.completed')
    .map(({ evidence }) => fixture.blobText(evidence?.artifacts?.[0]?.digest));
  // H2: the contract alone gives nothing; the task has to name the grant.
  expect(without).toContain('refused');
  expect(seen).toEqual([`Bearer ${secret}`]);
  expect(granted).toContain('"status":200');
  expect(granted).not.toContain(secret);
  const shown = await fixture.runs.ifab(['chassis', 'credentials']);
  expect(shown.summary).toMatchObject({
    uses: [{ alias: 'api', method: 'GET', status: 200, taskId: 'p/with' }],
  });
  const log = await fixture.runs.ifab(['witness', 'export']);
  expect(log.stdout).toContain('secret-echoed');
  expect(log.stdout).not.toContain(secret);
});

const digestOfFile = (path: string): string =>
  `sha256:${execFileSync('sha256sum', [path], { encoding: 'utf8' }).slice(0, 64)}`;
