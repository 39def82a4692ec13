/** Runs as a log alone shows them (H1): each starts once and ends once, and none outlives the next lease of its task. */
import type { DomainEvent } from '@infrafabric/core';

export class RunHistory {
  readonly faults: string[] = [];
  /** Task of each open run. */
  readonly #open = new Map<string, string>();
  readonly #known = new Set<string>();
  /** Open runs of tasks that were leased in this entry. */
  readonly #overdue = new Set<string>();

  take(event: DomainEvent): void {
    switch (event.type) {
      case 'run.started':
        if (this.#known.has(event.runId)) this.faults.push(`H1: ${event.runId} was started twice`);
        if (event.level < event.minLevel)
          this.faults.push(`H2: ${event.runId} runs at ${event.level} of ${event.minLevel}`);
        this.#known.add(event.runId);
        this.#open.set(event.runId, event.taskId);
        return;
      case 'run.ended':
        if (!this.#open.delete(event.runId))
          this.faults.push(`H1: ${event.runId} has ended and was not open`);
        this.#overdue.delete(event.runId);
        return;
      case 'run.violated':
      case 'credential.used':
      case 'run.notes_dropped':
        if (!this.#open.has(event.runId))
          this.faults.push(`H1: ${event.type} of ${event.runId}, which is not open`);
        return;
      case 'task.leased':
        for (const [runId, taskId] of this.#open)
          if (taskId === event.taskId) this.#overdue.add(runId);
        return;
      default:
    }
  }

  endEntry(): void {
    for (const runId of this.#overdue)
      this.faults.push(`H1: ${runId} is open after the next lease of its task`);
    this.#overdue.clear();
  }
}
