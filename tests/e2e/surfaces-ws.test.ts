import { connect as connectTcp } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { bearer, serve, textOf } from './surfaces-fabric.ts';
import type { Served } from './surfaces-fabric.ts';

const opened: Served[] = [];
const start = async (options: Parameters<typeof serve>[0] = {}): Promise<Served> => {
  const served = await serve(options);
  opened.push(served);
  return served;
};
afterEach(async () => {
  await Promise.all(opened.splice(0).map((served) => served.close()));
});

interface Frame {
  readonly id?: unknown;
  readonly ok?: Readonly<Record<string, unknown>>;
  readonly problem?: { readonly code: string };
  readonly item?: { readonly cursor: string; readonly type: string };
  readonly grants?: readonly { readonly taskId: string; readonly fencingToken: string }[];
  readonly end?: { readonly cursor?: string; readonly problem?: { readonly code: string } };
}

/** A peer that is not the SDK: it sends what it is told and keeps what it gets, message by message. */
async function open(served: Served, headers: Readonly<Record<string, string>> = {}) {
  const socket = new WebSocket(`${served.url.replace('http', 'ws')}/v1/connect`, { headers });
  const messages: string[] = [];
  const frames: Frame[] = [];
  let wake = (): void => undefined;
  socket.on('message', (data) => {
    const text = textOf(data);
    messages.push(text);
    const parsed: unknown = JSON.parse(text);
    frames.push(...(Array.isArray(parsed) ? parsed : [parsed]));
    wake();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }));
  });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const until = async (found: (frame: Frame) => boolean): Promise<Frame> => {
    for (;;) {
      const frame = frames.find(found);
      if (frame !== undefined) return frame;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return {
    socket,
    messages,
    frames,
    closed,
    send: (value: unknown) =>
      socket.send(typeof value === 'string' ? value : JSON.stringify(value)),
    until,
    answer: (id: unknown) => until((frame) => frame.id === id),
  };
}

test('the first frame authenticates; before it nothing is called, and a bad one ends the connection', async () => {
  const served = await start();
  const early = await open(served);
  early.send({ id: 1, op: 'realm.status' });
  expect((await early.answer(1)).problem?.code).toBe('auth.missing');
  early.send({ id: 2, auth: served.operatorToken });
  expect((await early.answer(2)).ok).toMatchObject({
    name: 'operator',
    role: 'operator',
    realm: 'main',
  });
  early.send({ id: 3, op: 'realm.status' });
  expect((await early.answer(3)).ok).toMatchObject({ realm: 'main' });
  early.socket.close();
  const bad = await open(served);
  bad.send({ id: 1, auth: 'ifo1.guess' });
  expect((await bad.answer(1)).problem?.code).toBe('auth.invalid');
  expect(await bad.closed).toEqual({ code: 1008, reason: 'auth.invalid' });
});

test('an upgrade with a foreign Origin, Host, path or credential is refused', async () => {
  const served = await start();
  const refused = (headers: Readonly<Record<string, string>>) =>
    open(served, headers).then(
      () => 'opened',
      (cause: unknown) => String(cause),
    );
  expect(await refused({ origin: 'https://evil.example' })).toContain('403');
  expect(await refused({ host: 'evil.example' })).toContain('421');
  expect(await refused(bearer('ifo1.guess'))).toContain('401');
  expect(await refused(bearer(served.operatorToken))).toBe('opened');
});

test('a stranger gets kilobytes, not a message of sixteen megabytes', async () => {
  const served = await start();
  const stranger = await open(served);
  stranger.send(`{"id":1,"auth":"${'x'.repeat(200_000)}"}`);
  expect((await stranger.closed).code).toBe(1006);
});

test('frames of one message are called in order, and answered in one write', async () => {
  const served = await start();
  const peer = await open(served, bearer(served.operatorToken));
  const frames = Array.from({ length: 200 }, (_, n) => ({
    id: n,
    op: 'witness.record',
    input: { component: 'c', operation: `n${n}` },
  }));
  peer.send(frames);
  await peer.answer(199);
  expect(peer.frames.map(({ id }) => id)).toEqual(frames.map(({ id }) => id));
  // One group commit answers them together; the open batch may have taken two.
  expect(peer.messages.length).toBeLessThanOrEqual(4);
});

test('many sessions share one connection, each under its own credential', async () => {
  const served = await start();
  const peer = await open(served, bearer(served.operatorToken));
  peer.send({
    id: 'plan',
    op: 'plans.submit',
    input: { plan: { id: 'p', tasks: [{ key: 'a', title: 'a' }] } },
  });
  peer.send({ id: 'ada', op: 'sessions.open', input: { agent: 'ada' } });
  peer.send({ id: 'bob', op: 'sessions.open', input: { agent: 'bob' } });
  const ada = (await peer.answer('ada')).ok;
  const bob = (await peer.answer('bob')).ok;
  const claim = { sessionId: ada?.['sessionId'], taskId: 'p/a' };
  peer.send({ id: 1, op: 'tasks.claim', input: claim, token: bob?.['token'] });
  expect((await peer.answer(1)).problem?.code).toBe('auth.forbidden');
  peer.send({ id: 2, op: 'tasks.claim', input: claim, token: ada?.['token'] });
  expect((await peer.answer(2)).ok).toMatchObject({ taskId: 'p/a', fence: 1 });
  peer.send({ id: 3, wait: { sessionId: ada?.['sessionId'] }, token: bob?.['token'] });
  expect((await peer.answer(3)).problem?.code).toBe('auth.forbidden');
});

test('a wait is pushed its grants until it is cancelled', async () => {
  const served = await start();
  const peer = await open(served, bearer(served.operatorToken));
  peer.send({ id: 's', op: 'sessions.open', input: { agent: 'ada', leasesMax: 9 } });
  const { sessionId } = (await peer.answer('s')).ok ?? {};
  peer.send({ id: 'w', wait: { sessionId } });
  const submit = (id: string) =>
    peer.send({
      id,
      op: 'plans.submit',
      input: { plan: { id, tasks: [{ key: 'a', title: 'a' }] } },
    });
  submit('p1');
  const first = await peer.until(({ grants }) => grants?.[0]?.taskId === 'p1/a');
  expect(first.id).toBe('w');
  submit('p2');
  await peer.until(({ grants }) => grants?.[0]?.taskId === 'p2/a');
  peer.send({ id: 'w', cancel: true });
  await peer.until(({ id, end }) => id === 'w' && end !== undefined);
  submit('p3');
  await peer.answer('p3');
  peer.send({ id: 'list', op: 'tasks.show', input: { taskId: 'p3/a' } });
  expect((await peer.answer('list')).ok).toMatchObject({ phase: 'ready' });
});

test('help with a blocker is pushed to whoever waits and can, and a grant refused for money ends the wait', async () => {
  const served = await start();
  const peer = await open(served, bearer(served.operatorToken));
  let calls = 0;
  const call = async (op: string, input: object) => {
    calls += 1;
    const id = `c${calls}`;
    peer.send({ id, op, input });
    return (await peer.answer(id)).ok ?? {};
  };
  await call('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'a' }] } });
  const { sessionId: ada } = await call('sessions.open', { agent: 'ada' });
  const { fencingToken } = await call('tasks.claim', { sessionId: ada, taskId: 'p/a' });
  const capabilities = ['integration:sip'];
  const { sessionId: bob } = await call('sessions.open', {
    agent: 'bob',
    capabilities,
    leasesMax: 3,
  });
  peer.send({ id: 'w', wait: { sessionId: bob } });
  const stuck = {
    taskId: 'p/a',
    fencingToken,
    kind: 'capability',
    title: 'x',
    needs: capabilities,
  };
  const { blockerId } = await call('blockers.raise', stuck);
  const pushed = await peer.until(({ id, grants }) => id === 'w' && grants !== undefined);
  expect(pushed.grants).toMatchObject([{ scope: { helps: blockerId } }]);
  const tasks = [{ key: 'a', title: 'a', budget: { limitMicroUsd: 5 } }];
  // All that the realm may spend is set aside for the help.
  await call('budgets.set', { account: 'realm', limitMicroUsd: 10_000_000 });
  await call('plans.submit', { plan: { id: 'q', tasks } });
  const { end, problem } = await peer.until(
    (frame) => frame.id === 'w' && (frame.end !== undefined || frame.problem !== undefined),
  );
  expect(problem?.code ?? JSON.stringify(end)).toContain('budget.exceeded');
});

test('a waiting call can be cancelled by its id', async () => {
  const served = await start();
  const peer = await open(served, bearer(served.operatorToken));
  peer.send({ id: 's', op: 'sessions.open', input: { agent: 'ada' } });
  const { sessionId } = (await peer.answer('s')).ok ?? {};
  peer.send({ id: 'n', op: 'tasks.next', input: { sessionId, waitMs: 25_000 } });
  peer.send({ id: 'n', cancel: true });
  expect((await peer.answer('n')).ok).toEqual({ grants: [] });
});

test('a feed ends with the cursor to go on from, when cancelled and when the credential ends', async () => {
  const served = await start();
  const peer = await open(served, bearer(served.operatorToken));
  peer.send({ id: 's', op: 'sessions.open', input: { agent: 'ada' } });
  const { sessionId, token } = (await peer.answer('s')).ok ?? {};
  peer.send({ id: 'f', feed: { after: '0' } });
  const { item } = await peer.until((frame) => frame.item !== undefined);
  peer.send({ id: 'f', cancel: true });
  const { end } = await peer.until((frame) => frame.end !== undefined);
  expect(end).toEqual({ cursor: item?.cursor });
  peer.send({ id: 'g', feed: {}, token });
  peer.send({ id: 'c', op: 'sessions.close', input: { sessionId } });
  await peer.answer('c');
  // A credential is believed for a second; the first item after that ends the stream.
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  peer.send({ id: 'r', op: 'witness.record', input: { component: 'c', operation: 'o' } });
  const ended = await peer.until((frame) => frame.id === 'g' && frame.end !== undefined);
  expect(ended.end?.problem?.code).toBe('auth.invalid');
});

test('what is no frame is refused by its id, and the connection goes on', async () => {
  const served = await start();
  const peer = await open(served, bearer(served.operatorToken));
  peer.send('{"id":');
  peer.send('['.repeat(5_000));
  peer.send(Array.from({ length: 1_025 }, (_, id) => ({ id, op: 'realm.status' })));
  peer.send({ id: 'x', op: 'task.claim' });
  expect((await peer.answer('x')).problem).toMatchObject({ code: 'request.unknown_operation' });
  expect(peer.frames.slice(0, 3).map(({ problem }) => problem?.code)).toEqual([
    'request.malformed',
    'request.too_deep',
    'request.too_large',
  ]);
  peer.send({ id: 'ok', op: 'realm.status' });
  expect((await peer.answer('ok')).ok).toBeDefined();
  peer.socket.send(Buffer.from('binary'));
  expect((await peer.closed).code).toBe(1003);
});

test('more unanswered calls than a connection may have are told to slow down', async () => {
  const served = await start();
  const peer = await open(served, bearer(served.operatorToken));
  peer.send({ id: 's', op: 'sessions.open', input: { agent: 'ada' } });
  const { sessionId } = (await peer.answer('s')).ok ?? {};
  const waits = Array.from({ length: 4_097 }, (_, n) => ({
    id: n,
    op: 'tasks.next',
    input: { sessionId, waitMs: 20_000 },
  }));
  for (let at = 0; at < waits.length; at += 1_000) peer.send(waits.slice(at, at + 1_000));
  const refused = await peer.answer(4_096);
  expect(refused.problem).toMatchObject({ code: 'fabric.overloaded', retryAfterMs: 50 });
  peer.socket.terminate();
});

test('a peer that asks for much and reads nothing is dropped with 1013', async () => {
  const served = await start();
  const token = served.operatorToken;
  const tasks = Array.from({ length: 1_000 }, (_, n) => ({ key: `t${n}`, title: 'x'.repeat(400) }));
  const setup = await open(served, bearer(token));
  setup.send({ id: 1, op: 'plans.submit', input: { plan: { id: 'p', tasks } } });
  expect((await setup.answer(1)).ok).toMatchObject({ tasks: 1_000 });
  // A raw socket, so that nothing reads behind our back.
  const socket = connectTcp(Number(new URL(served.url).port), '127.0.0.1');
  const { port } = new URL(served.url);
  socket.write(
    `GET /v1/connect HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('readable', resolve));
  socket.on('error', () => undefined);
  const frame = (text: string): Buffer => {
    const payload = Buffer.from(text);
    const head = Buffer.from([
      0x81,
      0x80 | 126,
      payload.length >> 8,
      payload.length & 255,
      0,
      0,
      0,
      0,
    ]);
    return Buffer.concat([head, payload]);
  };
  for (let id = 0; id < 200; id += 1) {
    socket.write(
      frame(
        JSON.stringify({ id, op: 'tasks.list', input: { limit: 1_000 }, pad: undefined }).padEnd(
          130,
        ),
      ),
    );
  }
  await expect
    .poll(() => served.lines.find(({ event }) => event === 'ws.dropped'), { timeout: 20_000 })
    .toMatchObject({
      reason: expect.stringContaining('feed.lagging'),
    });
  socket.destroy();
});

test('closing ends streams with a reason and connections with 1001', async () => {
  const served = await serve();
  const peer = await open(served, bearer(served.operatorToken));
  peer.send({ id: 'f', feed: { after: '0' } });
  peer.send({ id: 's', op: 'sessions.open', input: { agent: 'ada' } });
  const { sessionId } = (await peer.answer('s')).ok ?? {};
  peer.send({ id: 'n', op: 'tasks.next', input: { sessionId, waitMs: 25_000 } });
  await expect.poll(() => served.fabric.figures().tickets).toBe(1);
  const startedAt = performance.now();
  await served.close();
  // The wait alone would take 25 s.
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  expect(peer.frames.find(({ id }) => id === 'n')?.ok).toEqual({ grants: [] });
  const end = peer.frames.find(({ id, end: ended }) => id === 'f' && ended !== undefined)?.end;
  expect(end?.problem?.code).toBe('fabric.stopping');
  expect(end?.cursor).toBeDefined();
  expect(await peer.closed).toEqual({ code: 1001, reason: 'fabric.stopping' });
});
