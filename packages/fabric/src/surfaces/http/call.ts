import { performance } from 'node:perf_hooks';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import {
  findOperation,
  IdempotencyKey,
  problemOf,
  reject,
  REQUEST_BYTES_MAX,
} from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import type { Reply } from '../../engine/fabric.ts';
import type { AppContext } from './app.ts';
import { readBody } from './body.ts';
import { parseJsonBytes } from './json.ts';
import type { Parts } from './parts.ts';
import { PROBLEM_TYPE, problemHeaders } from './problem.ts';

/**
 * `POST /v1/<operation>`: a body, a key, an answer. The credential was checked before the first
 * byte of the body.
 */
export async function callOperation(c: AppContext, parts: Parts): Promise<Response> {
  const operation = c.req.param('operation') ?? '';
  const startedAt = performance.now();
  const reply = await answer(c, parts, operation);
  const code = reply.kind === 'ok' ? 'ok' : reply.code;
  const seconds = (performance.now() - startedAt) / 1_000;
  parts.metrics.observeCall({ surface: 'http', operation, code, seconds });
  // Written to node's response directly: a Response and its stream cost more than the call.
  const { incoming, outgoing, trace } = c.env;
  if (reply.kind === 'reject') {
    const problem = problemOf(reply, trace);
    if (problem.remedy === 'report-bug') {
      parts.log.error({ event: 'call.failed', operation, code, trace });
    }
    // What is left of a body that was refused half way would be read as the next request.
    if (!incoming.complete) outgoing.setHeader('connection', 'close');
    outgoing.writeHead(problem.status, {
      'content-type': PROBLEM_TYPE,
      ...problemHeaders(problem),
    });
    outgoing.end(JSON.stringify(problem));
    return RESPONSE_ALREADY_SENT;
  }
  if (reply.index !== undefined) outgoing.setHeader('x-ifab-index', reply.index);
  outgoing.writeHead(200, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify(reply.output));
  return RESPONSE_ALREADY_SENT;
}

async function answer(c: AppContext, parts: Parts, operation: string): Promise<Reply> {
  if (parts.closing.aborted) return stopping();
  const { headers } = c.env.incoming;
  const key = parseKey(headers['idempotency-key'], operation);
  if (key.kind === 'reject') return key;
  if (!/^application\/json *(; *charset="?utf-8"? *)?$/i.test(headers['content-type'] ?? '')) {
    return reject('request.malformed', 'The Content-Type must be application/json.');
  }
  const body = await readBody(c.env.incoming, REQUEST_BYTES_MAX);
  if (body.kind === 'reject') return body;
  const input = parseJsonBytes(body.bytes);
  if (input.kind === 'reject') return input;
  // A wait ends early for a caller who hung up, and for all callers when the surface closes.
  const early = new AbortController();
  const stop = (): void => early.abort();
  c.env.outgoing.once('close', stop);
  parts.closing.addEventListener('abort', stop);
  try {
    return await parts.fabric.call(operation, input.value, {
      principal: c.get('principal'),
      trace: c.env.trace,
      signal: early.signal,
      ...key.option,
    });
  } finally {
    c.env.outgoing.off('close', stop);
    parts.closing.removeEventListener('abort', stop);
  }
}

export type ParsedKey =
  | { readonly kind: 'key'; readonly option: { readonly idempotencyKey?: IdempotencyKey } }
  | Rejection;

/** The idempotency key of a call, where it has one. */
export function parseKey(key: unknown, operation: string): ParsedKey {
  // Only what is written has one outcome to give back.
  if (key === undefined || findOperation(operation)?.effect !== 'write') {
    return { kind: 'key', option: {} };
  }
  const parsed = IdempotencyKey.safeParse(key);
  if (parsed.success) return { kind: 'key', option: { idempotencyKey: parsed.data } };
  return reject(
    'request.invalid',
    'An idempotency key is 8–128 printable ASCII characters without spaces.',
  );
}

/** The refusal of whatever comes while the surface closes; another leader will be there soon. */
export function stopping(): Rejection {
  return {
    ...reject('fabric.stopping', 'The fabric is stopping; try again.'),
    retryAfterMs: 1_000,
  };
}
