/**
 * Runs that are open though their lease has ended: whoever runs them has a while to say how they ended, then the realm
 * ends them (H1).
 */
import { orphanRuns, orphansBy, type World } from '@infrafabric/core';

import type { Committed } from './call.ts';
import { Deadline, Deadlines } from './deadlines.ts';

class OrphanRun extends Deadline {
  readonly runId: string;
  /** Monotonic, ms. */
  dueAt: number;

  constructor(runId: string, dueAt: number) {
    super();
    this.runId = runId;
    this.dueAt = Math.ceil(dueAt);
  }

  endsAt(): number {
    return this.dueAt;
  }
}

export class OrphanRuns {
  readonly #world: World;
  readonly #runs = new Map<string, OrphanRun>();
  readonly #due = new Deadlines<OrphanRun>();

  constructor(world: World) {
    this.#world = world;
  }

  /** No run is due before this moment of the monotonic clock. */
  get earliest(): number {
    return this.#due.earliest;
  }

  /** Begins anew with the runs of the world. `at` is wall time, `now` monotonic. */
  restart(at: number, now: number): void {
    this.#runs.clear();
    this.#due.clear();
    for (const { runId, dueAt } of orphanRuns(this.#world))
      this.#watch(runId, now + Math.max(0, dueAt - at));
  }

  /** Follows an entry that was folded. */
  observe(entry: Committed, now: number): void {
    for (const event of entry.events) {
      if (event.type === 'run.ended') this.#forget(event.runId);
      for (const { runId, dueAt } of orphansBy(this.#world, event))
        this.#watch(runId, now + dueAt - entry.at);
    }
  }

  next(now: number): { readonly kind: 'run'; readonly runId: string } | undefined {
    const run = this.#due.next(now);
    return run && { kind: 'run', runId: run.runId };
  }

  postpone(runId: string, dueAt: number): void {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    run.dueAt = dueAt;
    this.#due.moved(run);
  }

  #watch(runId: string, dueAt: number): void {
    if (this.#runs.has(runId)) return;
    const run = new OrphanRun(runId, dueAt);
    this.#runs.set(runId, run);
    this.#due.add(run);
  }

  #forget(runId: string): void {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    this.#runs.delete(runId);
    this.#due.remove(run);
  }
}
