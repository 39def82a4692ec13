/** The chassis through a whole fabric: replies and reads of the promised shape, and runs that end whatever happens. */
import { findOperation, RUN_ORPHAN_MS, type Grant } from '@infrafabric/protocol';
import { afterEach, describe, expect, test } from 'vitest';

import { ManualClock } from '../engine/clock.ts';
import type { Principal } from '../engine/fabric.ts';
import { EXPIRY_RETRY_MS, CLOCK_STEP_MS } from '../engine/limits.ts';
import { createMemoryRealm, openMemoryFabric } from '../engine/open-memory.ts';
import type { LeadingFabric } from '../engine/open.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
const opened: LeadingFabric[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fabric) => fabric.close()));
});

type Output = Readonly<Record<string, unknown>>;

async function start(realm = createMemoryRealm(), wallMs?: number) {
  const clock = new ManualClock(wallMs);
  const fabric = await openMemoryFabric(realm, { clock });
  opened.push(fabric);
  const reply = async (op: string, input: object = {}, key?: string) =>
    fabric.call(op, input, {
      principal: OPERATOR,
      ...(key === undefined ? {} : { idempotencyKey: `${key}-0000000` }),
    });
  const call = async <T = Output>(op: string, input: object = {}, key?: string): Promise<T> => {
    const answer = await reply(op, input, key);
    if (answer.kind !== 'ok') throw new Error(`${op}: ${answer.code}: ${answer.detail}`);
    // What the registry promises of it, and not a member more.
    expect(findOperation(op)?.output.parse(answer.output), op).toEqual(answer.output);
    return answer.output as T;
  };
  return { realm, fabric, clock, call, reply };
}
type Call = Awaited<ReturnType<typeof start>>['call'];

const MODULE = `sha256:${'a'.repeat(64)}`;
const CONTRACT = {
  contractVersion: 1,
  provider: 'acme',
  swarmId: 'red',
  version: '1.0.0',
  module: { digest: MODULE, abi: 'extism', entrypoints: ['run'] },
  guarantees: { latencyP99Ms: 200 },
  hostFunctions: ['http'],
  http: [
    { alias: 'api', origin: 'https://api.test', methods: ['GET'], pathPrefix: '/' },
    { alias: 'web', origin: 'https://web.test', methods: ['GET'], pathPrefix: '/' },
  ],
  secrets: [{ alias: 'api', ref: 'vault://k#t', inject: { header: 'x-key' } }],
};
const HOST = { level: 3, layers: ['process', 'namespaces'], node: '24.1.0', platform: 'linux-x64' };
const MEASURE = {
  queueMs: 5,
  wallMs: 20,
  cpuMs: 10,
  peakMemoryBytes: 0,
  apiCalls: 0,
  networkCalls: 0,
  sentBytes: 0,
  receivedBytes: 0,
  logBytes: 0,
};
const VERDICT = {
  digest: MODULE,
  bytes: 100,
  abi: 'extism',
  admitted: true,
  admission: 1,
  engine: '13.6',
};

