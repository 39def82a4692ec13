/**
 * What a log alone must show, whatever world it made (C1–C3, C5, G1, G2, G4, H1): a second opinion that shares no code with
 * the fold.
 */
import type { DomainEvent, Entry } from '@infrafabric/core';

import { BlockerHistory } from './history-blockers.ts';
import { MoneyHistory } from './history-money.ts';
import { RunHistory } from './history-runs.ts';

interface TaskPast {
  fence: number;
  lease: { readonly sessionId: string; readonly leaseMs: number; readonly at: number } | undefined;
  submitted: boolean;
  finished: string | undefined;
}

/** Sentences, one for each place where the history breaks an invariant; empty when it breaks none. */
export const historyFaults = (entries: Iterable<Pick<Entry, 'at' | 'events'>>): string[] => {
  const past = new History();
  const money = new MoneyHistory();
  const blockers = new BlockerHistory();
  const runs = new RunHistory();
  for (const { at, events } of entries) {
    for (const event of events) {
      past.take(event, at);
      money.take(event);
      blockers.take(event);
      runs.take(event);
    }
    money.endEntry();
    blockers.endEntry();
    runs.endEntry();
  }
  return [...past.faults, ...money.faults, ...blockers.faults, ...runs.faults];
};

class History {
  readonly faults: string[] = [];
  readonly #tasks = new Map<string, TaskPast>();
  readonly #open = new Set<string>();

  take(event: DomainEvent, at: number): void {
    switch (event.type) {
      case 'session.opened':
        this.#open.add(event.sessionId);
        return;
      case 'session.closed':
        this.#open.delete(event.sessionId);
        for (const taskId of event.released) this.#end(taskId, event);
        return;
      case 'plan.cancelled':
        for (const taskId of event.ended) this.#end(taskId, event);
        return;
      case 'task.leased':
        return this.#lease(event, at);
      case 'lease.expired': {
        const lease = this.#past(event.taskId).lease;
        if (lease !== undefined && at < Math.max(lease.at, event.renewedAt) + lease.leaseMs)
          this.faults.push(`C3: the lease of ${event.taskId} expired at ${at}, before its end`);
        return this.#held(event, event.taskId, event);
      }
      case 'task.released':
      case 'task.failed':
        return this.#held(event, event.taskId, event);
      case 'task.submitted':
        this.#held(event, event.taskId, event);
        this.#past(event.taskId).submitted = true;
        return;
      case 'task.completed':
        this.#held(event, event.taskId, event);
        return this.#finish(event.taskId, event.type);
      case 'task.accepted':
        if (!this.#past(event.taskId).submitted)
          this.faults.push(`C2: ${event.taskId} was accepted and not submitted`);
        return this.#finish(event.taskId, event.type);
      case 'task.rejected':
        this.#past(event.taskId).submitted = false;
        return;
      case 'blocker.raised':
        if (event.released) this.#held(event, event.taskId, event);
        return;
      case 'task.parked':
      case 'task.cancelled':
        this.#past(event.taskId).lease = undefined;
        this.#past(event.taskId).submitted = false;
        return;
      default:
        return;
    }
  }

  #past(taskId: string): TaskPast {
    let past = this.#tasks.get(taskId);
    if (past === undefined) {
      past = { fence: 0, lease: undefined, submitted: false, finished: undefined };
      this.#tasks.set(taskId, past);
    }
    return past;
  }

  #lease(event: Extract<DomainEvent, { readonly type: 'task.leased' }>, at: number): void {
    const { taskId, fence, sessionId, leaseMs } = event;
    const past = this.#past(taskId);
    if (fence !== past.fence + 1)
      this.faults.push(`C1: ${taskId} was leased under fence ${fence} after ${past.fence}`);
    if (past.lease !== undefined)
      this.faults.push(
        `C5: ${taskId} was leased to ${sessionId} and held by ${past.lease.sessionId}`,
      );
    if (past.finished !== undefined)
      this.faults.push(`C2: ${taskId} was leased after ${past.finished}`);
    if (!this.#open.has(sessionId))
      this.faults.push(`C5: ${taskId} was leased to ${sessionId}, which is not open`);
    past.fence = fence;
    past.lease = { sessionId, leaseMs, at };
  }

  /** A write of a lease's holder: the lease must be there, and the holder's own. */
  #held(
    by: { readonly fence: number; readonly sessionId: string },
    taskId: string,
    event: DomainEvent,
  ): void {
    const { fence, lease } = this.#past(taskId);
    if (lease?.sessionId !== by.sessionId || fence !== by.fence)
      this.faults.push(`C1: ${event.type} of ${taskId} under fence ${by.fence}, not the lease's`);
    this.#end(taskId, event);
  }

  #end(taskId: string, event: DomainEvent): void {
    const past = this.#past(taskId);
    if (past.lease === undefined) this.faults.push(`C5: ${event.type} ends no lease of ${taskId}`);
    past.lease = undefined;
  }

  #finish(taskId: string, how: string): void {
    const past = this.#past(taskId);
    if (past.finished !== undefined)
      this.faults.push(`C2: ${taskId} has ${how} after ${past.finished}`);
    past.finished = how;
    past.submitted = false;
  }
}
