import { FeedFilter, PlanId, reject, SessionId } from '@infrafabric/protocol';
import type { Problem, Rejection } from '@infrafabric/protocol';
import { GRANTS_MAX, LEASE_MS_MAX, LEASE_MS_MIN } from '@infrafabric/protocol';
import { z } from 'zod';

// The frames of `/v1/connect`. A message is one frame or an array of them, in both directions; an
// answer carries the id of the frame it answers, in whatever order answers come. Frames of one
// message are called in their order.

export type FrameId = number | string;

export interface WaitRequest {
  readonly sessionId: SessionId;
  readonly count?: number;
  readonly planId?: PlanId;
  readonly leaseMs?: number;
}

/**
 * auth: the credential of the connection, first of all frames unless the upgrade brought one; a
 * later one replaces it. call: one operation; `token` calls as somebody else (a session, on an
 * operator's connection). feed, wait: a stream that lasts until it is cancelled or the connection
 * ends. cancel: ends a stream or a waiting call.
 */
export type ClientFrame =
  | { readonly kind: 'auth'; readonly id: FrameId; readonly token: string }
  | {
      readonly kind: 'call';
      readonly id: FrameId;
      readonly op: string;
      readonly input: unknown;
      readonly key?: unknown;
      readonly trace?: unknown;
      readonly token?: string;
    }
  | {
      readonly kind: 'feed';
      readonly id: FrameId;
      readonly filter: FeedFilter;
      readonly token?: string;
    }
  | {
      readonly kind: 'wait';
      readonly id: FrameId;
      readonly wait: WaitRequest;
      readonly token?: string;
    }
  | { readonly kind: 'cancel'; readonly id: FrameId };

export type ServerFrame =
  | { readonly id: FrameId; readonly ok: unknown; readonly index?: number }
  | { readonly id?: FrameId; readonly problem: Problem }
  | { readonly id: FrameId; readonly grants: readonly unknown[] }
  | {
      readonly id: FrameId;
      readonly end: { readonly cursor?: string; readonly problem?: Problem };
    };

export type ParsedFrame =
  | { readonly kind: 'frame'; readonly frame: ClientFrame }
  | { readonly kind: 'refused'; readonly id?: FrameId; readonly rejection: Rejection };

const Wait = z.strictObject({
  sessionId: SessionId,
  count: z.int().min(1).max(GRANTS_MAX).optional(),
  planId: PlanId.optional(),
  leaseMs: z.int().min(LEASE_MS_MIN).max(LEASE_MS_MAX).optional(),
});

const ID_CHARS_MAX = 64;
const TOKEN_CHARS_MAX = 512;
const MEMBERS = new Set([
  'id',
  'auth',
  'op',
  'input',
  'key',
  'trace',
  'token',
  'feed',
  'wait',
  'cancel',
]);

/**
 * Reads one frame. By hand for calls, which are nearly all of them; the operation's own schema
 * reads the input.
 */
export function parseFrame(value: unknown): ParsedFrame {
  if (!isRecord(value)) return refused(undefined, 'A frame is an object or an array of objects.');
  const id = value['id'];
  if (!isFrameId(id)) {
    return refused(
      undefined,
      `A frame has an id: an integer, or a string of up to ${ID_CHARS_MAX} characters.`,
    );
  }
  for (const name of Object.keys(value)) {
    if (!MEMBERS.has(name))
      return refused(id, `A frame has no ${JSON.stringify(name.slice(0, 50))}.`);
  }
  const { token } = value;
  if (token !== undefined && !isToken(token))
    return refused(id, 'The token of a frame is a string.');
  const asked = token === undefined ? {} : { token };
  const { op } = value;
  if (typeof op === 'string') {
    const { input, key, trace } = value;
    const options = {
      ...(key === undefined ? {} : { key }),
      ...(trace === undefined ? {} : { trace }),
    };
    return {
      kind: 'frame',
      frame: { kind: 'call', id, op, input: input ?? {}, ...options, ...asked },
    };
  }
  return parseStream(value, id, asked);
}

function parseStream(
  value: Readonly<Record<string, unknown>>,
  id: FrameId,
  asked: { readonly token?: string },
): ParsedFrame {
  const { auth, cancel, feed, wait } = value;
  if (isToken(auth)) return { kind: 'frame', frame: { kind: 'auth', id, token: auth } };
  if (cancel === true) return { kind: 'frame', frame: { kind: 'cancel', id } };
  if (feed !== undefined) {
    const filter = FeedFilter.safeParse(feed);
    if (!filter.success) return refused(id, `The filter does not fit: ${issueOf(filter.error)}`);
    return { kind: 'frame', frame: { kind: 'feed', id, filter: filter.data, ...asked } };
  }
  if (wait !== undefined) {
    const parsed = Wait.safeParse(wait);
    if (!parsed.success) return refused(id, `The wait does not fit: ${issueOf(parsed.error)}`);
    const { sessionId, count, planId, leaseMs } = parsed.data;
    const request = {
      sessionId,
      ...(count === undefined ? {} : { count }),
      ...(planId === undefined ? {} : { planId }),
      ...(leaseMs === undefined ? {} : { leaseMs }),
    };
    return { kind: 'frame', frame: { kind: 'wait', id, wait: request, ...asked } };
  }
  return refused(id, 'A frame holds one of op, feed, wait, auth, cancel.');
}

function refused(id: FrameId | undefined, detail: string): ParsedFrame {
  const rejection = reject('request.invalid', detail);
  return id === undefined ? { kind: 'refused', rejection } : { kind: 'refused', id, rejection };
}

function issueOf(error: z.ZodError): string {
  const [issue] = error.issues;
  return `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim();
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isFrameId(id: unknown): id is FrameId {
  return (
    Number.isSafeInteger(id) ||
    (typeof id === 'string' && id.length > 0 && id.length <= ID_CHARS_MAX)
  );
}

function isToken(token: unknown): token is string {
  return typeof token === 'string' && token.length > 0 && token.length <= TOKEN_CHARS_MAX;
}
