import { problemOf, reject } from '@infrafabric/protocol';
import type { Problem, Rejection, TraceId } from '@infrafabric/protocol';
import { Fault } from '../../fault.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** Where a call came from, as far as its answer must repeat it. */
export interface CallContext {
  readonly trace: TraceId;
}

/** RFC 9457 problem JSON with the headers that HTTP has for the same facts. */
export function problemResponse(
  rejection: Rejection,
  context: Partial<CallContext>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const problem = problemOf(rejection, context.trace);
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': PROBLEM_TYPE, ...problemHeaders(problem), ...headers },
  });
}

/**
 * `Retry-After` counts whole seconds (RFC 9110 §10.2.3): rounded up, since early is refused
 * again.
 */
export function problemHeaders(problem: Problem): Record<string, string> {
  const headers: Record<string, string> = {};
  if (problem.retryAfterMs !== undefined) {
    headers['retry-after'] = String(Math.ceil(problem.retryAfterMs / 1_000));
  }
  if (problem.status === 401) headers['www-authenticate'] = 'Bearer realm="infrafabric"';
  return headers;
}

/**
 * What is told of something thrown: a fault's code, and of anything else only that we broke. Its
 * detail stays in the log, because it may name paths and hosts.
 */
export function rejectionOf(cause: unknown): Rejection {
  if (cause instanceof Fault) return reject(cause.code, 'The fabric could not do this now.');
  return reject('internal', 'The fabric made a mistake; its log says more.');
}
