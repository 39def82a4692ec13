import { expect, test } from 'vitest';
import type { DomainEvent } from '../packages/core/src/index.ts';
import { Figures } from './demo/log-figures.ts';

const leased = (sessionId: string, fence: number): DomainEvent => ({
  type: 'task.leased',
  taskId: 'p/a',
  sessionId,
  fence,
  attempt: fence,
  leaseMs: 1_000,
});
const completed = (sessionId: string, fence: number): DomainEvent => ({
  type: 'task.completed',
  taskId: 'p/a',
  sessionId,
  fence,
});
const expired = (sessionId: string, fence: number): DomainEvent => ({
  type: 'lease.expired',
  taskId: 'p/a',
  sessionId,
  fence,
  attempt: fence,
  renewedAt: 0,
});

function count(events: readonly DomainEvent[], dead: readonly string[] = []) {
  const figures = new Figures(dead);
  for (const event of events) figures.take(event);
  return figures.result(events.length);
}

test('a lease that is granted while another one lives is a double claim', () => {
  expect(count([leased('one', 1), leased('two', 2)]).doubleClaims).toBe(1);
});

test('a second completion, and a lease of what is done, are double claims', () => {
  const log = [leased('one', 1), completed('one', 1)];
  expect(count(log).doubleClaims).toBe(0);
  expect(count([...log, completed('two', 2)]).doubleClaims).toBe(1);
  expect(count([...log, leased('two', 2)]).doubleClaims).toBe(1);
});

test('a lease after an expiry, a release or the end of a session is none', () => {
  const ends: readonly DomainEvent[] = [
    expired('one', 1),
    { type: 'task.released', taskId: 'p/a', sessionId: 'one', fence: 1 },
    { type: 'session.closed', sessionId: 'one', how: 'closed', reason: '', released: ['p/a'] },
  ];
  for (const end of ends) {
    expect(count([leased('one', 1), end, leased('two', 2)]).doubleClaims, end.type).toBe(0);
  }
});

test('a dead session is recovered when another one completes what it left, and not before', () => {
  const log = [leased('one', 1), expired('one', 1), leased('two', 2)];
  expect(count(log, ['one']).recovered).toEqual([]);
  expect(count([...log, completed('two', 2)], ['one']).recovered).toEqual(['one']);
  // Who came back and did it itself was not dead; who is not named did not die.
  expect(count([...log, completed('one', 2)], ['one']).recovered).toEqual([]);
  expect(count([...log, completed('two', 2)], ['three']).recovered).toEqual([]);
});
