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
import {
  GROUND_PLAN,
  GROUND_SWARM,
  GROUND_TASK,
  hostileInputs,
  UNKNOWN,
  WITHOUT_IDS,
} from './hostile-inputs.ts';
import type { Ground } from './hostile-inputs.ts';
import { bearer, send, serve, textOf } from './surfaces-fabric.ts';
import type { Answered, Served } from './surfaces-fabric.ts';

// Whatever comes, every operation answers with a typed refusal, and nothing of it reaches the log.

let served: Served;
let worker: { readonly sessionId: string; readonly token: string };
let ground: Ground;
let sizeBefore = 0;

const JSON_TYPE = { 'content-type': 'application/json' };

/** An operator's call over HTTP. */
const post = (name: string, input: unknown): Promise<Answered> =>
  send(served.url, {
    path: `/v1/${name}`,
    headers: { ...bearer(served.operatorToken), ...JSON_TYPE },
    body: JSON.stringify(input),
  });
const call = async <T>(name: string, input: unknown): Promise<T> => {
  const { status, text } = await post(name, input);
  if (status !== 200) throw new Error(`${name}: ${text}`);
  return JSON.parse(text);
};

beforeAll(async () => {
  served = await serve();
  worker = await call('sessions.open', { agent: 'mallory' });
  const { sessionId } = worker;
  const capabilities = ['integration:sip'];
  const money = { costPerHourMicroUsd: 1_000_000, limitMicroUsd: 2_000_000 };
  await call('swarms.register', { profile: { swarmId: GROUND_SWARM, capabilities, ...money } });
  await call('plans.submit', { plan: GROUND_PLAN });
  const { fencingToken } = await call<{ fencingToken: string }>('tasks.claim', {
    sessionId,
    taskId: GROUND_TASK,
  });
  ground = { sessionId, held: { taskId: GROUND_TASK, fencingToken } };
  sizeBefore = served.size();
});
afterAll(() => served.close());

const isPublic = ({ callers }: Operation) => callers.some((caller) => ANYONE.includes(caller));
const DEEP = '['.repeat(JSON_DEPTH_MAX * 100);
/** Characters of a refusal: five issues of a schema, or ten failed tests of rules. */
const REFUSAL_CHARS_MAX = 20_000;
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

test('every operation is in one of the tables', () => {
  const known = OPERATIONS.filter((operation) => isPublic(operation)).map(({ name }) => name);
  expect([...Object.keys(UNKNOWN), ...WITHOUT_IDS].toSorted()).toEqual(known.toSorted());
});

/** All that an operator can see of what a hostile input could have changed. */
const sight = async (): Promise<readonly unknown[]> =>
  Promise.all(
    [
      'swarms.list',
      'capabilities.list',
      'budgets.list',
      'breakers.list',
      'policies.show',
      'escalations.list',
      'prices.list',
      'plans.list',
      'tasks.list',
      'blockers.list',
    ].map((name) => call(name, {})),
  );

describe('hostile inputs of their own', () => {
  test('are refused with their code, and change nothing that anybody can see', async () => {
    const before = await sight();
    for (const [name, rows] of Object.entries(hostileInputs(ground))) {
      for (const [what, input, code] of rows) {
        const answer = await post(name, input);
        try {
          expectRefusal(answer, [code]);
        } catch (cause) {
          throw new Error(`${name}: ${what}`, { cause });
        }
        // A refusal does not send back what was sent: a megabyte is no answer.
        expect(answer.text.length, `${name}: ${what}`).toBeLessThan(REFUSAL_CHARS_MAX);
      }
    }
    expect(served.size()).toBe(sizeBefore);
    expect(await sight()).toEqual(before);
  });

  test('every operation of the governor that takes anything has some', () => {
    const listed = new Set(Object.keys(hostileInputs(ground)));
    const without = OPERATIONS.filter(
      (operation) =>
        isPublic(operation) &&
        operation.effect === 'write' &&
        /^(swarms|capabilities|budgets|breakers|policies|escalations|usage|prices)\./u.test(
          operation.name,
        ) &&
        !listed.has(operation.name),
    );
    expect(without.map(({ name }) => name)).toEqual([]);
  });

  test('names of every object are names like others to what only reads', async () => {
    expect(await call('prices.route', { work: 'constructor' })).not.toHaveProperty('tier.name');
    for (const facts of [{ constructor: 1 }, { swarm: { id: 5 } }, { session: { role: [] } }]) {
      expectRefusal(await post('policies.explain', { action: 'task.claim', facts }), [
        'request.invalid',
      ]);
    }
    expect(served.size()).toBe(sizeBefore);
  });
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
