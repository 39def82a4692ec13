import { reject, type FeedFilter, type FeedItem } from '@infrafabric/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { memoryBlobs } from '../../engine/blob-folder.ts';
import type { Fabric, Principal } from '../../engine/fabric.ts';
import { Fault } from '../../fault.ts';
import type { Metrics } from './metrics.ts';
import { createMetrics } from './metrics.ts';
import { startHttp, type HttpSurface } from './start-http.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
const open: HttpSurface[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((surface) => surface.close()));
});

const itemOf = (index: number, more: object = {}): FeedItem =>
  ({
    cursor: `${index}.0`,
    index,
    at: 0,
    type: 'plan.paused',
    principal: 'p',
    event: {},
    ...more,
  }) as never;

/** The surface over a feed of our own: what it does with a stream that ends, breaks or floods. */
async function serve(
  feed: (filter: FeedFilter, signal: AbortSignal) => AsyncIterable<FeedItem>,
  authenticate: Fabric['authenticate'] = () => ({ kind: 'ok', principal: OPERATOR }),
) {
  const errors: unknown[] = [];
  const closed: string[] = [];
  const metrics: Metrics = {
    ...createMetrics(),
    readersClosed: (_surface, why) => closed.push(why),
  };
  const fabric: Fabric = {
    realm: 'main',
    origin: 'o',
    version: '0',
    authenticate,
    recheck: () => authenticate('again'),
    feed,
    spend: () => undefined,
    onAppended: () => () => undefined,
    call: () => Promise.resolve(reject('internal', 'not scripted')),
    wait: () => () => undefined,
    ready: () => ({ ready: true, reasons: [] }),
    close: () => Promise.resolve(),
  };
  const drop = (): void => undefined;
  const surface = await startHttp({
    fabric,
    witness: {
      checkpoint: () => Promise.resolve(undefined),
      tile: () => Promise.resolve(undefined),
    },
    blobs: memoryBlobs(),
    log: { debug: drop, info: drop, warn: drop, error: (fields) => errors.push(fields) },
    port: 0,
    metrics,
  });
  open.push(surface);
  return { url: `${surface.url}/v1/feed`, surface, errors, closed };
}

async function* items(...list: readonly FeedItem[]): AsyncGenerator<FeedItem> {
  yield* list;
}

/** The events of a whole stream: `id`, `event` and the parsed `data` of each. */
const eventsOf = (text: string) =>
  text
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) => {
      const fields = new Map(
        block
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      const data = JSON.parse(fields.get('data') ?? '') as Record<string, unknown>;
      return { id: fields.get('id'), event: fields.get('event'), data };
    });

describe('a stream', () => {
  test('that ends by itself ends without a word; each item carries its cursor', async () => {
    const { url, closed } = await serve(() => items(itemOf(1), itemOf(2)));
    const events = eventsOf(await (await fetch(url)).text());
    expect(events.map(({ id, event }) => [id, event])).toEqual([
      ['1.0', undefined],
      ['2.0', undefined],
    ]);
    expect(closed).toEqual(['ended']);
  });

  test('whose reader lags is told so with the cursor of the last item', async () => {
    const lagging = new Fault('feed.lagging', { transient: true, detail: 'scripted' });
    const { url, closed, errors } = await serve(async function* () {
      yield itemOf(4);
      throw lagging;
    });
    const events = eventsOf(await (await fetch(url)).text());
    expect(events.at(-1)).toMatchObject({
      event: 'lagging',
      data: { code: 'feed.lagging', facts: { cursor: '4.0' } },
    });
    expect([closed, errors]).toEqual([['lagging'], []]);
  });

  test('that breaks is ended with a problem that says nothing of the cause, which is logged', async () => {
    const { url, closed, errors } = await serve(async function* () {
      yield* [];
      throw new Error('/srv/realm');
    });
    const text = await (await fetch(url)).text();
    const [event] = eventsOf(text);
    expect(event).toMatchObject({ event: 'end', data: { code: 'internal' } });
    // Nothing was read, so there is nothing to resume from.
    expect(event?.data['facts']).toEqual({});
    expect(text).not.toContain('/srv');
    expect(closed).toEqual(['ended']);
    expect(errors).toMatchObject([{ event: 'feed.failed' }]);
  });

  test('of a credential that was revoked meanwhile ends before the next item', async () => {
    let valid = true;
    const { url } = await serve(
      async function* () {
        yield itemOf(1);
        valid = false;
        await new Promise((resolve) => setTimeout(resolve, 1_050));
        yield itemOf(2);
      },
      () =>
        valid ? { kind: 'ok', principal: OPERATOR } : reject('auth.invalid', 'the session ended'),
    );
    expect(eventsOf(await (await fetch(`${url}?after=0.0`)).text())).toMatchObject([
      { id: '1.0' },
      { event: 'end', data: { code: 'auth.invalid', facts: { cursor: '1.0' } } },
    ]);
  });

  test('of a surface that closes ends with where to go on', async () => {
    const { url, surface } = await serve(async function* (_filter, signal) {
      yield itemOf(3);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    });
    const response = await fetch(url);
    await Promise.all([
      surface.close(),
      response.text().then((text) => {
        expect(eventsOf(text)).toMatchObject([
          { id: '3.0' },
          { event: 'end', data: { code: 'fabric.stopping', facts: { cursor: '3.0' } } },
        ]);
      }),
    ]);
  });

  test('whose reader hangs up ends the feed, also where that throws', async () => {
    const { url, closed, errors } = await serve(async function* (_filter, signal) {
      yield itemOf(1);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new Error('aborted');
    });
    const stop = new AbortController();
    const response = await fetch(url, { signal: stop.signal });
    await response.body?.getReader().read();
    stop.abort();
    await expect.poll(() => closed).toEqual(['ended']);
    expect(errors).toEqual([]);
  });

  test('that floods its reader waits for the socket and loses nothing', async () => {
    const big = 'x'.repeat(100_000);
    const { url } = await serve(() =>
      items(...Array.from({ length: 60 }, (_, i) => itemOf(i, { event: { big } }))),
    );
    const response = await fetch(url);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const events = eventsOf(await response.text());
    expect(events.map(({ id }) => id)).toEqual(Array.from({ length: 60 }, (_, i) => `${i}.0`));
  });
});

describe('its filter', () => {
  const taken = async (query: string, headers: Record<string, string> = {}) => {
    const seen: FeedFilter[] = [];
    const { url } = await serve((filter) => {
      seen.push(filter);
      return items();
    });
    const response = await fetch(`${url}${query}`, { headers });
    const text = await response.text();
    return { seen, status: response.status, text };
  };

  test('is read from the query; the header of a browser that comes back is newer', async () => {
    const { seen } = await taken('?after=1.0&types=plan.paused,&planId=p', {
      'last-event-id': '5.1',
    });
    expect(seen).toEqual([{ after: '5.1', types: ['plan.paused'], planId: 'p' }]);
    expect((await taken('?after=')).seen).toEqual([{}]);
    expect((await taken('?after=2.0', { 'last-event-id': '' })).seen).toEqual([{ after: '2.0' }]);
  });

  test.each([
    ['?after=x', 'after'],
    ['?colour=blue', ''],
  ])('%s is refused with the field that is wrong', async (query, path) => {
    const { seen, status, text } = await taken(query);
    expect([seen, status]).toEqual([[], 400]);
    expect(JSON.parse(text)).toMatchObject({ code: 'request.invalid', facts: { path } });
  });
});

test('the feed is read with GET', async () => {
  const { url } = await serve(() => items());
  const response = await fetch(url, { method: 'HEAD' });
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
});
