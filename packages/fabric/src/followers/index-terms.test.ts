import { expect, test } from 'vitest';
import fc from 'fast-check';

import { isMatch, operationOf, severityOf, termOf, wordsOf, wordsOfFilter } from './index-terms.ts';
import type { LogEntry } from './log-entry.ts';

const claim: LogEntry = {
  index: 7,
  at: 1,
  epoch: 1,
  op: 'tasks.claim',
  cred: 'session',
  principal: 'ada',
  session: 'ses_1',
  trace: 'ab',
  ids: [],
  args: { sessionId: 'ses_1', taskId: 'plan-a/t1' },
  events: [
    {
      attempt: 1,
      fence: 1,
      leaseMs: 5,
      sessionId: 'ses_1',
      taskId: 'plan-a/t1',
      type: 'task.leased',
    },
  ],
};
const refused: LogEntry = {
  ...claim,
  op: 'tasks.complete',
  events: [
    {
      code: 'lease.stale',
      fence: 1,
      op: 'tasks.complete',
      sessionId: 'ses_1',
      taskId: 'plan-a/t1',
      type: 'write.refused',
    },
  ],
};
const recorded: LogEntry = {
  ...claim,
  op: 'witness.record',
  args: {},
  events: [
    { component: 'linter', operation: 'finding', severity: 'high', type: 'witness.recorded' },
  ],
};

test('an entry is found by all that it names, and by nothing else', () => {
  for (const filter of [
    { operation: 'tasks.claim' },
    { principal: 'ada' },
    { sessionId: 'ses_1' },
    { trace: 'ab' },
    { taskId: 'plan-a/t1' },
    { planId: 'plan-a' },
    { severity: 'info' as const },
    { taskId: 'plan-a/t1', principal: 'ada', operation: 'tasks.claim' },
  ]) {
    expect(isMatch(claim, filter)).toBe(true);
    for (const word of wordsOfFilter(filter)) expect(wordsOf(claim).has(word)).toBe(true);
  }
  for (const filter of [
    { operation: 'tasks.complete' },
    { principal: 'bob' },
    { taskId: 'plan-a/t2' },
    { planId: 'plan' },
    { severity: 'warn' as const },
    { code: 'lease.stale' },
    { trace: 'a' },
    { taskId: 'plan-a/t1', principal: 'bob' },
  ]) {
    expect(isMatch(claim, filter)).toBe(false);
  }
});

test('refusals are warnings with their code; a record has the name and severity that its program gave', () => {
  expect(severityOf(refused)).toBe('warn');
  expect(isMatch(refused, { code: 'lease.stale', severity: 'warn' })).toBe(true);
  expect(operationOf(recorded)).toBe('linter.finding');
  expect(severityOf(recorded)).toBe('high');
  expect(isMatch(recorded, { operation: 'linter.finding' })).toBe(true);
  expect(isMatch(recorded, { operation: 'witness.record' })).toBe(true);
});

// Property: fingerprints are whole numbers that SQLite and JavaScript both hold, and hardly ever the same.
test('terms are 53-bit integers that tell words apart', () => {
  fc.assert(
    fc.property(fc.string(), (word) => Number.isSafeInteger(termOf(word)) && termOf(word) >= 0),
  );
  const terms = new Set(Array.from({ length: 100_000 }, (_, i) => termOf(`k:plan-${i % 7}/t${i}`)));
  expect(terms.size).toBe(100_000);
});
