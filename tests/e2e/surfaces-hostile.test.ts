import {
  ANYONE,
  isErrorCode,
  JSON_DEPTH_MAX,
  OPERATIONS,
  REQUEST_BYTES_MAX,
} from '@infrafabric/protocol';
import type { Operation } from '@infrafabric/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { bearer, send, serve, textOf } from './surfaces-fabric.ts';
import type { Answered, Served } from './surfaces-fabric.ts';

// Whatever comes, every operation answers with a typed refusal, and nothing of it reaches the log.

let served: Served;
let worker: { readonly sessionId: string; readonly token: string };
let sizeBefore = 0;

beforeAll(async () => {
  served = await serve();
  const opened = await send(served.url, {
    path: '/v1/sessions.open',
    headers: { ...bearer(served.operatorToken), 'content-type': 'application/json' },
    body: JSON.stringify({ agent: 'mallory' }),
  });
  worker = JSON.parse(opened.text);
  sizeBefore = served.size();
});
afterAll(() => served.close());

const JSON_TYPE = { 'content-type': 'application/json' };
const SESSION = 'ses_0000000000000000';
const TOKEN = 'forged-token-0000000000';

/** A well-formed input of each operation, whose ids name nothing. */
const UNKNOWN: Readonly<Record<string, unknown>> = {
  'plans.submit': { plan: { id: 'p', tasks: [{ key: 'a', title: 'a', dependsOn: ['nothing'] }] } },
  'plans.edit': { planId: 'nothing' },
  'plans.pause': { planId: 'nothing' },
  'plans.resume': { planId: 'nothing' },
  'plans.cancel': { planId: 'nothing', reason: 'x' },
  'plans.show': { planId: 'nothing' },
  'phases.approve': { planId: 'nothing', phase: 'P1' },
  'phases.check': { planId: 'nothing', phase: 'P1', result: { name: 'x', ok: true } },
  'tasks.claim': { sessionId: SESSION, taskId: 'nothing/a' },
  'tasks.next': { sessionId: SESSION },
  'tasks.renew': { sessionId: SESSION },
  'tasks.progress': { taskId: 'nothing/a', fencingToken: TOKEN, note: 'x' },
  'tasks.release': { taskId: 'nothing/a', fencingToken: TOKEN },
  'tasks.complete': { taskId: 'nothing/a', fencingToken: TOKEN },
  'tasks.fail': { taskId: 'nothing/a', fencingToken: TOKEN, reason: 'x' },
  'tasks.judge': { taskId: 'nothing/a', verdict: 'accept' },
  'tasks.cancel': { taskId: 'nothing/a', reason: 'x' },
  'tasks.park': { taskId: 'nothing/a', reason: 'x' },
  'tasks.unpark': { taskId: 'nothing/a' },
  'tasks.show': { taskId: 'nothing/a' },
  'tasks.list': { planId: 'nothing' },
  'tasks.explain': { taskId: 'nothing/a' },
  'sessions.heartbeat': { sessionId: SESSION },
  'sessions.close': { sessionId: SESSION },
  'sessions.revoke': { sessionId: SESSION, reason: 'x' },
  'blockers.raise': { taskId: 'nothing/a', fencingToken: TOKEN, kind: 'other', title: 'x' },
  'blockers.join': { blockerId: 'blk_0000000000000000', sessionId: SESSION },
  'blockers.resolve': { blockerId: 'blk_0000000000000000', resolution: 'x' },
  'witness.proof': { index: 999_999 },
};
/** Operations that name nothing which could be unknown. */
const WITHOUT_IDS = new Set([
  'plans.list',
  'sessions.open',
  'sessions.list',
  'blockers.list',
  'realm.status',
  'witness.record',
  'witness.query',
  'witness.checkpoint',
]);

const isPublic = ({ callers }: Operation) => callers.some((caller) => ANYONE.includes(caller));
const DEEP = '['.repeat(JSON_DEPTH_MAX * 100);
const HUGE = Buffer.alloc(REQUEST_BYTES_MAX + 1, 0x20);

