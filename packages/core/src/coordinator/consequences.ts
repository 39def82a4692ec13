/** What else is true once a task is finished or an attempt at it failed; shared by the decisions that do either. */
import { must } from '../kernel/decision.ts';
import { counted } from '../kernel/words.ts';
import { cascade } from './cascade.ts';
import { cell, eachDependant, isWorkTask, NONE, PHASE } from './columns.ts';
import type { BlockerResolved, CoordinatorEvent, TaskParked } from './events.ts';
import { declaredBy, dissolved, quorumOf, unfinishedHelp } from './help.ts';
import { idOf, planOf, rivals } from './state.ts';
import type { CoordinatorState } from './state.ts';

/** Released tasks that a completion's event names; a feed learns of the others by asking. */
export const RELEASES_LISTED_MAX = 100;
/** Characters of the reason that parks a task after its last attempt; a worker's own words are cut to fit. */
const PARKED_REASON_CHARS_MAX = 2_000;

/**
 * Tasks that nothing but this one holds back: its dependants, while it is leased those whose paths its lease owns, and
 * those of the phases that open with `events`.
 */
export const releasedBy = (
  state: CoordinatorState,
  task: number,
  events: readonly CoordinatorEvent[],
): number[] => {
  const holds = new Map<number, number>();
  const count = (other: number): void => void holds.set(other, (holds.get(other) ?? 0) + 1);
  eachDependant(state.tasks, state.edges, task, count);
  if (cell(state.tasks.phase, task) === PHASE.leased) rivals(state, task).forEach(count);
  const { phases } = planOf(state, task);
  for (const event of events) {
    if (event.type === 'phase.opened')
      must(
        phases.find(({ key }) => key === event.phase),
        'a phase that opens and is none',
      ).tasks.forEach(count);
  }
  if (holds.size === 0) return [];
  return [...holds].flatMap(([other, mine]) =>
    cell(state.tasks.phase, other) === PHASE.waiting && cell(state.tasks.holds, other) === mine
      ? [other]
      : [],
  );
};

/** The member of an event that names released tasks, where there are any. */
export const releasesOf = (
  state: CoordinatorState,
  released: readonly number[],
): { readonly releases?: readonly string[] } =>
  released.length === 0
    ? {}
    : { releases: released.slice(0, RELEASES_LISTED_MAX).map((task) => idOf(state, task)) };

/**
 * Phases that pass and open, blockers that waited for the task, its own, which nobody waits behind any more, and the one
 * that it was a help for. `by` is the session that finished it, where one did.
 */
export const consequences = (
  state: CoordinatorState,
  task: number,
  how: 'done' | 'cancelled',
  by?: string,
): readonly CoordinatorEvent[] => {
  // Blockers and help stand in a task's notes: of most tasks, without those and outside phases, nothing follows.
  if (cell(state.tasks.planPhase, task) === NONE && !state.notes.has(task)) return NOTHING;
  return once([
    ...phasesAfter(state, task),
    ...(how === 'done' ? liftedBy(state, task) : []),
    ...mootBlockers(state, task, how).flatMap((event) => [event, ...helpOver(state, event, task)]),
    ...(how === 'done' && by !== undefined ? helped(state, task, by) : []),
  ]);
};

const NOTHING: readonly CoordinatorEvent[] = [];

/** What waited for a task and belongs to help that is over with it would end twice: the first end counts. */
const once = (events: CoordinatorEvent[]): CoordinatorEvent[] => {
  if (events.length < 2) return events;
  const over = new Set<string>();
  return events.filter((event) => {
    if (event.type !== 'blocker.resolved' && event.type !== 'task.cancelled') return true;
    const id = event.type === 'blocker.resolved' ? event.blockerId : event.taskId;
    const isFirst = !over.has(id);
    over.add(id);
    return isFirst;
  });
};

const phasesAfter = (state: CoordinatorState, task: number): CoordinatorEvent[] => {
  const phaseAt = cell(state.tasks.planPhase, task);
  if (phaseAt === NONE || !isWorkTask(state.tasks, task)) return [];
  const { id, phases } = planOf(state, task);
  return cascade({ planId: id, phases }, new Map([[phaseAt, { tasksDone: 1 }]]));
};

/** Blockers that waited for this task. One that waits for a cancelled task stays: a person has to decide. */
const liftedBy = (state: CoordinatorState, task: number): CoordinatorEvent[] =>
  [...(state.notes.get(task)?.lifts ?? [])].flatMap((blockerId) =>
    resolution(state, blockerId, { by: 'realm', resolution: `${idOf(state, task)} is done` }, task),
  );

/** The task's own blockers: with the task they are over. */
export const mootBlockers = (
  state: CoordinatorState,
  task: number,
  how: 'done' | 'cancelled',
): BlockerResolved[] => {
  const what = how === 'done' ? 'is done' : 'was cancelled';
  return [...(state.notes.get(task)?.blockers ?? [])].map((blockerId) =>
    resolved(state, blockerId, { by: 'realm', resolution: `${idOf(state, task)} ${what}` }),
  );
};

interface Ending {
  readonly by: string;
  readonly resolution: string;
}

const resolved = (
  state: CoordinatorState,
  blockerId: string,
  { by, resolution: how }: Ending,
): BlockerResolved => {
  const blocker = must(state.blockers.get(blockerId), 'a note of no blocker');
  return {
    blockerId,
    by,
    resolution: how,
    taskId: idOf(state, blocker.task),
    type: 'blocker.resolved',
  };
};

/** The end of a blocker with the help that is over with it, but for a task that is being finished now. */
export const resolution = (
  state: CoordinatorState,
  blockerId: string,
  ending: Ending,
  but: number,
): CoordinatorEvent[] => {
  const event = resolved(state, blockerId, ending);
  return [event, ...helpOver(state, event, but)];
};

/** Unfinished help ends with its blocker: leases end, and what they had not spent is given back. */
const helpOver = (
  state: CoordinatorState,
  { blockerId, resolution: why }: BlockerResolved,
  but: number,
): CoordinatorEvent[] => {
  const blocker = must(state.blockers.get(blockerId), 'a note of no blocker');
  return unfinishedHelp(state, blocker, but).flatMap((task) => [
    dissolved(state, task, why),
    ...consequences(state, task, 'cancelled'),
  ]);
};

/** A help task is done: its helper has spoken, and with the last of them the blocker is lifted. */
const helped = (state: CoordinatorState, task: number, by: string): CoordinatorEvent[] => {
  const blocker = state.blockers.get(state.notes.get(task)?.helps ?? '');
  if (blocker === undefined || blocker.resolution !== undefined) return [];
  const declared = must(
    declaredBy(state, blocker, by, idOf(state, task)),
    'a help that says nothing',
  );
  if (!declared.isLifted) return [declared.event];
  const what = `${counted(quorumOf(state, blocker), 'helper')} said so`;
  return [
    declared.event,
    ...resolution(state, blocker.id, { by: 'realm', resolution: what }, task),
  ];
};

/** Parking after the last attempt that a task has: one alert instead of trying for ever. */
export const parkedAfter = (state: CoordinatorState, task: number, why: string): TaskParked[] => {
  const attempt = cell(state.tasks.attempts, task) + 1;
  if (attempt < cell(state.tasks.attemptsMax, task)) return [];
  const reason = `${counted(attempt, 'attempt')} failed; the last one: ${why}`;
  return [parked(idOf(state, task), reason.slice(0, PARKED_REASON_CHARS_MAX))];
};

export const parked = (taskId: string, reason: string): TaskParked => ({
  reason,
  taskId,
  type: 'task.parked',
});
