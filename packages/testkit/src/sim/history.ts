/**
 * What the actors of a simulated world saw of each task, as histories for the linearizability check. What nobody was
 * told of comes from the log: it may have happened at any moment after its call, or from the start.
 */
import type { DomainEvent } from '@infrafabric/core';
import type { Committed } from '@infrafabric/fabric';

import { isLinearizable, type Call } from '../wgl.ts';
import { taskRegister, type TaskOperation } from './task-register.ts';

type TaskCall = Call<TaskOperation, 'told'>;

/** From when to when; an infinite end: nobody was told. */
export interface Interval {
  readonly calledAt: number;
  readonly returnedAt: number;
}

export class TaskHistories {
  readonly #byTask = new Map<string, TaskCall[]>();
  /** Leases that ended otherwise than by a write of their holder. */
  readonly #lapsing = new Set<string>();
  readonly #told = new Set<number>();

  /** An actor was told of this entry. */
  told(entry: Committed, interval: Interval): void {
    if (this.#told.has(entry.index)) return;
    this.#told.add(entry.index);
    this.#add(entry, interval);
  }

  refused(
    taskId: string,
    what: Extract<TaskOperation, { readonly kind: 'refused' }>,
    interval: Interval,
  ): void {
    this.#push(taskId, what, interval);
  }

  #push(taskId: string, input: TaskOperation, { calledAt, returnedAt }: Interval): void {
    const returned =
      returnedAt === Number.POSITIVE_INFINITY
        ? {}
        : { returned: { at: returnedAt, output: 'told' as const } };
    const call: TaskCall = { input, startedAt: calledAt, ...returned };
    const list = this.#byTask.get(taskId);
    if (list === undefined) this.#byTask.set(taskId, [call]);
    else list.push(call);
  }

  /** Sentences about tasks whose history has no order; empty when all have one. */
  faults(entries: readonly Committed[]): readonly string[] {
    for (const entry of entries) {
      if (!this.#told.has(entry.index)) this.#add(entry, UNTOLD);
      for (const event of entry.events) this.#lapse(event);
    }
    return [...this.#byTask].flatMap(([taskId, history]) => {
      const model = taskRegister(this.#lapsing.has(taskId) ? 'lapse' : 'stand');
      if (isLinearizable(model, history)) return [];
      return [
        `linearizability: no order fits what was told of ${taskId}: ${JSON.stringify(history)}`,
      ];
    });
  }

  #add(entry: Committed, interval: Interval): void {
    for (const event of entry.events) {
      const what = operationOf(event);
      if (what !== undefined && 'taskId' in event) this.#push(event.taskId, what, interval);
    }
  }

  #lapse(event: DomainEvent): void {
    switch (event.type) {
      case 'lease.expired':
      case 'task.cancelled':
      case 'task.parked':
        this.#lapsing.add(event.taskId);
        break;
      case 'session.closed':
        for (const taskId of event.released) this.#lapsing.add(taskId);
        break;
      case 'plan.cancelled':
        for (const taskId of event.ended) this.#lapsing.add(taskId);
        break;
      default:
    }
  }
}

/** It may have happened at any moment. */
const UNTOLD: Interval = { calledAt: 0, returnedAt: Number.POSITIVE_INFINITY };

const operationOf = (event: DomainEvent): TaskOperation | undefined => {
  switch (event.type) {
    case 'task.leased':
      return { kind: 'granted', fence: event.fence };
    case 'task.completed':
      return { kind: 'ended', fence: event.fence, how: 'done' };
    case 'task.submitted':
    case 'task.released':
    case 'task.failed':
      return { kind: 'ended', fence: event.fence, how: 'given back' };
    case 'task.accepted':
      return { kind: 'accepted' };
    case 'task.progressed':
      return { kind: 'written', fence: event.fence };
    case 'blocker.raised':
      return event.released
        ? { kind: 'ended', fence: event.fence, how: 'given back' }
        : { kind: 'written', fence: event.fence };
    default:
      return undefined;
  }
};
