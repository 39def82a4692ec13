import { problemOf, reject } from '@infrafabric/protocol';
import { describe, expect, test } from 'vitest';
import type { ToolCallOptions } from './tool-caller.ts';
import { clientCaller } from './tool-caller.ts';
import { mcpTools } from './tools.ts';

const NOW = new AbortController().signal;

/** What a client of the wire throws when the fabric refuses: an error that carries the problem. */
class Refused extends Error {
  readonly problem = problemOf(reject('session.ended', 'Session was closed: done.'));
}

const throwing = (cause: unknown) =>
  clientCaller({
    call: () => {
      throw cause;
    },
  });

describe('clientCaller', () => {
  test('passes on what it is given and what comes back', async () => {
    const seen: unknown[] = [];
    const caller = clientCaller({
      call: async (...args) => {
        seen.push(args);
        return { planId: 'p' };
      },
    });
    const options: ToolCallOptions = { key: 'k', signal: NOW };
    const answer = await caller.call('plans.show', { planId: 'p' }, options);
    expect(answer).toEqual({ kind: 'ok', output: { planId: 'p' } });
    expect(seen).toEqual([['plans.show', { planId: 'p' }, options]]);
  });

  test('a refusal comes as the problem that the fabric sent', async () => {
    const answer = await throwing(new Refused()).call('realm.status', {}, {});
    expect(answer).toMatchObject({ kind: 'problem', problem: { code: 'session.ended' } });
  });

  test('a fabric that does not answer is an outcome that nobody knows, told by the same key', async () => {
    const answer = await throwing(new Error('connect ECONNREFUSED')).call('realm.status', {}, {});
    expect(answer).toMatchObject({
      problem: { code: 'log.outcome_unknown', remedy: 'retry-later' },
    });
    expect(JSON.stringify(answer)).not.toContain('ECONNREFUSED');
  });

  test('a call that its client cancelled says so', async () => {
    const signal = AbortSignal.abort();
    const answer = await throwing(signal.reason).call('realm.status', {}, { signal });
    expect(answer).toMatchObject({ problem: { detail: expect.stringContaining('cancelled') } });
  });
});

test('every tool answers a fabric that is gone with a problem, and throws nothing', async () => {
  const caller = throwing(new Error('gone'));
  const held = { taskId: 'p/a', fencingToken: 'f'.repeat(40) };
  const sessionId = `ses_${'0'.repeat(16)}`;
  const blockerId = `blk_${'0'.repeat(16)}`;
  const args: Readonly<Record<string, object>> = {
    register_session: { agent: 'ada' },
    next_task: { sessionId },
    claim_task: { sessionId, taskId: 'p/a' },
    report_progress: { ...held, sessionId },
    report_blocker: { ...held, kind: 'other', title: 'x' },
    ask_question: { ...held, question: 'x' },
    join_blocker: { blockerId, sessionId },
    resolve_blocker: { blockerId, sessionId, resolution: 'x' },
    submit_task: held,
    fail_task: { ...held, reason: 'x' },
    release_task: held,
    show_status: {},
  };
  for (const tool of mcpTools) {
    const around = { caller, signal: NOW, progress: () => undefined };
    const result = await tool.call(args[tool.name], around);
    expect(result, tool.name).toMatchObject({
      kind: 'problem',
      problem: { code: 'log.outcome_unknown' },
    });
  }
});
