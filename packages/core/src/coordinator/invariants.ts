/** The coordinator's invariants as a check of the whole slice: for the simulator, the falsifying replay and tests. */
import { cell, eachDependency, NONE, PHASE } from './columns.ts';
import { globsOverlap, segmentsOf } from './paths.ts';
import { holderOf, idOf, planOf, specOf } from './state.ts';
import type { CoordinatorState } from './state.ts';

/** Sentences, each with the invariant it breaks first; empty when all hold. O(tasks + dependencies). */
export const coordinatorFaults = (state: CoordinatorState): string[] => [
  ...leaseFaults(state),
  ...readinessFaults(state),
  ...pathFaults(state),
  ...countFaults(state),
];

const leaseFaults = (state: CoordinatorState): string[] => {
  const faults: string[] = [];
  let held = 0;
  for (let task = 0; task < state.tasks.count; task += 1) {
    const leased = cell(state.tasks.phase, task) === PHASE.leased;
    const holder = holderOf(state, task);
    if (leased !== (holder !== undefined))
      faults.push(`C5: ${idOf(state, task)} is leased without a session, or held without a lease`);
    if (holder === undefined) continue;
    held += 1;
    if (holder.closed !== undefined)
      faults.push(`C5: ${idOf(state, task)} is held by the ended session ${holder.id}`);
    if (!holder.leases.has(task))
      faults.push(`C5: session ${holder.id} does not know of its lease of ${idOf(state, task)}`);
    if (cell(state.tasks.fence, task) < 1)
      faults.push(`C1: ${idOf(state, task)} is leased without a fence`);
  }
  let known = 0;
  for (const session of state.sessions.values()) known += session.leases.size;
  if (known !== held) faults.push(`C5: sessions know of ${known} leases, tasks of ${held}`);
  return faults;
};

const readinessFaults = (state: CoordinatorState): string[] => {
  const faults: string[] = [];
  for (let task = 0; task < state.tasks.count; task += 1) {
    const phase = cell(state.tasks.phase, task);
    let unmet = 0;
    eachDependency(state.tasks, state.edges, task, (dependency) => {
      if (cell(state.tasks.phase, dependency) !== PHASE.done) unmet += 1;
    });
    const closed =
      planOf(state, task).phases[cell(state.tasks.planPhase, task)]?.status === 'closed';
    const working = phase === PHASE.leased || phase === PHASE.ready || phase === PHASE.submitted;
    if (working && (unmet > 0 || closed))
      faults.push(`C4: ${idOf(state, task)} is past its dependencies or its phase`);
    const holds = cell(state.tasks.holds, task);
    if (phase === PHASE.ready && holds > 0)
      faults.push(`C4: ${idOf(state, task)} is ready and held back ${holds} times`);
    if (phase === PHASE.waiting && holds === 0)
      faults.push(`C4: ${idOf(state, task)} waits for nothing`);
    if ((phase === PHASE.ready) !== (cell(state.tasks.queueSlot, task) !== NONE)) {
      faults.push(`C4: ${idOf(state, task)} is ready but not queued, or queued but not ready`);
    }
  }
  return faults;
};

const pathFaults = (state: CoordinatorState): string[] => {
  const leased: {
    readonly task: number;
    readonly repo: string;
    readonly globs: readonly (readonly string[])[];
  }[] = [];
  for (const session of state.sessions.values()) {
    for (const task of session.leases) {
      const { repo, owns } = specOf(state, task);
      if (owns !== undefined && owns.length > 0)
        leased.push({ task, repo: repo ?? '', globs: owns.map(segmentsOf) });
    }
  }
  return leased.flatMap((a, i) =>
    leased
      .slice(i + 1)
      .filter(
        (b) => a.repo === b.repo && a.globs.some((x) => b.globs.some((y) => globsOverlap(x, y))),
      )
      .map(
        (b) =>
          `two leases own overlapping paths: ${idOf(state, a.task)} and ${idOf(state, b.task)}`,
      ),
  );
};

const countFaults = (state: CoordinatorState): string[] => {
  const counts = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let task = 0; task < state.tasks.count; task += 1) {
    const phase = cell(state.tasks.phase, task);
    counts[phase] = (counts[phase] ?? 0) + 1;
  }
  return counts.every((count, phase) => count === state.counts[phase])
    ? []
    : [`the counts ${state.counts.join(' ')} are not ${counts.join(' ')}`];
};
