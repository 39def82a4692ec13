/** What the executor makes of each answer of host and account; both stand in memory. Real runners: wasm.integration. */
import {
  digestFrom,
  NO_MEASURE,
  runIdFrom,
  ServiceContract,
  TaskSpec,
} from '@infrafabric/protocol';
import type { RunNote } from '@infrafabric/protocol';
import type { Runner, RunnerHost, RunReport, RunRequest } from '@infrafabric/fabric/chassis';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ChassisLink, RunEnd } from './chassis-link.ts';
import { encodeInput, wasmExecutor } from './wasm.ts';

const MODULE = digestFrom('a'.repeat(64));
const INPUT = digestFrom('b'.repeat(64));
const OUTPUT = digestFrom('c'.repeat(64));
const RUN = runIdFrom(new Uint8Array(10));
const contractOf = (more: object = {}): ServiceContract =>
  ServiceContract.parse({
    contractVersion: 1,
    provider: 'acme',
    swarmId: 'sip',
    version: '1.0.0',
    module: { digest: MODULE, abi: 'json', entrypoints: ['run'] },
    ...more,
  });
const text = (value: string): Uint8Array => Buffer.from(value);

interface World {
  contract: ServiceContract;
  report: Partial<RunReport>;
  loaded: Awaited<ReturnType<Runner['load']>>;
  notes: RunNote[];
  blobs: Map<string, Uint8Array>;
  link: { -readonly [Part in keyof ChassisLink]?: ChassisLink[Part] };
  acquire: (() => Promise<never>) | undefined;
  next: () => Partial<RunReport>;
  opened: number;
  acquired: number;
  destroyed: number;
  closed: number;
  requests: RunRequest[];
  told: (readonly [what: string, ...rest: readonly unknown[]])[];
}
let world: World;
beforeEach(() => {
  world = {
    contract: contractOf(),
    report: {},
    loaded: { ok: true, exports: ['run'] },
    notes: [],
    blobs: new Map([[MODULE, text('module')]]),
    link: {},
    acquire: undefined,
    next: () => world.report,
    opened: 0,
    acquired: 0,
    destroyed: 0,
    closed: 0,
    requests: [],
    told: [],
  };
});

const runnerOf = (tenant: Runner['tenant']): Runner => ({
  tenant,
  pid: 1,
  level: 3,
  layers: ['process'],
  load: async () => world.loaded,
  run: async (request) => {
    world.requests.push(request);
    for (const note of world.notes) request.onNote(note);
    request.onLog?.('said live');
    return {
      cause: 'completed',
      output: text('{"ok":true}'),
      detail: '',
      measure: { ...NO_MEASURE, cpuMs: 7, wallMs: 9 },
      log: text('said live\n'),
      level: 3,
      ...world.next(),
    };
  },
  destroy: async () => {
    world.destroyed += 1;
  },
});

const open = async (): Promise<RunnerHost> => {
  world.opened += 1;
  return {
    attained: () => ({
      level: 3,
      layers: ['process', 'kill'],
      node: '24.0.0',
      platform: 'linux-x64',
      missing: [{ layer: 'namespaces', why: 'no bwrap', remedy: 'apt-get install bubblewrap' }],
      attempts: [],
    }),
    acquire: async (tenant) => {
      if (world.acquire !== undefined) return world.acquire();
      world.acquired += 1;
      return runnerOf(tenant);
    },
    close: async () => {
      world.closed += 1;
    },
  };
};

const link = (): ChassisLink => ({
  sessionId: 'ses_1',
  fetch: async (digest) => world.blobs.get(digest),
  store: async (bytes) => {
    world.told.push(['store', Buffer.from(bytes).toString()]);
    return { digest: OUTPUT, bytes: bytes.length };
  },
  start: async (facts) => {
    world.told.push(['start', facts]);
    const { limits, http, secrets } = world.contract;
    return { kind: 'started', runId: RUN, contract: world.contract, limits, http, secrets };
  },
  record: async (module) => void world.told.push(['record', module]),
  note: async (runId, notes) => void world.told.push(['note', runId, notes.length]),
  end: async (runId, end) => void world.told.push(['end', runId, end]),
  ...world.link,
});

const taskOf = (run: object): TaskSpec => TaskSpec.parse({ key: 'a', title: 'a', run });
const WASM = { wasm: MODULE, entrypoint: 'run', input: { a: 1 } };
const executor = () => wasmExecutor(open);