/** A swarm with a contract, and a session of it that holds a task with the module. */
const working = async (call: Call) => {
  const capabilities = ['integration:sip'];
  await call('swarms.register', {
    profile: { swarmId: 'red', capabilities, costPerHourMicroUsd: 0 },
  });
  await call('contracts.accept', { contract: CONTRACT });
  const run = { wasm: MODULE, entrypoint: 'run', use: ['api'], limits: { wallMsMax: 9_000 } };
  await call('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'a', run }] } });
  const session = await call<{ sessionId: string }>('sessions.open', {
    agent: 'ada',
    role: 'runner',
    swarm: 'red',
  });
  return { ...session, ...(await lease(call, session.sessionId)) };
};

const lease = async (call: Call, sessionId: string) => {
  const { taskId, fencingToken } = await call<Grant>('tasks.claim', { sessionId, taskId: 'p/a' });
  return { held: { taskId, fencingToken } };
};

const ticks = async (count = 10): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe('replies', () => {
  test('a contract that is accepted again changes nothing; a verdict, too', async () => {
    const { call } = await start();
    await working(call);
    const same = { swarmId: 'red', module: MODULE, changed: false };
    expect(await call('contracts.accept', { contract: CONTRACT })).toEqual(same);
    const next = { ...CONTRACT, version: '2.0.0' };
    expect(await call('contracts.accept', { contract: next })).toEqual({ ...same, changed: true });
    const recorded = { digest: MODULE, admitted: true };
    expect(await call('modules.record', VERDICT)).toEqual({ ...recorded, changed: true });
    expect(await call('modules.record', VERDICT)).toEqual({ ...recorded, changed: false });
  });

  test('H2: a start answers the grant, and a repeat of it answers the same, the run ended or not', async () => {
    const { call } = await start();
    const { held } = await working(call);
    const started = await call('runs.start', { ...held, ...HOST }, 'start');
    expect(started).toMatchObject({
      runId: expect.stringMatching(/^run_[0-9a-z]{16}$/u),
      contract: { provider: 'acme', minLevel: 3 },
      limits: { wallMsMax: 9_000, cpuMsMax: 5_000 },
      http: [{ alias: 'api' }],
      secrets: [{ alias: 'api', ref: 'vault://k#t' }],
      minLevel: 3,
    });
    expect(await call('runs.start', { ...held, ...HOST }, 'start')).toEqual(started);
    await call('runs.end', { runId: started['runId'], cause: 'completed', measure: MEASURE });
    expect(await call('runs.start', { ...held, ...HOST }, 'start')).toEqual(started);
  });

  test('H2: a repeat of a start whose run has ended gives nothing of a contract that has replaced its own', async () => {
    const { call } = await start();
    const { held } = await working(call);
    const started = await call('runs.start', { ...held, ...HOST }, 'start');
    const [api, web] = CONTRACT.http;
    const wider = { ...api, origin: 'https://other.test', privateAddress: true };
    const contract = { ...CONTRACT, version: '2.0.0', http: [wider, web] };
    await call('contracts.accept', { contract });
    // While it is open it has what it was started under.
    expect(await call('runs.start', { ...held, ...HOST }, 'start')).toEqual(started);
    await call('runs.end', { runId: started['runId'], cause: 'completed', measure: MEASURE });
    expect(await call('runs.start', { ...held, ...HOST }, 'start')).toMatchObject({
      runId: started['runId'],
      http: [],
      secrets: [],
    });
  });

  test('figures that no host can have measured end their run, and readers take what follows from them', async () => {
    const { call } = await start();
    const { held } = await working(call);
    const most = Number.MAX_SAFE_INTEGER;
    const measure = Object.fromEntries(Object.keys(MEASURE).map((name) => [name, most]));
    for (const cause of ['completed', 'failed'] as const) {
      const { runId } = await call<{ runId: string }>('runs.start', { ...held, ...HOST });
      await call('runs.end', { runId, cause, measure });
    }
    expect(await call('slo.show', { swarmId: 'red' })).toMatchObject({ samples: 2, p50Ms: most });
    expect(await call('reputation.show', { swarmId: 'red' })).toMatchObject({ samples: 2 });
  });

  test('a refusal that the log keeps is the same for whoever asks again', async () => {
    const { call, reply } = await start();
    const { held } = await working(call);
    const low = { ...held, ...HOST, level: 1 };
    const first = await reply('runs.start', low, 'low');
    expect(first).toMatchObject({ kind: 'reject', code: 'isolation.too_low' });
    expect(await reply('runs.start', low, 'low')).toMatchObject({
      code: 'isolation.too_low',
      detail: (first as { detail?: string }).detail,
    });
  });

  test('notes are counted, and an end says what it makes of the reputation', async () => {
    const { call } = await start();
    const { held } = await working(call);
    const { runId } = await call('runs.start', { ...held, ...HOST });
    const note = { kind: 'violation', violation: 'host', subject: 'evil.test' };
    const notes = Array.from({ length: 100 }, () => note);
    expect(await call('runs.note', { runId, notes })).toEqual({ runId, kept: 100, more: 0 });
    await call('runs.note', { runId, notes });
    expect(await call('runs.note', { runId, notes })).toEqual({ runId, kept: 0, more: 100 });
    const ended = await call('runs.end', { runId, cause: 'wall', measure: MEASURE });
    expect(ended).toEqual({ runId, cause: 'wall', missed: true, reputationPermyriad: 6_167 });
    const { runId: other } = await call('runs.start', { ...held, ...HOST });
    const revoked = { runId: other, cause: 'revoked', measure: MEASURE };
    expect(await call('runs.end', revoked)).toEqual({
      runId: other,
      cause: 'revoked',
      missed: false,
    });
  });
});

test('reads have the promised shape', async () => {
  const { call } = await start();
  const { held } = await working(call);
  await call('modules.record', VERDICT);
  const { runId } = await call('runs.start', { ...held, ...HOST });
  expect(await call('runs.list', { open: true })).toMatchObject({ runs: [{ runId }] });
  const output = `sha256:${'c'.repeat(64)}`;
  await call('runs.end', { runId, cause: 'completed', measure: MEASURE, detail: 'ok', output });
  expect(await call('runs.show', { runId })).toMatchObject({ cause: 'completed', output });
  expect(await call('contracts.list')).toMatchObject({ contracts: [{ swarmId: 'red' }] });
  expect(await call('contracts.show', { swarmId: 'red', module: MODULE })).toMatchObject({
    contract: { provider: 'acme' },
    acceptedBy: 'operator',
  });
  expect(await call('modules.list')).toMatchObject({ modules: [{ admitted: true }] });
  expect(await call('slo.show', { swarmId: 'red' })).toMatchObject({ samples: 1, p99Ms: 25 });
  expect(await call('slo.list')).toMatchObject({
    runs: { open: 0, ended: { completed: 1 } },
    swarms: [{ swarmId: 'red', samples: 1 }],
  });
  expect(await call('reputation.show', { swarmId: 'red' })).toMatchObject({
    provider: 'acme',
    measured: true,
    history: [{ runId }],
  });
  expect(await call('swarms.show', { swarmId: 'red' })).toMatchObject({
    reputationPermille: expect.any(Number),
  });
});

describe('H1: a run of which nothing is told ends all the same', () => {
  const show = (call: Call, runId: unknown) => call('runs.show', { runId });

  test('a minute after its lease was given back', async () => {
    const { call, clock } = await start();
    const { held } = await working(call);
    const { runId } = await call('runs.start', { ...held, ...HOST });
    await call('tasks.release', held);
    clock.advance(RUN_ORPHAN_MS - 1);
    await ticks();
    expect(await show(call, runId)).toMatchObject({ status: 'open' });
    clock.advance(1);
    await ticks();
    expect(await show(call, runId)).toMatchObject({ status: 'ended', cause: 'revoked' });
  });

  test('later, never earlier, where the wall clock slipped back', async () => {
    const { call, clock } = await start();
    const { held } = await working(call);
    const { runId } = await call('runs.start', { ...held, ...HOST });
    await call('tasks.release', held);
    clock.stepWall(-CLOCK_STEP_MS / 2);
    clock.advance(RUN_ORPHAN_MS);
    await ticks();
    expect(await show(call, runId)).toMatchObject({ status: 'open' });
    clock.advance(Math.max(EXPIRY_RETRY_MS, CLOCK_STEP_MS / 2));
    await ticks();
    expect(await show(call, runId)).toMatchObject({ status: 'ended' });
  });

  test('by the next leader, where the one before did not come to it', async () => {
    const { call, realm, fabric, clock } = await start();
    const { held } = await working(call);
    const { runId } = await call('runs.start', { ...held, ...HOST });
    await call('tasks.release', held);
    await fabric.close();
    const next = await start(realm, clock.now() + 1_000);
    expect(await show(next.call, runId)).toMatchObject({ status: 'open' });
    next.clock.advance(RUN_ORPHAN_MS);
    await ticks();
    expect(await show(next.call, runId)).toMatchObject({ status: 'ended' });
  });

  test('when its task is leased again; who is late is told so', async () => {
    const { call, reply } = await start();
    const { held, sessionId } = await working(call);
    const { runId } = await call('runs.start', { ...held, ...HOST });
    await call('tasks.release', held);
    await lease(call, sessionId);
    expect(await show(call, runId)).toMatchObject({ status: 'ended', cause: 'revoked' });
    expect(await reply('runs.end', { runId, cause: 'failed', measure: MEASURE })).toMatchObject({
      kind: 'reject',
      code: 'run.ended',
    });
  });

  test('not where who runs it tells of it in time', async () => {
    const { call, clock } = await start();
    const { held } = await working(call);
    const { runId } = await call('runs.start', { ...held, ...HOST });
    await call('tasks.release', held);
    await call('runs.end', { runId, cause: 'completed', measure: MEASURE });
    clock.advance(2 * RUN_ORPHAN_MS);
    await ticks();
    expect(await show(call, runId)).toMatchObject({ cause: 'completed' });
  });
});
