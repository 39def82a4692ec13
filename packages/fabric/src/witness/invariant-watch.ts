/**
 * Tries to disprove a log from its events alone, without the state that `core` keeps:
 *
 * C1  The fences of a task are 1, 2, 3, …
 * C2  A task is completed at most once, and by the session that holds its newest fence.
 * C3  A lease is expired no sooner than its length after the renewal from which it was counted.
 * C5  What a holder writes carries the fence and the session of the newest grant.
 *
 * C4 needs the plan; the state's own check (`worldFaults`) covers it. Money and breakers: `money-watch.ts`; runs and
 * reputation: `run-watch.ts`.
 */
import type { DomainEvent } from '@infrafabric/core';

import type { LogEntry } from '../followers/log-entry.ts';
import { MoneyWatch } from './money-watch.ts';
import { RunWatch } from './run-watch.ts';

interface Held {
  fence: number;
  sessionId: string;
  leaseMs: number;
  isLive: boolean;
  isDone: boolean;
}

export class InvariantWatch {
  readonly #tasks = new Map<string, Held>();
  readonly #money = new MoneyWatch();
  readonly #runs = new RunWatch();

  /** Takes the next entry; answers what it breaks. */
  take(entry: LogEntry): readonly string[] {
    return [
      ...entry.events.flatMap((event) => this.#faultsOf(event, entry.at)),
      ...this.#money.take(entry),
      ...this.#runs.take(entry),
    ];
  }

  #faultsOf(event: DomainEvent, at: number): readonly string[] {
    switch (event.type) {
      case 'task.leased':
        return this.#lease(event);
      case 'task.completed':
        return [...this.#written(event), ...this.#done(event.taskId)];
      case 'task.accepted':
        return this.#done(event.taskId);
      case 'task.progressed':
        return this.#written(event);
      case 'task.released':
      case 'task.failed':
      case 'task.submitted':
        return this.#ended(event);
      case 'lease.expired':
        return [...this.#early(event, at), ...this.#ended(event)];
      default:
        return [];
    }
  }

  #lease(event: Extract<DomainEvent, { readonly type: 'task.leased' }>): readonly string[] {
    const { taskId, fence, sessionId, leaseMs } = event;
    const before = this.#tasks.get(taskId);
    const faults: string[] = [];
    const expected = (before?.fence ?? 0) + 1;
    if (fence !== expected) faults.push(`C1: ${taskId} got fence ${fence} instead of ${expected}`);
    if (before?.isDone === true) faults.push(`C2: ${taskId} is leased after its completion`);
    this.#tasks.set(taskId, { fence, sessionId, leaseMs, isLive: true, isDone: false });
    return faults;
  }

  #written({ taskId, fence, sessionId }: Writing): readonly string[] {
    const held = this.#tasks.get(taskId);
    return held?.fence === fence && held.sessionId === sessionId
      ? []
      : [
          `C5: ${sessionId} wrote to ${taskId} with fence ${fence}, the newest is ${held?.fence ?? 0}`,
        ];
  }

  #ended(event: Writing): readonly string[] {
    const faults = this.#written(event);
    const held = this.#tasks.get(event.taskId);
    if (held !== undefined) held.isLive = false;
    return faults;
  }

  #done(taskId: string): readonly string[] {
    const held = this.#tasks.get(taskId);
    if (held === undefined) return [`C2: ${taskId} is completed and was never leased`];
    const faults = held.isDone ? [`C2: ${taskId} is completed twice`] : [];
    held.isDone = true;
    held.isLive = false;
    return faults;
  }

  #early(
    event: Extract<DomainEvent, { readonly type: 'lease.expired' }>,
    at: number,
  ): readonly string[] {
    const held = this.#tasks.get(event.taskId);
    const endsAt = event.renewedAt + (held?.leaseMs ?? 0);
    return at < endsAt ? [`C3: the lease of ${event.taskId} expired ${endsAt - at} ms early`] : [];
  }
}

interface Writing {
  readonly taskId: string;
  readonly fence: number;
  readonly sessionId: string;
}