function start(
  run: object = WASM,
  { by = executor(), abort = new AbortController() } = {},
): ReturnType<ReturnType<typeof executor>['start']> {
  const task = taskOf(run);
  return by.start(
    { taskId: 'p/a', attempt: 1, task },
    {
      workFolder: '',
      privateFolder: '',
      abort: abort.signal,
      onLine: () => undefined,
      chassis: link(),
    },
  );
}
const ends = (): readonly RunEnd[] =>
  world.told.flatMap(([what, , end]) => (what === 'end' ? [end as RunEnd] : []));

test('a run that completes is told in order, and its result is an artifact', async () => {
  world.notes = [{ kind: 'violation', violation: 'rate', subject: 'api' }];
  const execution = await start();
  expect(execution.ending).toEqual({ kind: 'ran', cause: 'completed', detail: '' });
  expect(execution.artifacts).toEqual([{ name: 'output.json', digest: OUTPUT, bytes: 11 }]);
  expect(Buffer.from(execution.transcript.bytes).toString()).toBe('said live\n');
  expect(execution.measured).toContain(`run ${RUN}: 9 ms, 7 ms of CPU`);
  expect(world.told.map(([what]) => what)).toEqual(['start', 'record', 'note', 'store', 'end']);
  expect(world.told[0]?.[1]).toEqual({
    level: 3,
    layers: ['process', 'kill'],
    node: '24.0.0',
    platform: 'linux-x64',
  });
  expect(ends()).toMatchObject([{ cause: 'completed', output: OUTPUT, measure: { cpuMs: 7 } }]);
  expect(Buffer.from(world.requests[0]?.input ?? []).toString()).toBe('{"a":1}');
  // W2: its runner is gone before anybody hears of it.
  expect([world.acquired, world.destroyed]).toEqual([1, 1]);
});

test('the grant of the start is what the runner is given, and not the contract’s', async () => {
  const narrowed = { ...world.contract.limits, cpuMsMax: 5 };
  world.link.start = async () => ({
    kind: 'started',
    runId: RUN,
    contract: world.contract,
    limits: narrowed,
    http: [],
    secrets: [],
  });
  await start();
  expect(world.requests[0]).toMatchObject({ limits: narrowed, http: [], secrets: [] });
});

test.each([
  ['failed', 'the guest says no'],
  ['trapped', 'unreachable'],
  ['cpu', 'limit'],
  ['crashed', ''],
] as const)('a run that ends as %s is told, and stores nothing', async (cause, detail) => {
  world.report = { cause, detail, output: new Uint8Array() };
  const { ending, artifacts } = await start();
  expect(ending).toEqual({ kind: 'ran', cause, detail });
  expect(artifacts).toEqual([]);
  expect(ends().map((end) => end.cause)).toEqual([cause]);
  expect(world.told.some(([what]) => what === 'store')).toBe(false);
});

test.each([
  // 499 characters, and then half of a rocket: the account takes no text with half a pair.
  ['failed', `${'x'.repeat(499)}🚀🚀`],
  ['trapped', '\x1b]0;title\x07\ud83d'],
] as const)(
  'what a guest says of its end (%s) never keeps that end from the account',
  async (cause, detail) => {
    world.report = { cause, detail, output: new Uint8Array() };
    const { ending } = await start();
    const [told] = ends();
    expect(told?.cause).toBe(cause);
    expect(told?.detail?.isWellFormed()).toBe(true);
    expect(told?.detail?.length).toBeLessThanOrEqual(500);
    for (const said of [told?.detail, ending.kind === 'ran' ? ending.detail : ''])
      expect(said).not.toMatch(/[\x00-\x1f]/);
  },
);

test('a field that a guest named is told without what a terminal obeys', async () => {
  world.contract = contractOf({ module: { ...contractOf().module, outputSchema: INPUT } });
  world.blobs.set(INPUT, text('{"additionalProperties":false}'));
  world.report = { output: text('{"\\u001b[2J\\ud83d":1}') };
  const { ending } = await start();
  expect(ending).toMatchObject({ cause: 'invalid' });
  const [told] = ends();
  expect(told?.detail).toContain('\\u{1b}[2J');
  expect(told?.detail?.isWellFormed()).toBe(true);
});

test('case 98: an empty result is told as invalid', async () => {
  world.report = { output: new Uint8Array() };
  expect((await start()).ending).toMatchObject({ kind: 'ran', cause: 'invalid' });
  expect(ends().map(({ cause }) => cause)).toEqual(['invalid']);
});

