import { describe, expect, test } from 'vitest';

import { ManualClock } from '../../engine/clock.ts';
import type { SecretStore } from '../../ports/secret-store.ts';
import type { BrokerReply, BrokerRunOptions, HttpCall, RunNote } from '../words.ts';
import { createBroker } from './broker.ts';
import { createRates } from './bucket.ts';
import { createHandles } from './handles.ts';
import { openRun } from './run.ts';

const store: SecretStore = {
  name: 'never',
  resolve: () => Promise.reject(new Error('nobody asks')),
  close: () => Promise.resolve(),
};

const benchOf = (more: Partial<BrokerRunOptions> = {}) => {
  const clock = new ManualClock();
  const broker = createBroker({ store, clock, resolve: () => Promise.resolve([]) });
  const notes: RunNote[] = [];
  const options: BrokerRunOptions = {
    tenant: { swarmId: 'swarm_a', sessionId: 'session_1' },
    taskId: 'task_1',
    runnerPid: 1,
    limits: { apiCallsPerSecondMax: 10, networkCallsMax: 100 },
    http: [
      {
        alias: 'api',
        origin: 'https://api.test',
        methods: ['GET'],
        pathPrefix: '/',
        privateAddress: false,
      },
    ],
    secrets: [],
    onNote: (note) => notes.push(note),
    ...more,
  };
  const open = (others: Partial<BrokerRunOptions> = {}) => broker.open({ ...options, ...others });
  return { clock, broker, notes, open, run: open() };
};

const codeOf = (reply: BrokerReply) => (reply.ok ? 'ok' : reply.code);
const call = { url: 'https://evil.test/' };

describe('case 59: the rate holds for what is refused, too', () => {
  test('the eleventh refusal of a second comes when a second is over', async () => {
    const { clock, run, notes } = benchOf();
    for (let each = 0; each < 10; each += 1)
      expect(codeOf(await run.http(call))).toBe('grant.missing');
    let reply: BrokerReply | undefined;
    const eleventh = run.http(call).then((answer) => {
      reply = answer;
    });
    clock.advance(999);
    await Promise.resolve();
    expect(reply).toBeUndefined();
    clock.advance(1);
    await eleventh;
    expect(reply).toMatchObject({ ok: false, code: 'rate.exceeded' });
    expect(notes.at(-1)).toEqual({
      kind: 'violation',
      violation: 'rate',
      subject: '10 calls a second',
    });
    expect(codeOf(await run.http(call))).toBe('grant.missing');
    expect(run.use()).toMatchObject({ apiCalls: 12, networkCalls: 0 });
    expect(clock.timers).toBe(0);
  });

  test('what is no call at all takes its turn like any other', async () => {
    const { run, clock } = benchOf();
    for (let each = 0; each < 10; each += 1)
      expect(codeOf(await run.http(undefined))).toBe('call.malformed');
    const eleventh = run.http(undefined);
    clock.advance(1_000);
    expect(codeOf(await eleventh)).toBe('rate.exceeded');
    expect(run.use()).toMatchObject({ apiCalls: 11, networkCalls: 0 });
  });

  test('closing ends the wait', async () => {
    const { run } = benchOf({ limits: { apiCallsPerSecondMax: 0, networkCallsMax: 1 } });
    const reply = run.http(call);
    run.close('revoked');
    expect(codeOf(await reply)).toBe('run.closed');
  });

  test('sessions of a swarm share its rate; those of another swarm have their own', async () => {
    const { run, open } = benchOf();
    const second = open({ tenant: { swarmId: 'swarm_a', sessionId: 'session_2' } });
    const other = open({ tenant: { swarmId: 'swarm_b', sessionId: 'session_1' } });
    for (let each = 0; each < 5; each += 1) {
      expect(codeOf(await run.http(call))).toBe('grant.missing');
      expect(codeOf(await second.http(call))).toBe('grant.missing');
    }
    for (let each = 0; each < 10; each += 1)
      expect(codeOf(await other.http(call))).toBe('grant.missing');
    const over = run.http(call);
    run.close('ended');
    expect(codeOf(await over)).toBe('run.closed');
  });
});

test('case 53: a flood of calls leaves nothing behind', async () => {
  const { clock, run, notes } = benchOf({
    limits: { apiCallsPerSecondMax: 1_000, networkCallsMax: 0 },
  });
  for (let each = 0; each < 1_000; each += 1)
    expect(codeOf(await run.http({ alias: 'api', url: '/' }))).toBe('calls.exhausted');
  expect(notes).toHaveLength(1_000);
  expect(clock.timers).toBe(0);
});

describe('what is refused says why, as data', () => {
  test.each([
    [{ url: 'https://evil.test/\u001b[31m' }, 'url.refused'],
    [{ alias: 'nobody\u001b]0;x\u0007', url: '/' }, 'grant.missing'],
    [{ alias: 'api', url: 'https://evil.test/' }, 'grant.missing'],
    [{ url: 7 }, 'call.malformed'],
  ])('%j', async (hostile, code) => {
    const { run, notes } = benchOf();
    const parsed: HttpCall = JSON.parse(JSON.stringify(hostile));
    const reply = await run.http(parsed);
    expect(codeOf(reply)).toBe(code);
    expect(JSON.stringify([reply, notes])).not.toMatch(/\\u00[01]|\\b/);
    expect(Object.keys(reply)).toEqual(['ok', 'code', 'message']);
  });
});

test('a note that throws fails the call and nothing else: it never rejects', async () => {
  const { run, clock } = benchOf({
    onNote: () => {
      throw new Error('the log is full');
    },
  });
  expect(await run.http(call)).toMatchObject({ code: 'broker.failed' });
  expect(await run.http(call)).toMatchObject({ code: 'broker.failed' });
  expect(clock.timers).toBe(0);
});

test('case 66: closing a run forgets its handles and its session', () => {
  const clock = new ManualClock();
  const handles = createHandles(clock);
  const rates = createRates();
  let closed = 0;
  const run = openRun(
    {
      tenant: { swarmId: 'swarm_a', sessionId: 'session_1' },
      taskId: 'task_1',
      runnerPid: 1,
      limits: { apiCallsPerSecondMax: 10, networkCallsMax: 100 },
      http: [],
      secrets: ['a', 'b'].map((alias) => ({
        alias,
        ref: `vault://if/${alias}#key`,
        inject: { header: 'x-key' },
        ttlMs: 1_000,
      })),
      onNote: () => undefined,
    },
    {
      store,
      clock,
      handles,
      rates,
      ca: undefined,
      callMsMax: 1_000,
      onFault: () => undefined,
      resolve: () => Promise.resolve([]),
      onClose: () => {
        closed += 1;
      },
    },
  );
  expect([handles.size(), rates.size()]).toEqual([2, 1]);
  run.close('ended');
  run.close('revoked');
  expect([handles.size(), rates.size(), closed]).toEqual([0, 0, 1]);
});

test('closing the broker closes every run, and closing twice is closing once', async () => {
  const { broker, run, open } = benchOf();
  const other = open({ tenant: { swarmId: 'swarm_b', sessionId: 'session_1' } });
  other.close('ended');
  broker.close();
  broker.close();
  for (const each of [run, other])
    expect(codeOf(await each.http({ alias: 'api', url: '/' }))).toBe('run.closed');
});
