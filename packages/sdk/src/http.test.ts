import { afterEach, expect, test } from 'vitest';
import {
  endFrame,
  itemFrame,
  ok,
  problem,
  proxy,
  scriptedFabric,
  stream,
} from '../test/scripted-fabric.ts';
import type { ScriptedFabric } from '../test/scripted-fabric.ts';
import { connect } from './client.ts';
import type { Client } from './client.ts';
import { FabricError, UnreachableError } from './errors.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

const STATUS = '/v1/realm.status';
const RECORD = '/v1/witness.record';
const FEED = '/v1/feed';

async function start(
  unreachableMs = 20_000,
): Promise<{ readonly fabric: ScriptedFabric; readonly client: Client }> {
  const fabric = await scriptedFabric();
  ending.push(() => fabric.close());
  fabric.reply(STATUS, ok({}));
  const options = { url: `${fabric.url}/`, token: () => 'ifo1.x', unreachableMs } as const;
  const client = await connect({ ...options, transport: 'http' });
  ending.push(() => client.close());
  return { fabric, client };
}

const input = { component: 'ci', operation: 'run' };
const record = (client: Client, options = {}): Promise<unknown> =>
  client.call('witness.record', input, options).catch((cause: unknown) => cause);

test('an answer of a proxy is no answer: the same intention is asked again, under its key and trace', async () => {
  const { fabric, client } = await start();
  fabric.reply(RECORD, proxy, proxy, ok({ index: 7 }, { 'x-ifab-index': '7' }));
  const trace = 'ab'.repeat(16);
  expect(await record(client, { key: 'once', trace })).toEqual({ index: 7 });
  const sent = fabric.asked.filter(({ path }) => path === RECORD);
  expect(sent.map(({ headers }) => headers['idempotency-key'])).toEqual(['once', 'once', 'once']);
  expect(sent.at(-1)?.headers['traceparent']).toBe(`00-${trace}-${trace.slice(16)}-01`);
  expect(sent.at(-1)?.headers.authorization).toBe('Bearer ifo1.x');
  expect(client.roundTripMs()).toBeGreaterThan(0);
});

test('a wire that stays down is told with the key that may be asked again', async () => {
  const { fabric, client } = await start(30);
  fabric.reply(RECORD, proxy);
  const failure = await record(client, { key: 'mine' });
  expect(failure).toBeInstanceOf(UnreachableError);
  expect(failure).toMatchObject({ key: 'mine', remedy: 'retry-later' });
});

test('a caller that gives up gets its own reason, whatever it is', async () => {
  const { fabric, client } = await start();
  fabric.reply(RECORD, proxy);
  const reason = new Error('the caller has gone');
  const one = new AbortController();
  const failing = record(client, { signal: one.signal });
  await expect.poll(() => fabric.count(RECORD)).toBeGreaterThan(0);
  one.abort(reason);
  expect(await failing).toBe(reason);
  expect(await record(client, { signal: AbortSignal.abort('text') })).toMatchObject({
    message: 'aborted',
    cause: 'text',
  });
});

test('a closed client calls nobody', async () => {
  const { fabric, client } = await start();
  client.close();
  expect(await record(client)).toMatchObject({ message: 'The client was closed.' });
  expect(fabric.count(RECORD)).toBe(0);
});

test('refusals are tried again as the caller allows, and no longer', async () => {
  const { fabric, client } = await start();
  fabric.reply(RECORD, problem('log.unavailable', 1), ok({ index: 1 }));
  expect(await record(client)).toEqual({ index: 1 });
  fabric.reply(RECORD, problem('task.leased', 1), ok({ index: 2 }));
  expect(await record(client)).toMatchObject({ code: 'task.leased', retryAfterMs: 1 });
  fabric.reply(RECORD, problem('task.leased', 1), ok({ index: 3 }));
  expect(await record(client, { retry: 'retry-later' })).toEqual({ index: 3 });
  fabric.reply(RECORD, problem('log.unavailable'));
  expect(await record(client, { retry: 'never' })).toBeInstanceOf(FabricError);
  fabric.reply(RECORD, problem('log.unavailable', 60_000));
  const before = fabric.count(RECORD);
  expect(await record(client, { retryMs: 100 })).toMatchObject({ code: 'log.unavailable' });
  expect(fabric.count(RECORD) - before).toBe(1);
});

