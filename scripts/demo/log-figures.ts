/** What the log itself says of the demo, read from its files after everything is closed. */
import type { DomainEvent } from '../../packages/core/src/index.ts';
import { frameEntries, openDataFolder, openFileJournal } from '../../packages/fabric/src/index.ts';
import { RealmId } from '../../packages/protocol/src/index.ts';

export interface LogFigures {
  readonly entries: number;
  readonly leases: number;
  /** Leases granted while another lease of the same task lived, and completions of a task that was done. */
  readonly doubleClaims: number;
  readonly completions: number;
  readonly expiries: number;
  readonly blockers: number;
  readonly staleWritesRefused: number;
  /** Of the named sessions, those that left a task behind which another session then completed. */
  readonly recovered: readonly string[];
}

/** Faults: those of the journal. The folder must not be led by anybody. */
export async function readLogFigures(folder: string, dead: readonly string[]): Promise<LogFigures> {
  const { genesisLeaf, blobs } = openDataFolder(folder, { realm: RealmId.parse('main') });
  const journal = await openFileJournal({ folder, genesisLeaf });
  const figures = new Figures(dead);
  try {
    let at = 0;
    // Ends: each round reads at least one frame, or is the last one.
    for (;;) {
      const frames = await journal.read(at, { bytes: 4 * 1024 * 1024, frames: 64 });
      if (frames.length === 0) return figures.result(at);
      for (const frame of frames) {
        const entries = await frameEntries(frame, at, blobs);
        for (const event of entries.flatMap(({ entry }) => entry.events)) figures.take(event);
        at = frame.first + frame.count;
      }
    }
  } finally {
    await journal.close();
  }
}

export class Figures {
  readonly #dead: ReadonlySet<string>;
  /** Session that holds a task now. */
  readonly #holders = new Map<string, string>();
  readonly #done = new Set<string>();
  /** Tasks that a dead session left behind, with it. */
  readonly #orphans = new Map<string, string>();
  readonly #recovered = new Set<string>();
  readonly #counts = {
    leases: 0,
    doubleClaims: 0,
    completions: 0,
    expiries: 0,
    blockers: 0,
    staleWritesRefused: 0,
  };

  constructor(dead: readonly string[]) {
    this.#dead = new Set(dead);
  }

  result(entries: number): LogFigures {
    return { entries, ...this.#counts, recovered: [...this.#recovered] };
  }

  take(event: DomainEvent): void {
    switch (event.type) {
      case 'task.leased':
        this.#counts.leases += 1;
        if (this.#holders.has(event.taskId) || this.#done.has(event.taskId))
          this.#counts.doubleClaims += 1;
        this.#holders.set(event.taskId, event.sessionId);
        return;
      case 'task.completed':
        this.#complete(event.taskId, event.sessionId);
        return;
      case 'lease.expired':
        this.#counts.expiries += 1;
        if (this.#dead.has(event.sessionId)) this.#orphans.set(event.taskId, event.sessionId);
        this.#holders.delete(event.taskId);
        return;
      case 'task.released':
      case 'task.submitted':
      case 'task.failed':
      case 'task.cancelled':
      case 'task.parked':
        this.#holders.delete(event.taskId);
        return;
      case 'session.closed':
        for (const taskId of event.released) this.#holders.delete(taskId);
        return;
      case 'plan.cancelled':
        for (const taskId of event.ended) this.#holders.delete(taskId);
        return;
      case 'blocker.raised':
        this.#counts.blockers += 1;
        if (event.released) this.#holders.delete(event.taskId);
        return;
      case 'write.refused':
        if (event.code === 'lease.stale') this.#counts.staleWritesRefused += 1;
        return;
      default:
    }
  }

  #complete(taskId: string, sessionId: string): void {
    this.#counts.completions += 1;
    if (this.#done.has(taskId)) this.#counts.doubleClaims += 1;
    this.#done.add(taskId);
    this.#holders.delete(taskId);
    const dead = this.#orphans.get(taskId);
    if (dead !== undefined && dead !== sessionId) this.#recovered.add(dead);
  }
}
