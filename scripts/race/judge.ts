/** The judge of the race: reads the log as it stands on the disk and holds every acknowledgement against it. */
import { frameEntries, openDataFolder, openFileJournal } from '@infrafabric/fabric';
import type { Committed } from '@infrafabric/fabric';
import { RealmId } from '@infrafabric/protocol';

export interface Acknowledged {
  readonly kind: 'claimed' | 'completed';
  readonly sessionId: string;
  readonly taskId: string;
  readonly fence: number;
}

export interface Verdict {
  readonly entries: number;
  readonly claims: number;
  readonly completions: number;
  /** Leases of one task that overlap, or fences out of order. */
  readonly doubleClaims: number;
  readonly doubleCompletions: number;
  /** Acknowledged to an agent, and not in the log. */
  readonly lostClaims: number;
  readonly lostCompletions: number;
  readonly tasksDone: number;
  readonly openings: number;
  readonly faults: readonly string[];
}

interface TaskLog {
  fence: number;
  holder: string | undefined;
  done: number;
}

/** Reads the whole log of a folder that nobody leads. */
export async function judge(
  folder: string,
  acknowledged: readonly Acknowledged[],
): Promise<Verdict> {
  const data = openDataFolder(folder, { realm: RealmId.parse('race') });
  const journal = await openFileJournal({ folder, genesisLeaf: data.genesisLeaf });
  const seen = new Set<string>();
  const tasks = new Map<string, TaskLog>();
  const faults: string[] = [];
  const counts = { claims: 0, completions: 0, doubleClaims: 0, openings: 0 };
  const fold = (entry: Committed): void => {
    for (const event of entry.events) {
      if (event.type === 'realm.opened') counts.openings += 1;
      if (!('taskId' in event)) continue;
      const task = tasks.get(event.taskId) ?? { fence: 0, holder: undefined, done: 0 };
      tasks.set(event.taskId, task);
      if (event.type === 'task.leased') {
        counts.claims += 1;
        if (task.holder !== undefined || event.fence !== task.fence + 1) {
          counts.doubleClaims += 1;
          faults.push(`entry ${entry.index}: ${event.taskId} is leased twice (C1)`);
        }
        task.fence = event.fence;
        task.holder = event.sessionId;
        seen.add(`claimed ${event.sessionId} ${event.taskId} ${event.fence}`);
      }
      if (event.type === 'task.completed') {
        counts.completions += 1;
        task.done += 1;
        seen.add(`completed ${event.sessionId} ${event.taskId} ${event.fence}`);
      }
      if (ENDS.has(event.type)) task.holder = undefined;
    }
  };
  let position = 0;
  for (;;) {
    const frames = await journal.read(position, { bytes: 1 << 22, frames: 1_000 });
    if (frames.length === 0) break;
    for (const frame of frames) {
      for (const { entry } of await frameEntries(frame, position, data.blobs)) fold(entry);
      position = frame.first + frame.count;
    }
  }
  await journal.close();
  const missing = acknowledged.filter(
    (ack) => !seen.has(`${ack.kind} ${ack.sessionId} ${ack.taskId} ${ack.fence}`),
  );
  for (const ack of missing.slice(0, 5)) faults.push(`lost: ${JSON.stringify(ack)}`);
  const all = [...tasks.values()];
  return {
    entries: position,
    ...counts,
    doubleCompletions: all.filter(({ done }) => done > 1).length,
    lostClaims: missing.filter(({ kind }) => kind === 'claimed').length,
    lostCompletions: missing.filter(({ kind }) => kind === 'completed').length,
    tasksDone: all.filter(({ done }) => done === 1).length,
    faults,
  };
}

const ENDS: ReadonlySet<string> = new Set([
  'task.completed',
  'task.submitted',
  'task.released',
  'task.failed',
  'task.parked',
  'task.cancelled',
  'lease.expired',
]);
