import { randomUUID } from 'node:crypto';
import { TraceId, traceIdFrom } from '@infrafabric/protocol';

// W3C Trace Context, level 1: https://www.w3.org/TR/trace-context/

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const ZERO_TRACE = '0'.repeat(32);
const ZERO_SPAN = '0'.repeat(16);

/**
 * The caller's trace, or a new one: an invalid header starts a new trace instead of failing the
 * call (§3.2.2).
 */
export function traceOf(traceparent: string | undefined): TraceId {
  const match = traceparent === undefined ? null : TRACEPARENT.exec(traceparent.trim());
  const [, version = '', trace = '', span = '', rest] = match ?? [];
  const known = version !== 'ff' && !(version === '00' && rest !== undefined);
  if (match === null || !known || trace === ZERO_TRACE || span === ZERO_SPAN) return newTrace();
  return traceIdFrom(trace);
}

/** A trace id as a frame or a body names it; `undefined` when it is none. */
export function parseTrace(text: unknown): TraceId | undefined {
  // Most calls bring none, and a refusal by the schema costs more than all else here.
  if (typeof text !== 'string') return undefined;
  const parsed = TraceId.safeParse(text);
  return parsed.success && parsed.data !== ZERO_TRACE ? parsed.data : undefined;
}

/**
 * The header of an answer: the caller's trace with a span of ours, sampled because the log keeps
 * it.
 */
export function traceparentOf(trace: TraceId): string {
  return `00-${trace}-${randomUUID().replaceAll('-', '').slice(0, 16)}-01`;
}

/** 122 random bits; `randomUUID` draws from a pool and costs a tenth of `randomBytes`. */
function newTrace(): TraceId {
  return traceIdFrom(randomUUID().replaceAll('-', ''));
}
