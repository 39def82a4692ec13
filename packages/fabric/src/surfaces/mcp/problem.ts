/** Refusals as a model reads them: the code and the remedy first, then what happened and what to call next. */
import type { ErrorCode, Problem } from '@infrafabric/protocol';
import type { JsonObject } from './fit.ts';
import { jsonOf, said } from './said.ts';

const ANOTHER = 'Call next_task for another.';
const REGISTER = 'Call register_session and use the sessionId that it returns.';

/** The next call where the code alone tells it; the remedy tells it for the rest. */
const NEXT_CALL: Partial<Readonly<Record<ErrorCode, string>>> = {
  'task.not_found': 'Call show_status with list "plans" to find it.',
  'task.not_ready': ANOTHER,
  'task.leased': ANOTHER,
  'task.parked': ANOTHER,
  'task.done': ANOTHER,
  'task.cancelled': ANOTHER,
  'task.suspended': ANOTHER,
  'task.path_owned': ANOTHER,
  'capability.missing': ANOTHER,
  'plan.not_found': 'Call show_status with list "plans" to see those that there are.',
  'lease.stale': 'Stop this work, it counts no more. Call next_task for another task.',
  'lease.forged': 'Use the fencingToken that next_task or claim_task returned for this task.',
  'session.not_found': REGISTER,
  'session.ended': REGISTER,
  'session.full': 'Call submit_task or release_task first.',
  'evidence.missing': 'Call submit_task again with that evidence.',
  'gate.failed': 'Mend the work and call submit_task again, or call fail_task.',
  'blocker.not_found': 'Call show_status with list "blockers" to find it.',
  'blocker.resolved': 'Call show_status with its blockerId to read the resolution.',
  'capability.unknown': 'Name capabilities that the fabric knows, and call report_blocker again.',
  'budget.exceeded': 'Take no more work that costs: tell an operator, who can raise the limit.',
  'swarm.suspended': 'Take no more work: tell an operator, who can reset the breaker.',
  'policy.denied': 'Ask an operator: only another policy allows it.',
  'price.unknown':
    'Call report_progress with microUsd in usage, or ask an operator to set the price.',
  'auth.forbidden': 'This credential may not; ask an operator.',
  'auth.expired': 'Ask an operator for a new credential.',
};

/** Refusals whose detail and facts quote words that others wrote: titles of blockers, reasons, names of gates. */
const QUOTING: ReadonlySet<ErrorCode> = new Set([
  'task.not_ready',
  'task.parked',
  'session.ended',
  'blocker.resolved',
  'gate.failed',
  'swarm.suspended',
  'policy.denied',
]);
const QUOTED_BY = 'the fabric, quoting others';

/** The problem document of RFC 9457 in the order in which it matters, with the next call in its detail. */
export function problemContent(problem: Problem, tool: string): JsonObject {
  const { code, remedy, detail, facts, retryAfterMs, title, status, type, trace } = problem;
  const quotes = QUOTING.has(code);
  return {
    code,
    remedy,
    detail: `${quotes ? title : detail} ${nextCall(problem, tool)}`,
    ...(quotes ? { why: said(QUOTED_BY, detail) } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(facts === undefined
      ? {}
      : { facts: quotes ? said(QUOTED_BY, jsonOf(facts)) : jsonOf(facts) }),
    title,
    status,
    type,
    ...(trace === undefined ? {} : { trace }),
  };
}

function nextCall({ code, remedy, retryAfterMs }: Problem, tool: string): string {
  const known = NEXT_CALL[code];
  if (known !== undefined) return known;
  switch (remedy) {
    case 'fix-request':
      return `Change the arguments and call ${tool} again.`;
    case 'retry-later': {
      const after = retryAfterMs === undefined ? 'in a few seconds' : `in ${retryAfterMs} ms`;
      return `Call ${tool} again ${after}, with the same idempotencyKey.`;
    }
    case 'give-up':
      return 'Do not repeat the call; call next_task for other work.';
    case 'report-bug':
      return 'Do not repeat the call; tell an operator.';
  }
}
