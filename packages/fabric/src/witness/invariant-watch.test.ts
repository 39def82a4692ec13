import { expect, test } from 'vitest';
import type { DomainEvent } from '@infrafabric/core';

import type { LogEntry } from '../followers/log-entry.ts';
import { InvariantWatch } from './invariant-watch.ts';

const T = 'plan/t';
const leased = (fence: number, sessionId = 's1'): DomainEvent => ({
  attempt: 1,
  fence,
  leaseMs: 1_000,
  sessionId,
  taskId: T,
  type: 'task.leased',
});
const completed = (fence: number, sessionId = 's1'): DomainEvent => ({
  fence,
  sessionId,
  taskId: T,
  type: 'task.completed',
});
const expired = (fence: number, renewedAt: number): DomainEvent => ({
  attempt: 1,
  fence,
  renewedAt,
  sessionId: 's1',
  taskId: T,
  type: 'lease.expired',
});

/** What the events break, one entry each, at the times given (else 0). */
function broken(events: readonly DomainEvent[], at: readonly number[] = []): readonly string[] {
  const watch = new InvariantWatch();
  return events.flatMap((event, i) => {
    const entry: LogEntry = {
      index: i,
      at: at[i] ?? 0,
      epoch: 1,
      op: 'x',
      args: {},
      cred: 'session',
      principal: 'p',
      ids: [],
      events: [event],
    };
    return watch.take(entry).map((fault) => fault.slice(0, 2));
  });
}

test('a task that is leased, lost, leased again and completed breaks nothing', () => {
  expect(
    broken(
      [leased(1), expired(1, 0), leased(2, 's2'), completed(2, 's2')],
      [0, 1_000, 1_000, 1_500],
    ),
  ).toEqual([]);
});

test.each([
  ['C1', 'a fence twice', [leased(1), leased(1)]],
  ['C1', 'a fence left out', [leased(1), leased(3)]],
  ['C1', 'a first fence that is not 1', [leased(2)]],
  ['C2', 'a second completion', [leased(1), completed(1), completed(1)]],
  ['C2', 'a lease after the completion', [leased(1), completed(1), leased(2)]],
  [
    'C2',
    'a verdict over what was never leased',
    [{ author: 's1', by: 'op', taskId: T, type: 'task.accepted' }],
  ],
  ['C5', 'a completion with an older fence', [leased(1), leased(2, 's2'), completed(1)]],
  ['C5', 'a completion by another session', [leased(1), completed(1, 's2')]],
  [
    'C5',
    'a release by another session',
    [leased(1), { fence: 1, sessionId: 's9', taskId: T, type: 'task.released' }],
  ],
] as const)('%s: %s is found', (code, _what, events) => {
  expect(broken(events)).toContain(code);
});

test('C3: an expiry is found a millisecond before the lease ends, and not at the instant at which it ends', () => {
  expect(broken([leased(1), expired(1, 500)], [0, 1_499])).toEqual(['C3']);
  expect(broken([leased(1), expired(1, 500)], [0, 1_500])).toEqual([]);
});