test('a result that does not fit the contract’s schema is told as invalid', async () => {
  world.contract = contractOf({ module: { ...contractOf().module, outputSchema: INPUT } });
  world.blobs.set(INPUT, text('{"required":["sum"]}'));
  expect((await start()).ending).toMatchObject({
    cause: 'invalid',
    detail: 'the result.sum is missing',
  });
});

test('a module that admission refuses is written down and not run', async () => {
  world.loaded = { ok: false, code: 'too-many-functions', reason: '60000 functions' };
  expect((await start()).ending).toEqual({
    kind: 'ran',
    cause: 'refused',
    detail: '60000 functions',
  });
  expect(world.told.find(([what]) => what === 'record')?.[1]).toMatchObject({
    admitted: false,
    reason: 'too-many-functions: 60000 functions',
  });
  expect(world.requests).toEqual([]);
  expect(world.destroyed).toBe(1);
});

test.each([
  [{ ok: false, reason: 'no export run' }],
  [{ ok: false, code: 'module.refused', reason: 'loading ended by cpu' }],
] as const)('%j says nothing of the module, so no verdict is written down', async (loaded) => {
  world.loaded = loaded;
  expect((await start()).ending).toMatchObject({ cause: 'refused', detail: loaded.reason });
  expect(world.told.some(([what]) => what === 'record')).toBe(false);
});

describe('where nothing can be run', () => {
  test('a module or an input that the fabric does not hold costs no attempt, and is said with the command that brings it', async () => {
    world.blobs.clear();
    const { ending } = await start();
    expect(ending).toMatchObject({
      kind: 'unfit',
      detail: expect.stringContaining('ifab chassis load'),
    });
    world.blobs.set(MODULE, text('module'));
    const { ending: other } = await start({ ...WASM, input: undefined, inputBlob: INPUT });
    expect(other).toMatchObject({
      kind: 'unfit',
      detail: expect.stringContaining('which is the input'),
    });
    world.blobs.set(INPUT, new Uint8Array(1024 * 1024 + 1));
    const { ending: large } = await start({ ...WASM, input: undefined, inputBlob: INPUT });
    expect(large).toMatchObject({
      kind: 'unstarted',
      detail: expect.stringContaining('1048576 at most'),
    });
    expect(world.told).toEqual([]);
  });

  test('an input that is a blob is given as it is', async () => {
    world.blobs.set(INPUT, text('raw'));
    await start({ ...WASM, input: undefined, inputBlob: INPUT });
    expect(Buffer.from(world.requests[0]?.input ?? []).toString()).toBe('raw');
  });

  test('a host that isolates too little gives the task back, with what to install', async () => {
    world.link.start = async () => ({
      kind: 'unfit',
      detail: 'level 2, and the policy asks for 3',
    });
    expect((await start()).ending).toEqual({
      kind: 'unfit',
      detail: 'level 2, and the policy asks for 3 → apt-get install bubblewrap',
    });
    expect(world.acquired).toBe(0);
  });

  test('a start that the task itself forbids is an attempt that failed; one of a lost lease is none', async () => {
    world.link.start = async () => ({ kind: 'refused', detail: 'no such entrypoint' });
    expect((await start()).ending).toEqual({ kind: 'unstarted', detail: 'no such entrypoint' });
    world.link.start = async () => ({ kind: 'lost', detail: 'stale' });
    expect((await start()).ending).toEqual({ kind: 'aborted' });
  });

  test('W1: a runner that cannot be had ends the run as unavailable', async () => {
    world.acquire = () => Promise.reject(new Error('no processes left'));
    expect((await start()).ending).toEqual({
      kind: 'ran',
      cause: 'unavailable',
      detail: 'no processes left',
    });
    expect(ends()).toMatchObject([{ cause: 'unavailable', detail: 'no processes left' }]);
  });

  test('W1: an account that breaks in between ends the run all the same, and its runner is gone', async () => {
    world.link.record = () => Promise.reject(new Error('the fabric is away'));
    expect((await start()).ending).toEqual({ kind: 'unstarted', detail: 'the fabric is away' });
    expect(ends()).toMatchObject([{ cause: 'unavailable' }]);
    expect(world.destroyed).toBe(1);
  });

  test('a task without a module, or a runner without an account, starts nothing', async () => {
    const by = executor();
    expect(by.takes(taskOf({ shell: 'true' }))).toBe(false);
    expect(by.takes(taskOf(WASM))).toBe(true);
    expect((await start({ shell: 'true' })).ending.kind).toBe('unstarted');
    expect(world.opened).toBe(0);
  });
});

