import type { FeedItem } from '@infrafabric/protocol';
import { connect } from '@infrafabric/sdk';
import { expect, test } from 'vitest';
import { bearer, serve } from './surfaces-fabric.ts';

/** Deterministic, so that a failure names its seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const WRITERS = 4;
const WRITES = 400;
const BEFORE = '0';

test.each([1, 2, 3])(
  'writers and readers at once: every reader sees every item once, in order, wherever it reconnects (seed %i)',
  async (seed) => {
    const served = await serve();
    const random = randomOf(seed);
    const token = served.operatorToken;
    const clients = await Promise.all(
      (['ws', 'http'] as const).map((transport) => connect({ url: served.url, token, transport })),
    );
    let written = 0;
    const write = async (writer: number): Promise<void> => {
      const client = clients[writer % clients.length];
      for (let n = 0; n < WRITES; n += 1) {
        await client?.call('witness.record', { component: `w${writer}`, operation: `n${n}` });
        written += 1;
      }
    };
    const total = WRITERS * WRITES;
    /** Reads until it has seen all writes, leaving and coming back at a random moment each time. */
    const read = async (reader: number): Promise<readonly FeedItem[]> => {
      const client = clients[reader % clients.length];
      const seen: FeedItem[] = [];
      if (client === undefined) return seen;
      for (;;) {
        const patience = 1 + Math.floor(random() * 300);
        let taken = 0;
        const after = seen.at(-1)?.cursor ?? BEFORE;
        for await (const item of client.subscribe({ after })) {
          seen.push(item);
          taken += 1;
          if (taken >= patience || seen.length >= total) break;
        }
        if (seen.length >= total) return seen;
      }
    };
    const reads = Array.from({ length: 6 }, (_, reader) => read(reader));
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    const seen = await Promise.all(reads);
    expect(written).toBe(total);
    const [first = []] = seen;
    expect(first.map(({ index }) => index)).toEqual(Array.from({ length: total }, (_, n) => n + 1));
    for (const other of seen) expect(other).toEqual(first);
    // And in the order of each writer.
    for (let writer = 0; writer < WRITERS; writer += 1) {
      const own = first.filter(({ event }) => JSON.stringify(event).includes(`"w${writer}"`));
      expect(own.length).toBe(WRITES);
    }
    for (const client of clients) client.close();
    await served.close();
  },
);

test('a reader of server-sent events resumes by Last-Event-ID, and is told when the fabric stops', async () => {
  const served = await serve();
  const client = await connect({ url: served.url, token: served.operatorToken });
  for (let n = 0; n < 10; n += 1) {
    await client.call('witness.record', { component: 'c', operation: `n${n}` });
  }
  const headers = bearer(served.operatorToken);
  const answered = await fetch(`${served.url}/v1/feed?after=0`, {
    headers: { ...headers, 'last-event-id': '7.0' },
  });
  expect(answered.headers.get('content-type')).toBe('text/event-stream');
  const reader = answered.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('id: 10.0')) text += (await reader?.read())?.value ?? '';
  expect([...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id)).toEqual(['8.0', '9.0', '10.0']);
  const closing = served.close();
  text = '';
  for (;;) {
    const read = await reader?.read();
    if (read === undefined || read.done) break;
    text += read.value;
  }
  expect(text).toMatch(/^event: end\ndata: .*"code":"fabric.stopping".*"cursor":"10.0"/m);
  await closing;
  client.close();
});

test('filters hold on both wires; one that does not parse is refused', async () => {
  const served = await serve();
  const token = served.operatorToken;
  for (const transport of ['ws', 'http'] as const) {
    const client = await connect({ url: served.url, token, transport });
    const { sessionId } = await client.call('sessions.open', { agent: transport });
    await client.call('witness.record', { component: 'c', operation: 'o' });
    await client.call('sessions.close', { sessionId });
    const types: string[] = [];
    for await (const item of client.subscribe({ after: '0', sessionId })) {
      types.push(item.type);
      if (item.type === 'session.closed') break;
    }
    expect(types).toEqual(['session.opened', 'session.closed']);
    const bad = client.subscribe({ after: 'nowhere' })[Symbol.asyncIterator]();
    await expect(bad.next()).rejects.toMatchObject({ code: 'request.invalid' });
    client.close();
  }
  await served.close();
});

test('a slow reader on a socket neither loses an item nor holds the fabric up', async () => {
  const served = await serve();
  const client = await connect({ url: served.url, token: served.operatorToken, transport: 'ws' });
  const total = 12_000;
  const feed = client.subscribe({ after: '0' })[Symbol.asyncIterator]();
  // The stream begins with the first pull; then nobody pulls until all is written.
  const first = feed.next();
  await Promise.all(
    Array.from({ length: total }, (_, n) =>
      client.call('witness.record', { component: 'c', operation: `n${n}` }, { retryMs: 60_000 }),
    ),
  );
  // More than the client keeps (8,192): the stream was paused at the fabric and starts again.
  const seen: number[] = [];
  for (let pull = first; seen.length < total; pull = feed.next()) {
    const { value } = await pull;
    if (value === undefined) break;
    seen.push(value.index);
  }
  expect(seen).toEqual(Array.from({ length: total }, (_, n) => n + 1));
  client.close();
  await served.close();
});
