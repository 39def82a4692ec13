import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { FeedFilter, problemOf, reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import type { AppContext } from './app.ts';
import { stopping } from './call.ts';
import { bearerOf, createCredential } from './credential.ts';
import { encodeItem } from './encode-item.ts';
import type { Parts } from './parts.ts';
import { problemResponse, rejectionOf } from './problem.ts';

// `GET /v1/feed` as server-sent events (WHATWG HTML §9.2): `id:` is the cursor, so a browser's
// EventSource resumes by itself. Written to node's response directly, because a slow reader shows
// only in what `write` returns.

/** Between comments on a silent stream: half of the 30 s after which impatient proxies cut. */
const KEEP_ALIVE_MS = 15_000;
/**
 * A reader whose socket takes nothing for this long is gone or stuck; what it missed is behind
 * its cursor.
 */
const STALL_MS_MAX = 20_000;

export async function streamFeed(c: AppContext, parts: Parts): Promise<Response> {
  if (c.req.method !== 'GET') return c.notFound();
  const filter = readFilter(c);
  if (filter.kind === 'reject') return problemResponse(filter, { trace: c.env.trace });
  if (parts.closing.aborted) return problemResponse(stopping(), { trace: c.env.trace });
  const { outgoing } = c.env;
  outgoing.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // nginx and its kind would hold events back to fill a buffer.
    'x-accel-buffering': 'no',
  });
  outgoing.flushHeaders();
  parts.metrics.readersOpened('http');
  const why = await pump(c, parts, filter.filter).catch((cause: unknown) => {
    parts.log.error({ event: 'feed.failed', trace: c.env.trace, cause });
    return 'ended' as const;
  });
  parts.metrics.readersClosed('http', why);
  outgoing.end();
  return RESPONSE_ALREADY_SENT;
}

async function pump(c: AppContext, parts: Parts, filter: FeedFilter): Promise<'ended' | 'lagging'> {
  const { incoming, outgoing } = c.env;
  const credential = createCredential(parts.fabric, bearerOf(incoming));
  const gone = new AbortController();
  const hangUp = (): void => gone.abort();
  outgoing.once('close', hangUp);
  const signal = AbortSignal.any([gone.signal, parts.closing]);
  const keepAlive = setInterval(() => {
    if (!outgoing.writableNeedDrain) outgoing.write(': keep-alive\n\n');
  }, KEEP_ALIVE_MS);
  const writer = createWriter(outgoing, signal);
  let cursor = filter.after;
  try {
    for await (const item of parts.fabric.feed(filter, signal)) {
      const known = credential();
      if (known.kind === 'reject') {
        outgoing.write(endEvent('end', known, cursor));
        return 'ended';
      }
      await writer.write(`id: ${item.cursor}\ndata: ${encodeItem(item)}\n\n`);
      cursor = item.cursor;
      keepAlive.refresh();
    }
    if (parts.closing.aborted) outgoing.write(endEvent('end', stopping(), cursor));
    return 'ended';
  } catch (cause) {
    if (gone.signal.aborted) return 'ended';
    const rejection = rejectionOf(cause);
    const lagging = rejection.code === 'feed.lagging';
    outgoing.write(endEvent(lagging ? 'lagging' : 'end', rejection, cursor));
    if (!lagging) throw cause;
    return 'lagging';
  } finally {
    clearInterval(keepAlive);
    outgoing.off('close', hangUp);
    // `end` of a corked response drops what waits there: the last events, and why there are no more.
    writer.flush();
  }
}

function endEvent(event: 'end' | 'lagging', rejection: Rejection, cursor?: string): string {
  const facts = { ...rejection.facts, ...(cursor === undefined ? {} : { cursor }) };
  return `event: ${event}\ndata: ${JSON.stringify(problemOf({ ...rejection, facts }))}\n\n`;
}

/** Events of one turn leave in one write; a full socket stops the reading of the feed. */
function createWriter(outgoing: ServerResponse, signal: AbortSignal) {
  let corked = false;
  const uncork = (): void => {
    if (!corked) return;
    corked = false;
    outgoing.uncork();
  };
  return {
    flush: uncork,
    async write(text: string): Promise<void> {
      if (!corked) {
        corked = true;
        outgoing.cork();
        setImmediate(uncork);
      }
      if (outgoing.write(text)) return;
      uncork();
      if (outgoing.writableNeedDrain) await drained(outgoing, signal);
    },
  };
}

async function drained(outgoing: ServerResponse, signal: AbortSignal): Promise<void> {
  const stall = setTimeout(() => outgoing.destroy(), STALL_MS_MAX);
  try {
    await once(outgoing, 'drain', { signal });
  } finally {
    clearTimeout(stall);
  }
}

type ReadFilter = { readonly kind: 'filter'; readonly filter: FeedFilter } | Rejection;

/**
 * `Last-Event-ID` is newer than `after`: a browser sends both when it reconnects to the same
 * address.
 */
function readFilter(c: AppContext): ReadFilter {
  const { types, after: asked, ...rest } = c.req.query();
  const after = [c.req.header('last-event-id'), asked].find(
    (cursor) => cursor !== undefined && cursor !== '',
  );
  const parsed = FeedFilter.safeParse({
    ...rest,
    ...(after === undefined ? {} : { after }),
    ...(types === undefined ? {} : { types: types.split(',').filter((type) => type !== '') }),
  });
  if (parsed.success) return { kind: 'filter', filter: parsed.data };
  const [issue] = parsed.error.issues;
  const facts = { path: issue?.path.join('.') ?? '', message: issue?.message ?? '' };
  return reject(
    'request.invalid',
    `The filter does not fit: ${facts.path} ${facts.message}`,
    facts,
  );
}
