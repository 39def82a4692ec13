/** What the actors of a simulated world make of the answers that they hear. */
import { SimAgent, SimOperator, type SimCall } from './actors.ts';
import { grantsIn, trustedOutput, type Answer } from './judge.ts';
import type { Random } from '../random.ts';

/** `opened` is told of the sessions that agents were given. */
export function learn(
  { call, reply }: Answer,
  random: Random,
  opened: (sessionId: string, capabilities: readonly string[]) => void,
): void {
  const { by, op, bearer } = call;
  if (reply.kind === 'reject') {
    if (reply.code.startsWith('log.') || reply.code.startsWith('fabric.')) {
      if (random.chance(0.7)) by.unanswered = call;
      return;
    }
    if (by instanceof SimAgent) learnNo(by, call, reply.code);
    return;
  }
  if (op === 'plans.submit' && by instanceof SimOperator) by.toSubmit.shift();
  if (!(by instanceof SimAgent)) return;
  if (op === 'sessions.open') {
    const session = trustedOutput<{ sessionId: string; token: string }>(reply.output);
    opened(session.sessionId, by.capabilities);
    by.session = session;
  }
  if (op === 'sessions.close') by.sessionOver();
  // Grants to a session that the agent has left since are nobody's.
  if (bearer?.sessionId !== by.session?.sessionId) return;
  if (call.lease !== undefined && !KEEPS_LEASE.has(op)) {
    const keeps = op === 'blockers.raise' && call.input['release'] !== true;
    if (!keeps) by.lost(call.lease.taskId);
  }
  for (const grant of grantsIn(reply.output)) by.granted(grant);
  if (op === 'tasks.renew') {
    const { lost } = trustedOutput<{ lost: readonly { taskId: string }[] }>(reply.output);
    for (const { taskId } of lost) by.lost(taskId);
  }
}

/** Writes under a lease after which it lives on. */
const KEEPS_LEASE: ReadonlySet<string> = new Set(['tasks.progress', 'usage.record']);

function learnNo(by: SimAgent, call: SimCall, code: string): void {
  if (call.bearer?.sessionId !== by.session?.sessionId) return;
  if (code === 'lease.stale' && call.lease !== undefined && call.token === 'own')
    by.lost(call.lease.taskId);
  if (code === 'session.ended' || code === 'auth.invalid' || code === 'auth.expired')
    by.sessionOver();
}