test('where no socket can be opened, auto takes HTTP and ws says so', async () => {
  const { fabric } = await start();
  const options = { url: fabric.url, token: 'ifo1.x', unreachableMs: 200 };
  const client = await connect(options);
  ending.push(() => client.close());
  fabric.reply(RECORD, ok({ index: 1 }));
  expect(await record(client)).toEqual({ index: 1 });
  await expect(connect({ ...options, transport: 'ws' })).rejects.toBeInstanceOf(UnreachableError);
});

async function cursorsOf(client: Client, filter: object, count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const { cursor } of client.subscribe(filter)) {
    seen.push(cursor);
    if (seen.length === count) break;
  }
  return seen;
}

test('a feed that breaks goes on behind its last item, with the same filter', async () => {
  const { fabric, client } = await start();
  fabric.reply(
    FEED,
    stream([itemFrame('1'), itemFrame('2')]),
    proxy,
    problem('log.unavailable'),
    stream([itemFrame('3'), endFrame('fabric.stopping')]),
    stream([itemFrame('4')], { held: true }),
  );
  const filter = { after: '0', types: ['task.leased', 'note'], planId: 'p' };
  expect(await cursorsOf(client, filter, 4)).toEqual(['1', '2', '3', '4']);
  const asked = fabric.asked.filter(({ path }) => path === FEED);
  expect(asked.map(({ query }) => query.get('after'))).toEqual(['0', '2', '2', '2', '3']);
  expect(asked.every(({ query }) => query.get('types') === 'task.leased,note')).toBe(true);
  expect(asked.every(({ query }) => query.get('planId') === 'p')).toBe(true);
});

test('a feed ends with the refusal of its credential, and with a wire that stays down', async () => {
  const { fabric, client } = await start(30);
  fabric.reply(FEED, stream([itemFrame('1'), endFrame('auth.expired')]));
  await expect(cursorsOf(client, {}, 9)).rejects.toMatchObject({ code: 'auth.expired' });
  fabric.reply(FEED, problem('auth.forbidden'));
  await expect(cursorsOf(client, {}, 9)).rejects.toBeInstanceOf(FabricError);
  fabric.reply(FEED, proxy);
  await expect(cursorsOf(client, {}, 9)).rejects.toBeInstanceOf(UnreachableError);
});

test('a feed that is not wanted any more ends without an error', async () => {
  const { fabric, client } = await start();
  fabric.reply(FEED, stream([itemFrame('1')], { held: true }));
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const { cursor } of client.transport.feed({ filter: {}, signal: stop.signal })) {
    seen.push(cursor);
    stop.abort();
  }
  expect(seen).toEqual(['1']);
});

test('a standing wish polls, waits out a fabric that is busy, and ends with a refusal', async () => {
  const { fabric, client } = await start();
  const NEXT = '/v1/tasks.next';
  fabric.reply(
    NEXT,
    ok({ grants: [] }),
    problem('log.unavailable', 1),
    ok({ grants: [{ taskId: 'p/a' }] }),
    problem('session.ended'),
  );
  const told: unknown[] = [];
  await new Promise<void>((resolve) => {
    client.transport.wait(
      { sessionId: 's1', count: 2, token: () => 'ifs1.y' },
      {
        onGrants: (grants) => told.push(grants),
        onEnd: (failure) => {
          told.push(failure);
          resolve();
        },
      },
    );
  });
  expect(told).toEqual([[{ taskId: 'p/a' }], expect.objectContaining({ code: 'session.ended' })]);
  const polls = fabric.asked.filter(({ path }) => path === NEXT);
  expect(polls).toHaveLength(4);
  expect(polls[0]?.input).toEqual({ sessionId: 's1', count: 2, waitMs: 25_000 });
  expect(polls[0]?.headers.authorization).toBe('Bearer ifs1.y');
});

test('a standing wish that is withdrawn tells nothing', async () => {
  const { fabric, client } = await start();
  fabric.reply('/v1/tasks.next', () => undefined);
  const told: unknown[] = [];
  const listener = {
    onGrants: (grants: unknown) => told.push(grants),
    onEnd: (failure: unknown) => told.push(failure),
  };
  const withdraw = client.transport.wait({ sessionId: 's1' }, listener);
  await expect.poll(() => fabric.count('/v1/tasks.next')).toBe(1);
  withdraw();
  fabric.reply(RECORD, ok({ index: 1 }));
  await record(client);
  expect(told).toEqual([]);
});
