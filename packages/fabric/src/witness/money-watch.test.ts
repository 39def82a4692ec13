import { describe, expect, test } from 'vitest';
import type { DomainEvent } from '@infrafabric/core';

import type { LogEntry } from '../followers/log-entry.ts';
import { MoneyWatch } from './money-watch.ts';

const T = 'p/t';
const opened = (sessionId: string, swarm?: string): DomainEvent => ({
  agent: sessionId,
  capabilities: [],
  leasesMax: 2,
  role: 'worker',
  sessionId,
  ...(swarm === undefined ? {} : { swarm }),
  type: 'session.opened',
});
const leased = (sessionId: string, taskId = T): DomainEvent => ({
  attempt: 1,
  fence: 1,
  leaseMs: 1_000,
  sessionId,
  taskId,
  type: 'task.leased',
});
const reserved = (amountMicroUsd: number, taskId = T): DomainEvent => ({
  amountMicroUsd,
  fence: 1,
  limitMicroUsd: 100,
  planId: 'p',
  sessionId: 's',
  swarmId: 'w',
  taskId,
  type: 'budget.reserved',
});
const used = (chargedMicroUsd: number, overrunMicroUsd = 0): DomainEvent => ({
  basis: 'reported',
  chargedMicroUsd,
  component: 'agent',
  fence: 1,
  microUsd: chargedMicroUsd + overrunMicroUsd,
  overrunMicroUsd,
  planId: 'p',
  sessionId: 's',
  swarmId: 'w',
  taskId: T,
  type: 'usage.recorded',
});
const settled = (releasedMicroUsd: number, spentMicroUsd: number): DomainEvent => ({
  fence: 1,
  releasedMicroUsd,
  spentMicroUsd,
  taskId: T,
  type: 'budget.settled',
});
const completed: DomainEvent = { fence: 1, sessionId: 's', taskId: T, type: 'task.completed' };
const limited = (account: string, limitMicroUsd: number): DomainEvent => ({
  account,
  by: 'operator',
  limitMicroUsd,
  type: 'budget.limited',
});

/** What the events break, all of them in one entry. */
const broken = (...events: readonly DomainEvent[]): readonly string[] => {
  const entry: LogEntry = {
    index: 0,
    at: 0,
    epoch: 1,
    op: 'x',
    args: {},
    cred: 'realm',
    principal: 'x',
    ids: [],
    events,
  };
  return new MoneyWatch().take(entry);
};

describe('from the events alone', () => {
  test('what is set aside, charged beyond it and settled breaks nothing', () => {
    expect(
      broken(
        limited('swarm:w', 50),
        leased('s'),
        reserved(20),
        used(30),
        settled(0, 30),
        completed,
      ),
    ).toEqual([]);
  });

  test('G1: an account uses more than its limit, by a reservation, a cost, or a limit below both', () => {
    expect(broken(limited('swarm:w', 10), reserved(20))).toEqual(['G1: swarm:w uses 20 of 10']);
    expect(broken(limited('swarm:w', 25), reserved(20), used(30))).toEqual([
      'G1: swarm:w uses 30 of 25',
    ]);
    expect(broken(reserved(20), limited('plan:p', 19))).toEqual(['G1: plan:p uses 20 of 19']);
    expect(broken(reserved(101))).toEqual([`G1: task:${T} uses 101 of 100`]);
  });

  test('G2: reserved for twice, spent without, settled without or with other figures, and not settled', () => {
    expect(broken(reserved(1), reserved(1))).toEqual([`G2: ${T} is reserved for twice`]);
    expect(broken(used(1))).toEqual([
      `G2: a cost of ${T} under fence 1, for which nothing is set aside`,
    ]);
    expect(broken(settled(0, 0))).toEqual([`G2: ${T} is settled and was not reserved for`]);
    expect(broken(reserved(5), settled(4, 0))).toEqual([
      `G2: ${T} is settled with 4 back and 0 spent, not 5 and 0`,
    ]);
    expect(broken(reserved(5), used(2), settled(3, 1))).toEqual([
      `G2: ${T} is settled with 3 back and 1 spent, not 3 and 2`,
    ]);
    expect(broken(leased('s'), reserved(5), completed)).toEqual([
      `G2: the lease of ${T} ended and its money is still set aside`,
    ]);
  });

  test('G2: every way in which a lease ends is seen', () => {
    const { type: _type, ...write } = completed;
    const ends: readonly DomainEvent[] = [
      { ...write, type: 'task.submitted' },
      { ...write, type: 'task.released' },
      { ...write, attempt: 1, reason: 'x', type: 'task.failed' },
      { ...write, attempt: 1, renewedAt: 0, type: 'lease.expired' },
      { reason: 'x', taskId: T, type: 'task.parked' },
      { reason: 'x', taskId: T, type: 'task.cancelled' },
      { how: 'closed', reason: 'x', released: [T], sessionId: 's', type: 'session.closed' },
      { cancelled: 1, ended: [T], planId: 'p', reason: 'x', type: 'plan.cancelled' },
      {
        blockerId: 'b',
        blocks: 0,
        escalateAt: 0,
        fence: 1,
        kind: 'other',
        needs: [],
        released: true,
        sessionId: 's',
        taskId: T,
        title: 'x',
        type: 'blocker.raised',
      },
    ];
    for (const end of ends) expect(broken(reserved(1), end), end.type).toHaveLength(1);
    const kept = { ...ends.at(-1), released: false } as DomainEvent;
    expect(broken(reserved(1), kept)).toEqual([]);
  });

  test('G4: an open breaker gives nothing, a half-open one lease, a closed one as many as there are', () => {
    const tripped: DomainEvent = {
      by: 'x',
      cause: 'operator',
      reason: 'x',
      swarmId: 'w',
      type: 'breaker.tripped',
    };
    const reset: DomainEvent = { by: 'x', reason: 'x', swarmId: 'w', type: 'breaker.reset' };
    const closed: DomainEvent = { swarmId: 'w', type: 'breaker.closed' };
    const swarm = [opened('s', 'w'), opened('z', 'w'), opened('free'), tripped];
    expect(broken(...swarm, leased('s'))).toEqual([
      `G4: ${T} is leased to w, whose breaker is open`,
    ]);
    expect(broken(...swarm, leased('free'))).toEqual([]);
    expect(broken(...swarm, reset, leased('s'))).toEqual([]);
    expect(broken(...swarm, reset, leased('s'), leased('z', 'p/other'))).toEqual([
      'G4: p/other is the second lease of w, whose breaker is half-open',
    ]);
    expect(broken(...swarm, reset, leased('s'), completed, leased('z', 'p/other'))).toEqual([]);
    expect(broken(...swarm, reset, leased('s'), closed, leased('z', 'p/other'))).toEqual([]);
  });
});
