import { isErrorCode, OPERATIONS } from '@infrafabric/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { connectClient, operate, serveMcp } from './mcp-fabric.ts';
import type { AnyClient, McpFabric } from './mcp-fabric.ts';
import { bearer, send, textOf } from './surfaces-fabric.ts';
import type { Answered } from './surfaces-fabric.ts';

// A worker's own token, in hostile hands: whatever it asks, on every surface, it stays this one session.

interface Opened {
  readonly sessionId: string;
  readonly token: string;
}
interface Held {
  readonly taskId: string;
  readonly fencingToken: string;
}

interface Row {
  readonly sessionId: string;
  readonly lastEvidenceAt: number;
  readonly leases: readonly string[];
}

const TASKS = ['held', 'submitted', 'blocked', 'own', 'spare'];
let served: McpFabric;
let victim: Opened;
let mallory: Opened;
let held: Held;
let own: Held;
let blockerId: string;

const open = (agent: string): Promise<Opened> =>
  operate<Opened & Record<string, unknown>>(served, 'sessions.open', { agent, leasesMax: 9 });
const claim = (taskId: string, { sessionId }: Opened): Promise<Held> =>
  operate<Held & Record<string, unknown>>(served, 'tasks.claim', { sessionId, taskId });
const post = (op: string, token: string, input: unknown): Promise<Answered> =>
  send(served.url, {
    path: `/v1/${op}`,
    headers: { ...bearer(token), 'content-type': 'application/json' },
    body: JSON.stringify(input),
  });
const codeOf = ({ text }: Answered): unknown => JSON.parse(text).code;
const state = async (): Promise<unknown> => [
  await operate(served, 'tasks.list', { planId: 'p' }),
  await operate(served, 'blockers.list', {}),
  // The victim's alone, with what was last seen of it: an answer to mallory counts as a sign of mallory's own life.
  (
    await operate<{ sessions: Row[] } & Record<string, unknown>>(served, 'sessions.list', {
      status: 'open',
    })
  ).sessions
    .filter(({ sessionId }) => sessionId === victim.sessionId)
    .map(({ lastEvidenceAt, leases }) => ({ lastEvidenceAt, leases })),
];

beforeAll(async () => {
  served = await serveMcp();
  const gates = [{ name: 'it holds', run: { shell: 'true' } }];
  await operate(served, 'plans.submit', {
    plan: {
      id: 'p',
      tasks: TASKS.map((key) => ({ key, title: key, ...(key === 'submitted' ? { gates } : {}) })),
      phases: [],
    },
  });
  victim = await open('ada');
  mallory = await open('mallory');
  held = await claim('p/held', victim);
  own = await claim('p/own', mallory);
  const submitted = await claim('p/submitted', mallory);
  await operate(served, 'tasks.complete', { ...handle(submitted), evidence: {} });
  const blocked = await claim('p/blocked', victim);
  const raised = await operate<{ blockerId: string } & Record<string, unknown>>(
    served,
    'blockers.raise',
    { ...handle(blocked), kind: 'question', title: 'which colour?' },
  );
  ({ blockerId } = raised);
});
afterAll(() => served.close());

const handle = ({ taskId, fencingToken }: Held): Held => ({ taskId, fencingToken });

/** Each is the victim's business, or an operator's; with the codes that may answer it. */
const attacks = (): readonly (readonly [op: string, input: object, code: string])[] => {
  const theirs = { sessionId: victim.sessionId };
  return [
    ['tasks.claim', { ...theirs, taskId: 'p/spare' }, 'auth.forbidden'],
    ['tasks.claim', { ...theirs, taskId: 'p/held' }, 'auth.forbidden'],
    ['tasks.next', theirs, 'auth.forbidden'],
    ['tasks.renew', theirs, 'auth.forbidden'],
    ['tasks.renew', { ...theirs, leases: [handle(held)] }, 'auth.forbidden'],
    ['tasks.progress', { ...handle(held), note: 'x' }, 'auth.forbidden'],
    ['tasks.release', handle(held), 'auth.forbidden'],
    ['tasks.complete', { ...handle(held), evidence: {} }, 'auth.forbidden'],
    ['tasks.fail', { ...handle(held), reason: 'x' }, 'auth.forbidden'],
    ['blockers.raise', { ...handle(held), kind: 'other', title: 'x' }, 'auth.forbidden'],
    ['blockers.join', { ...theirs, blockerId }, 'auth.forbidden'],
    ['blockers.resolve', { ...theirs, blockerId, resolution: 'x' }, 'auth.forbidden'],
    ['blockers.resolve', { blockerId, resolution: 'x' }, 'auth.forbidden'],
    ['sessions.heartbeat', theirs, 'auth.forbidden'],
    ['sessions.close', theirs, 'auth.forbidden'],
    ['tasks.judge', { taskId: 'p/submitted', verdict: 'accept' }, 'auth.forbidden'],
    // A token of its own for a task of another; another fence, epoch, holder, key.
    ['tasks.complete', { taskId: 'p/held', fencingToken: own.fencingToken }, 'lease.forged'],
    ...forgeries().map(
      (fencingToken) =>
        ['tasks.release', { taskId: 'p/own', fencingToken }, 'lease.forged'] as const,
    ),
  ];
};