test('X2: a lease that ends while a runner is awaited ends the attempt at once, and the late runner is killed', async () => {
  const late = Promise.withResolvers<never>();
  world.acquire = () => late.promise;
  const abort = new AbortController();
  const execution = start(WASM, { abort });
  await expect.poll(() => world.told.length).toBe(1);
  abort.abort(new Error('the lease is lost'));
  expect((await execution).ending).toEqual({ kind: 'aborted' });
  expect(ends().map(({ cause }) => cause)).toEqual(['revoked']);
  late.resolve(runnerOf({ swarmId: 'sip', sessionId: 'ses_1' }) as never);
  await expect.poll(() => world.destroyed).toBe(1);
});

test('a run that was revoked is told so, and nothing is handed in', async () => {
  world.report = { cause: 'revoked', output: new Uint8Array() };
  expect((await start()).ending).toEqual({ kind: 'aborted' });
  expect(ends().map(({ cause }) => cause)).toEqual(['revoked']);
});

describe('R2: runners of one session', () => {
  test('without a word of the contract each run has its own', async () => {
    const by = executor();
    await start(WASM, { by });
    await start(WASM, { by });
    expect([world.opened, world.acquired, world.destroyed]).toEqual([1, 2, 2]);
  });

  test('with reuse the next run of the session has the same, until one goes wrong or all is over', async () => {
    world.contract = contractOf({ reuse: 'session' });
    const by = executor();
    await start(WASM, { by });
    await start(WASM, { by });
    expect([world.acquired, world.destroyed]).toEqual([1, 0]);
    world.report = { cause: 'trapped' };
    await start(WASM, { by });
    expect(world.destroyed).toBe(1);
    world.report = {};
    await start(WASM, { by });
    await by.close?.();
    expect([world.acquired, world.destroyed, world.closed]).toEqual([2, 2, 1]);
  });

  test('a kept one whose life is too short for the run is replaced, and the run is one run', async () => {
    world.contract = contractOf({ reuse: 'session' });
    const by = executor();
    await start(WASM, { by });
    const reports: Partial<RunReport>[] = [{ cause: 'unavailable' }, {}];
    world.next = () => reports.shift() ?? {};
    expect((await start(WASM, { by })).ending).toMatchObject({ cause: 'completed' });
    expect([world.acquired, world.destroyed]).toEqual([2, 1]);
    expect(ends().map(({ cause }) => cause)).toEqual(['completed', 'completed']);
    await by.close?.();
  });

  test('no more than four of them wait, so that sessions that need one get it', async () => {
    world.contract = contractOf({ reuse: 'session' });
    const by = executor();
    for (let at = 0; at < 6; at += 1) {
      world.link.sessionId = `ses_${at}`;
      await start(WASM, { by });
    }
    expect([world.acquired, world.destroyed]).toEqual([6, 2]);
    world.link.sessionId = 'ses_5';
    await start(WASM, { by });
    expect(world.acquired).toBe(6);
    await by.close?.();
    expect(world.destroyed).toBe(6);
  });

  test('another contract of the same module never meets it', async () => {
    world.contract = contractOf({ reuse: 'session', hostFunctions: ['log'] });
    const by = executor();
    await start(WASM, { by });
    world.contract = contractOf({ reuse: 'session' });
    await start(WASM, { by });
    expect(world.acquired).toBe(2);
    await by.close?.();
  });

  test('another session never meets it', async () => {
    world.contract = contractOf({ reuse: 'session' });
    const by = executor();
    await start(WASM, { by });
    world.link.sessionId = 'ses_2';
    await start(WASM, { by });
    expect(world.acquired).toBe(2);
    await by.close?.();
  });
});

test('a host that cannot be made fails the attempt, and the next one tries again', async () => {
  let fails = true;
  const by = wasmExecutor(() => (fails ? Promise.reject(new Error('no node')) : open()));
  expect((await start(WASM, { by })).ending).toEqual({ kind: 'unstarted', detail: 'no node' });
  fails = false;
  expect((await start(WASM, { by })).ending).toMatchObject({ cause: 'completed' });
});

test.each([
  [undefined, 'json', ''],
  ['a', 'json', '"a"'],
  ['a', 'extism', 'a'],
  ['a', 'wasi', 'a'],
  [{ a: [1] }, 'extism', '{"a":[1]}'],
] as const)('the input %j reaches a %s module as %j', (input, abi, wanted) => {
  expect(Buffer.from(encodeInput(input, abi)).toString()).toBe(wanted);
});