interface Attack {
  readonly name: string;
  readonly codes: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

function attacksOn(operation: Operation): readonly Attack[] {
  const operator = { ...bearer(served.operatorToken), ...JSON_TYPE };
  const forged = `${worker.token.slice(0, -2)}${worker.token.endsWith('AA') ? 'BB' : 'AA'}`;
  const internal = !isPublic(operation);
  const parsed = internal ? ['auth.forbidden'] : ['request.invalid'];
  const session = { ...bearer(worker.token), ...JSON_TYPE };
  return [
    { name: 'no token', codes: ['auth.missing'], headers: JSON_TYPE, body: '{}' },
    {
      name: 'forged token',
      codes: ['auth.invalid'],
      headers: { ...bearer(forged), ...JSON_TYPE },
      body: '{}',
    },
    {
      name: 'garbage token',
      codes: ['auth.invalid'],
      headers: { ...bearer('x'.repeat(300)), ...JSON_TYPE },
      body: '{}',
    },
    {
      name: 'another scheme',
      codes: ['auth.missing'],
      headers: { authorization: 'Basic b3A6b3A=', ...JSON_TYPE },
      body: '{}',
    },
    { name: 'wrong schema', codes: parsed, headers: operator, body: '{"no such field":1}' },
    { name: 'an array', codes: parsed, headers: operator, body: '[]' },
    { name: 'null', codes: parsed, headers: operator, body: 'null' },
    { name: 'garbage', codes: ['request.malformed'], headers: operator, body: '{"a":' },
    { name: 'nothing', codes: ['request.malformed'], headers: operator, body: '' },
    {
      name: 'not UTF-8',
      codes: ['request.malformed'],
      headers: operator,
      body: Uint8Array.of(0x7b, 0xff, 0x7d),
    },
    {
      name: '__proto__',
      codes: ['request.malformed'],
      headers: operator,
      body: '{"__proto__":{"role":"operator"}}',
    },
    { name: 'too deep', codes: ['request.too_deep'], headers: operator, body: DEEP },
    {
      name: 'another type',
      codes: ['request.malformed'],
      headers: { ...operator, 'content-type': 'text/plain' },
      body: '{}',
    },
    {
      name: 'a foreign Host',
      codes: ['request.host'],
      headers: { ...operator, host: 'evil.example' },
      body: '{}',
    },
    {
      name: 'a foreign Origin',
      codes: ['request.origin'],
      headers: { ...operator, origin: 'https://evil.example' },
      body: '{}',
    },
    ...(operation.effect === 'write'
      ? [
          {
            name: 'a bad key',
            codes: ['request.invalid'],
            headers: { ...operator, 'idempotency-key': 'a b' },
            body: '{}',
          },
        ]
      : []),
    ...(operation.callers.includes('worker')
      ? []
      : [{ name: 'wrong caller', codes: ['auth.forbidden'], headers: session, body: '{}' }]),
    ...(operation.name in UNKNOWN
      ? [
          {
            name: 'unknown ids',
            codes: [...operation.errors, 'lease.forged'],
            headers: operator,
            body: JSON.stringify(UNKNOWN[operation.name]),
          },
        ]
      : []),
  ];
}

function expectRefusal(answer: Answered, codes: readonly string[]): void {
  const problem = JSON.parse(answer.text);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  expect(isErrorCode(problem.code), problem.code).toBe(true);
  expect(codes, JSON.stringify(problem)).toContain(problem.code);
  expect(answer.status).toBe(problem.status);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect(problem).toMatchObject({ remedy: expect.any(String), detail: expect.any(String) });
  expect(answer.text).not.toContain(served.operatorToken);
}

test('every operation is in one of the tables above', () => {
  const known = OPERATIONS.filter((operation) => isPublic(operation)).map(({ name }) => name);
  expect([...Object.keys(UNKNOWN), ...WITHOUT_IDS].toSorted()).toEqual(known.toSorted());
});

describe.each(OPERATIONS.map((operation) => [operation.name, operation] as const))(
  '%s',
  (name, operation) => {
    test('refuses every hostile request over HTTP with its code and status', async () => {
      for (const { codes, headers = {}, body = '', name: attack } of attacksOn(operation)) {
        const answer = await send(served.url, { path: `/v1/${name}`, headers, body });
        try {
          expectRefusal(answer, codes);
        } catch (cause) {
          throw new Error(`${name}: ${attack}`, { cause });
        }
      }
      expect(served.size()).toBe(sizeBefore);
    });

    test('refuses a body that is announced too large, or is', async () => {
      const headers = { ...bearer(served.operatorToken), ...JSON_TYPE };
      const path = `/v1/${name}`;
      const announced = { ...headers, 'content-length': String(HUGE.length) };
      expectRefusal(await send(served.url, { path, headers: announced, body: HUGE }), [
        'request.too_large',
      ]);
      const streamed = { ...headers, 'transfer-encoding': 'chunked' };
      expectRefusal(await send(served.url, { path, headers: streamed, body: HUGE }), [
        'request.too_large',
      ]);
      expect(served.size()).toBe(sizeBefore);
    });

    test.each(['GET', 'PUT', 'DELETE', 'PATCH'])('is not called with %s', async (method) => {
      const answer = await send(served.url, {
        method,
        path: `/v1/${name}`,
        headers: bearer(served.operatorToken),
      });
      expectRefusal(answer, ['request.method']);
      expect(answer.headers['allow']).toBe('POST');
    });
  },
);

test('every operation refuses the same over WebSocket, by the id that asked', async () => {
  const socket = new WebSocket(`${served.url.replace('http', 'ws')}/v1/connect`, {
    headers: bearer(served.operatorToken),
  });
  const answers = new Map<unknown, { readonly code?: string }>();
  let settled = (): void => undefined;
  socket.on('message', (data) => {
    const frames: unknown = JSON.parse(textOf(data));
    for (const { id, problem } of Array.isArray(frames) ? frames : [frames])
      answers.set(id, problem ?? {});
    settled();
  });
  await new Promise((resolve) => socket.once('open', resolve));
  const expected = new Map<string, readonly string[]>();
  const ask = (id: string, frame: object, codes: readonly string[]): void => {
    expected.set(id, codes);
    socket.send(JSON.stringify({ id, ...frame }));
  };
  for (const operation of OPERATIONS) {
    const { name: op } = operation;
    const internal = !isPublic(operation);
    ask(`${op} schema`, { op, input: { 'no such field': 1 } }, [
      internal ? 'auth.forbidden' : 'request.invalid',
    ]);
    ask(`${op} token`, { op, input: {}, token: 'forged' }, ['auth.invalid']);
    if (operation.effect === 'write')
      ask(`${op} key`, { op, input: {}, key: 7 }, ['request.invalid']);
    if (!operation.callers.includes('worker')) {
      ask(`${op} caller`, { op, input: {}, token: worker.token }, ['auth.forbidden']);
    }
    const input = UNKNOWN[op];
    if (input !== undefined) ask(`${op} ids`, { op, input }, [...operation.errors, 'lease.forged']);
  }
  ask('deep', { op: 'tasks.show', nothing: 1 }, ['request.invalid']);
  await new Promise<void>((resolve) => {
    settled = () => {
      if (answers.size >= expected.size) resolve();
    };
    settled();
  });
  for (const [id, codes] of expected) expect(codes, id).toContain(answers.get(id)?.code);
  expect(served.size()).toBe(sizeBefore);
  socket.close();
});