function forgeries(): readonly string[] {
  const [epoch = '', fence = '', holder = '', key = '', mac = ''] = own.fencingToken.split('.');
  const of = (...parts: readonly string[]): string => parts.join('.');
  return [
    of(epoch, String(Number(fence) + 1), holder, key, mac),
    of(String(Number(epoch) + 1), fence, holder, key, mac),
    of(epoch, `0${fence}`, holder, key, mac),
    of(epoch, fence, victim.sessionId, key, mac),
    of(epoch, fence, holder, 'f'.repeat(key.length), mac),
    of(epoch, fence, holder, key, 'A'.repeat(mac.length)),
    of(epoch, fence, holder, key, mac, mac),
  ];
}

/** Members that a careless merge would take for more than data. */
const POLLUTED: readonly string[] = [
  '{"__proto__":{"role":"operator"},"taskId":"p/held"}',
  '{"taskId":"p/held","constructor":{"prototype":{"role":"operator"}}}',
  '{"taskId":"p/held","prototype":1}',
  String.raw`{"taskId":"p/held","\u005f_proto__":{}}`,
];

describe('over HTTP', () => {
  test('it acts for no other session, and calls nothing of an operator', async () => {
    const before = await state();
    for (const [op, input, code] of attacks()) {
      expect(codeOf(await post(op, mallory.token, input)), `${op} ${JSON.stringify(input)}`).toBe(
        code,
      );
    }
    for (const { name, callers } of OPERATIONS) {
      if (callers.includes('worker')) continue;
      expect(codeOf(await post(name, mallory.token, {})), name).toBe('auth.forbidden');
    }
    expect(await state()).toEqual(before);
  });

  test('keys that a prototype has are refused and change nothing', async () => {
    for (const body of POLLUTED) {
      const answer = await send(served.url, {
        path: '/v1/tasks.show',
        headers: { ...bearer(mallory.token), 'content-type': 'application/json' },
        body,
      });
      expect(answer.status, body).toBe(400);
    }
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(codeOf(await post(name, mallory.token, {})), name).toBe('request.unknown_operation');
    }
    const recorded = await post('witness.record', mallory.token, {
      component: 'constructor',
      operation: '__proto__',
      params: { constructor: 'x', toString: 'y' },
    });
    expect(recorded.status).toBe(200);
    expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('role');
  });

  test('paths outside of tiles and blobs are names of nothing', async () => {
    for (const path of [
      '/tile/0/../../keys/operator.token',
      '/tile/0/%2e%2e/%2e%2e/keys/operator.token',
      '/tile/0/..%2f..%2fkeys%2foperator.token',
      '/tile/entries/..%2f..%2fkeys%2foperator.token',
      '/tile/0/x001/000\u0000',
      '/v1/blobs/sha256:..%2f..%2fkeys%2foperator.token',
      `/v1/blobs/sha256:${'A'.repeat(64)}`,
      '/v1/blobs/..%2f..%2fkeys',
      '//evil.example/checkpoint',
    ]) {
      let status = 400;
      try {
        ({ status } = await send(served.url, {
          method: 'GET',
          path,
          headers: bearer(mallory.token),
        }));
      } catch (cause) {
        // Node's own client does not send what no path may hold.
        expect(cause).toMatchObject({ code: 'ERR_UNESCAPED_CHARACTERS' });
      }
      expect([400, 404, 421], path).toContain(status);
    }
  });
});

test('over one WebSocket it waits, calls and reads for itself only', async () => {
  const socket = new WebSocket(`${served.url.replace('http', 'ws')}/v1/connect`, {
    headers: bearer(mallory.token),
  });
  const answers = new Map<string, Readonly<Record<string, unknown>>>();
  let look = (): void => undefined;
  socket.on('message', (data) => {
    const frames: unknown = JSON.parse(textOf(data));
    for (const frame of Array.isArray(frames) ? frames : [frames]) answers.set(frame.id, frame);
    look();
  });
  await new Promise((resolve) => socket.once('open', resolve));
  const before = await state();
  const expected = new Map<string, string>();
  for (const [at, [op, input, code]] of attacks().entries()) {
    expected.set(`${at} ${op}`, code);
    socket.send(JSON.stringify({ id: `${at} ${op}`, op, input }));
  }
  expected.set('wait', 'auth.forbidden');
  socket.send(JSON.stringify({ id: 'wait', wait: { sessionId: victim.sessionId } }));
  expected.set('proto', 'request.invalid');
  socket.send(
    JSON.stringify({ id: 'proto', op: 'tasks.show', input: { taskId: 'p/held', constructor: {} } }),
  );
  await new Promise<void>((resolve) => {
    look = () => {
      if (answers.size >= expected.size) resolve();
    };
    look();
  });
  for (const [id, code] of expected) {
    expect(answers.get(id)?.['problem'], id).toMatchObject({ code });
  }
  expect(await state()).toEqual(before);
  socket.close();
});

