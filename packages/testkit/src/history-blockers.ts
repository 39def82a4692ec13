/** Blockers and help as a log alone shows them. */
import type { DomainEvent } from '@infrafabric/core';

interface BlockerPast {
  readonly raisedBy: string;
  readonly helpers: Set<string>;
  /** Help tasks. */
  readonly help: Set<string>;
  readonly quorum: number | undefined;
  /** Words that it is lifted: of a helper for itself, or for a help task. */
  readonly declared: { readonly sessionId: string; taskId: string | undefined }[];
  escalated: boolean;
  resolved: boolean;
}

type Of<T extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: T }>;

export class BlockerHistory {
  readonly faults: string[] = [];
  readonly #blockers = new Map<string, BlockerPast>();
  readonly #agents = new Map<string, string>();
  readonly #paused = new Set<string>();
  /** Blockers of which somebody spoke in this entry. */
  readonly #spoken = new Set<string>();
  /** By help task, the blocker. */
  readonly #helps = new Map<string, string>();

  take(event: DomainEvent): void {
    switch (event.type) {
      case 'session.opened':
        this.#agents.set(event.sessionId, event.agent);
        return;
      case 'plan.paused':
        this.#paused.add(event.planId);
        return;
      case 'plan.resumed':
        this.#paused.delete(event.planId);
        return;
      case 'blocker.raised':
        this.#blockers.set(event.blockerId, {
          raisedBy: event.sessionId,
          helpers: new Set(),
          help: new Set(),
          quorum: event.quorum,
          declared: [],
          escalated: false,
          resolved: false,
        });
        return;
      case 'blocker.joined':
        this.#open(event)?.helpers.add(event.sessionId);
        return;
      case 'help.offered':
        this.#open(event)?.help.add(event.taskId);
        this.#helps.set(event.taskId, event.blockerId);
        return;
      case 'task.leased':
        return this.#leased(event);
      case 'blocker.declared':
        return this.#declared(event);
      case 'blocker.escalated': {
        const blocker = this.#open(event);
        if (blocker?.escalated === true)
          this.faults.push(`a person was told twice of ${event.blockerId}`);
        if (blocker !== undefined) blocker.escalated = true;
        return;
      }
      case 'blocker.resolved': {
        const blocker = this.#open(event);
        if (blocker !== undefined) blocker.resolved = true;
        return;
      }
      default:
        return;
    }
  }

  /** The blocker of an event, which must be open. */
  #open({ blockerId, type }: { readonly blockerId: string; readonly type: string }) {
    const blocker = this.#blockers.get(blockerId);
    if (blocker === undefined || blocker.resolved) {
      this.faults.push(`${type} of ${blockerId}, which is not open`);
      return undefined;
    }
    return blocker;
  }

  #leased({ taskId, sessionId }: Of<'task.leased'>): void {
    if (this.#paused.has(taskId.slice(0, taskId.indexOf('/'))))
      this.faults.push(`${taskId} was leased while its plan was paused`);
    const blockerId = this.#helps.get(taskId);
    if (blockerId === undefined) return;
    const blocker = this.#open({ blockerId, type: 'task.leased' });
    if (this.#agents.get(blocker?.raisedBy ?? '') === this.#agents.get(sessionId))
      this.faults.push(`${taskId} helps ${sessionId} with a blocker of its own agent`);
  }

  /** Who has spoken for itself and finishes its task is counted once. */
  #declared(event: Of<'blocker.declared'>): void {
    const { sessionId, taskId, blockerId } = event;
    const blocker = this.#open(event);
    if (blocker === undefined) return;
    if (taskId === undefined && !blocker.helpers.has(sessionId))
      this.faults.push(`${sessionId} spoke of ${blockerId} and did not help`);
    const own = blocker.declared.find(
      (one) => one.sessionId === sessionId && one.taskId === undefined,
    );
    if (own !== undefined && taskId === undefined)
      this.faults.push(`${sessionId} spoke twice of ${blockerId}`);
    if (own === undefined) blocker.declared.push({ sessionId, taskId });
    else own.taskId = taskId;
    this.#spoken.add(blockerId);
  }

  /** What must hold between entries: a blocker is over with the last word that it needs, and not before. */
  endEntry(): void {
    for (const blockerId of this.#spoken) {
      const blocker = this.#blockers.get(blockerId);
      if (blocker === undefined || blocker.resolved) continue;
      if (blocker.declared.length >= (blocker.quorum ?? Math.max(1, blocker.help.size)))
        this.faults.push(`${blockerId} is open with all of its words said`);
    }
    this.#spoken.clear();
  }
}
