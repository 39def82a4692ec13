import { expect, test } from 'vitest';
import { FROM_RUNNER, HOST_CALL_BYTES_MAX, HOST_FUNCTIONS, TO_RUNNER } from '../frame.ts';
import type { BrokerReply, BrokerRunOptions, RunNote, RunReport, RunRequest } from '../words.ts';
import { callFrame, Run } from './run.ts';
import type { Use } from './watch/watchdog.ts';

const USE: Use = { cpuMs: 1.6, wallMs: 2.4, peakBytes: 7 };
const LIMITS = {
  cpuMsMax: 1,
  wallMsMax: 1,
  cpuPercentMax: 1,
  memoryMibMax: 1,
  apiCallsPerSecondMax: 1,
  networkCallsMax: 1,
};

const running = (
  request: Partial<RunRequest> = {},
  answer: () => Promise<BrokerReply> = async () => ({ ok: false, code: 'x', message: 'y' }),
) => {
  const replies: { status: number | undefined; json: unknown }[] = [];
  const opened: BrokerRunOptions[] = [];
  const closed: string[] = [];
  const calls: unknown[] = [];
  const notes: RunNote[] = [];
  const reports: RunReport[] = [];
  let waits = 0;
  const run = new Run({
    conversation: {
      waitForHost: () => {
        waits += 1;
      },
      reply: (frame) => {
        expect(frame[4]).toBe(TO_RUNNER.reply);
        const text = Buffer.from(frame.subarray(6)).toString();
        replies.push({ status: frame[5], json: text === '' ? undefined : JSON.parse(text) });
      },
    },
    broker: {
      open: (options) => {
        opened.push(options);
        return {
          http: (call) => {
            calls.push(call);
            return answer();
          },
          use: () => ({ apiCalls: 3, networkCalls: 2, sentBytes: 10, receivedBytes: 20 }),
          close: (why) => closed.push(why),
        };
      },
      revoke: () => undefined,
      close: () => undefined,
    },
    tenant: { swarmId: 'swarm-a', sessionId: 'ses' },
    runnerPid: 4711,
    level: 3,
    queueMs: 0.6,
    emptyBytes: 3,
    isDeterministic: false,
    request: {
      taskId: 'plan/one',
      entrypoint: 'run',
      input: new Uint8Array(),
      limits: LIMITS,
      http: [],
      secrets: [],
      signal: new AbortController().signal,
      onNote: (note) => notes.push(note),
      ...request,
    },
    onReport: (report) => reports.push(report),
  });
  const host = (called: number, body: string | Uint8Array): unknown =>
    run.take(
      FROM_RUNNER.hostCall,
      Buffer.concat([Uint8Array.of(called), Buffer.from(body as string)]),
    );
  return { run, host, replies, opened, closed, calls, notes, reports, waits: () => waits };
};
const turned = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const result = (status: number, fuel: number, rest = ''): Uint8Array => {
  const bytes = Buffer.alloc(9 + Buffer.byteLength(rest));
  bytes[0] = status;
  bytes.writeDoubleLE(fuel, 1);
  bytes.write(rest, 9);
  return bytes;
};

test('a kill closes the broker at once, before the runner is gone, and nothing opens it again', async () => {
  const inject = { header: 'x-key' };
  const secrets = [{ alias: 'sip', ref: 'vault://if/sip#token', inject, ttlMs: 60_000 }];
  const it = running({ secrets });
  it.run.cut({ cause: 'revoked', detail: 'the lease ended' });
  expect(it.closed).toEqual(['revoked']);
  it.run.settle(USE, { cause: 'revoked', detail: 'the lease ended' });
  expect(it.closed).toEqual(['revoked']);
  expect(it.reports).toMatchObject([{ cause: 'revoked', measure: { apiCalls: 3 } }]);

  const other = running();
  other.host(HOST_FUNCTIONS.http, '{"url":"/v1/a"}');
  other.run.cut({ cause: 'cpu', detail: 'the limit' });
  await turned();
  expect(other.opened).toEqual([]);
  expect(other.calls).toEqual([]);
});

test('a request goes to the broker, which is opened for it, and its answer to the guest', async () => {
  const answer = { status: 200, headers: { 'content-type': 'text/plain' }, body: 'eA==' };
  const it = running({}, async () => ({ ok: true, answer }));
  expect(it.host(HOST_FUNCTIONS.http, '{"url":"https://a/","method":"GET"}')).toBe('more');
  expect(it.waits()).toBe(1);
  // Not within the pipe's own callback.
  expect(it.replies).toEqual([]);
  await turned();
  expect(it.calls).toEqual([{ url: 'https://a/', method: 'GET', headers: {} }]);
  expect(it.opened).toMatchObject([
    { tenant: { swarmId: 'swarm-a', sessionId: 'ses' }, taskId: 'plan/one', runnerPid: 4711 },
  ]);
  expect(it.replies).toEqual([{ status: 0, json: answer }]);
  it.run.settle(USE, undefined);
  expect(it.closed).toEqual(['ended']);
  expect(it.reports[0]?.measure).toMatchObject({
    apiCalls: 3,
    networkCalls: 2,
    sentBytes: 10,
    receivedBytes: 20,
  });
});