describe('over MCP', () => {
  let client: AnyClient;
  beforeAll(async () => {
    client = await connectClient('modern', 'http', { url: served.url, token: mallory.token });
  });
  afterAll(() => client.close());

  test('every tool that writes refuses what belongs to another session', async () => {
    const before = await state();
    const { sessionId } = victim;
    const calls: readonly (readonly [tool: string, args: Record<string, unknown>])[] = [
      ['next_task', { sessionId, waitMs: 0 }],
      ['claim_task', { sessionId, taskId: 'p/spare' }],
      ['claim_task', { sessionId, taskId: 'p/held' }],
      ['report_progress', { sessionId, ...handle(held), note: 'x' }],
      ['report_blocker', { ...handle(held), kind: 'other', title: 'x' }],
      ['ask_question', { ...handle(held), question: 'x' }],
      ['join_blocker', { sessionId, blockerId }],
      ['resolve_blocker', { sessionId, blockerId, resolution: 'x' }],
      ['submit_task', { ...handle(held) }],
      ['fail_task', { ...handle(held), reason: 'x' }],
      ['release_task', { ...handle(held) }],
      ['release_task', { taskId: 'p/held', fencingToken: own.fencingToken }],
      ['resolve_blocker', { sessionId: mallory.sessionId, blockerId, resolution: 'x' }],
    ];
    for (const [tool, args] of calls) {
      const { isError, content, text } = await client.call(tool, args);
      expect(isError, `${tool} ${text}`).toBe(true);
      expect(['auth.forbidden', 'lease.forged'], `${tool} ${text}`).toContain(content['code']);
    }
    // Under its own name, too: named leases are the caller's or they are not renewed.
    const renewed = await client.call('report_progress', {
      sessionId: mallory.sessionId,
      ...handle(held),
    });
    expect(renewed).toMatchObject({ isError: true, content: { code: 'lease.stale' } });
    expect(renewed.text).toContain(`is of session ${sessionId}, not of ${mallory.sessionId}`);
    const { content } = await client.call('register_session', { agent: 'ada' });
    expect(content).toMatchObject({ sessionId: mallory.sessionId, registered: false });
    expect(await state()).toEqual(before);
  });
});

describe('afterwards', () => {
  test.each(['sessions.close', 'sessions.revoke'])(
    'a token is worth nothing after %s, and neither is an open connection',
    async (how) => {
      const gone = await open('gone');
      const socket = new WebSocket(`${served.url.replace('http', 'ws')}/v1/connect`, {
        headers: bearer(gone.token),
      });
      await new Promise((resolve) => socket.once('open', resolve));
      const said = new Promise<{ readonly problem: { readonly code: string } }>((resolve) => {
        socket.once('message', (data) => {
          const frame: unknown = JSON.parse(textOf(data));
          resolve(Array.isArray(frame) ? frame[0] : frame);
        });
      });
      await operate(served, how, { sessionId: gone.sessionId, reason: 'over' });
      for (const { name } of OPERATIONS) {
        const code = codeOf(await post(name, gone.token, {}));
        expect(code, name).toBe('auth.invalid');
        expect(isErrorCode(String(code))).toBe(true);
      }
      const path = `/v1/blobs/sha256:${'0'.repeat(64)}`;
      const blob = await send(served.url, { method: 'GET', path, headers: bearer(gone.token) });
      expect(blob.status).toBe(401);
      const input = { sessionId: gone.sessionId, taskId: 'p/spare' };
      socket.send(JSON.stringify({ id: 1, op: 'tasks.claim', input }));
      expect((await said).problem.code).toMatch(/^(?:auth\.invalid|session\.ended)$/);
      socket.close();
    },
  );

  test('no token and no part of one is in what the fabric logs', () => {
    expect(served.lines.length).toBeGreaterThan(0);
    const text = JSON.stringify(served.lines);
    for (const token of [served.token, victim.token, mallory.token, held.fencingToken]) {
      expect(text).not.toContain(token.split('.').at(-1));
    }
  });
});