test('case 53: what is no request is the broker’s to refuse, which counts and paces it', async () => {
  const it = running();
  it.host(HOST_FUNCTIONS.http, '{"url":"https://a/"}');
  await turned();
  it.host(HOST_FUNCTIONS.http, '{"url":');
  await turned();
  expect(it.replies).toEqual([
    { status: 1, json: { code: 'x', message: 'y' } },
    { status: 1, json: { code: 'x', message: 'y' } },
  ]);
  expect(it.calls).toMatchObject([{ url: 'https://a/' }, undefined]);
});

test('a call that nobody answers, that fails, or whose answer is too large is refused without its reason', async () => {
  const nobody = running();
  nobody.host(HOST_FUNCTIONS.call, '{}');
  const failing = running({ onCall: () => Promise.reject(new Error('secret detail')) });
  failing.host(HOST_FUNCTIONS.call, '{}');
  const large = running({ onCall: async () => new Uint8Array(9 * 1024 * 1024) });
  large.host(HOST_FUNCTIONS.call, '{}');
  await turned();
  const codes = [nobody, failing, large].map(({ replies }) => replies[0]?.json);
  expect(codes).toMatchObject([
    { code: 'call.refused' },
    { code: 'call.failed' },
    { code: 'call.too_large' },
  ]);
  expect(JSON.stringify(codes)).not.toContain('secret detail');
});

test('the limit of a request holds before it is looked at', () => {
  const it = running({ onCall: async (bytes) => bytes });
  expect(it.host(HOST_FUNCTIONS.call, new Uint8Array(HOST_CALL_BYTES_MAX + 1))).toBe('violation');
  expect(it.host(HOST_FUNCTIONS.call, new Uint8Array(HOST_CALL_BYTES_MAX))).toBe('more');
});

test('case 63: a reply that comes after the end goes nowhere', async () => {
  const it = running({}, async () => ({ ok: false, code: 'late', message: '' }));
  it.host(HOST_FUNCTIONS.http, '{"url":"u"}');
  it.run.settle(USE, { cause: 'wall', detail: 'the limit of time' });
  await turned();
  expect(it.replies).toEqual([]);
});

test('the end of a lease closes the broker’s side as revoked', async () => {
  const it = running();
  it.host(HOST_FUNCTIONS.http, '{"url":"u"}');
  await turned();
  it.run.settle(USE, { cause: 'revoked', detail: 'the lease ended' });
  expect(it.closed).toEqual(['revoked']);
  // A revocation is nobody's violation.
  expect(it.notes).toEqual([]);
});

test('what was measured is whole milliseconds, and fuel is told of metered runs alone', () => {
  const it = running();
  expect(it.run.take(FROM_RUNNER.result, result(0, 42, 'out'))).toBe('end');
  it.run.settle(USE, undefined);
  expect(it.reports).toMatchObject([
    {
      cause: 'completed',
      level: 3,
      measure: { queueMs: 1, wallMs: 2, cpuMs: 2, peakMemoryBytes: 4, apiCalls: 0, logBytes: 0 },
    },
  ]);
  expect(it.reports[0]?.measure.fuel).toBeUndefined();
});

test('case 93: an ending that the host saw outweighs a result that the runner gave', () => {
  const it = running();
  it.run.take(FROM_RUNNER.result, result(0, 0, 'forged'));
  it.run.settle(USE, { cause: 'protocol', detail: 'bytes behind an answer' });
  expect(it.reports).toMatchObject([{ cause: 'protocol', output: new Uint8Array() }]);
  expect(it.notes).toEqual([{ kind: 'violation', violation: 'protocol', subject: 'run protocol' }]);
});

test.each([
  [1, 'failed'],
  [2, 'trapped'],
  [3, 'fuel'],
])('status %i is the cause %s, with the guest’s words as data', (status, cause) => {
  const it = running();
  it.run.take(FROM_RUNNER.result, result(status, Number.NaN, '\u001b[31mwhy\r\nnot'));
  it.run.settle(USE, undefined);
  expect(it.reports).toMatchObject([{ cause, detail: 'why not' }]);
});

test('frames that belong to no run, and results that are none, are against the rules', () => {
  const { run } = running();
  for (const type of [
    FROM_RUNNER.ready,
    FROM_RUNNER.loaded,
    FROM_RUNNER.verdict,
    FROM_RUNNER.probed,
    0,
  ])
    expect(run.take(type, new Uint8Array())).toBe('violation');
  expect(run.take(FROM_RUNNER.result, Uint8Array.of(0))).toBe('violation');
  expect(run.take(FROM_RUNNER.result, result(9, 0))).toBe('violation');
  expect(run.take(FROM_RUNNER.hostCall, new Uint8Array())).toBe('violation');
  expect(run.oversize(FROM_RUNNER.result).cause).toBe('output');
  expect(run.oversize(undefined).cause).toBe('protocol');
});

test('a call names its entrypoint before its input', () => {
  const frame = callFrame('run', Uint8Array.of(9, 8));
  expect([...frame]).toEqual([8, 0, 0, 0, TO_RUNNER.call, 3, 0, 0x72, 0x75, 0x6e, 9, 8]);
});
