/** Which tasks could be begun, by five rules of rising strictness, and what the fabric itself will offer. */
import { NESTING_MAX } from '../readers/draft.ts';
import type { Draft, DraftTask } from '../readers/draft.ts';
import { phasesBefore } from './graph.ts';

export interface Readiness {
  /** Open, and every present `blocks` target done. */
  readonly count: number;
  readonly tasks: readonly string[];
  /** Also: a dangling `blocks` target, or a task of another plan, blocks. */
  readonly strict: number;
  /** As `count`, and no ancestor is blocked. */
  readonly inherited: number;
  /** Beads’ own rule: inherited, without ephemeral or pinned rows and rows that are no work; pinned rows block nobody. */
  readonly beadsRule: number;
  /** Beads’ rule, without epics and rows with an unfinished child. */
  readonly leafWork: number;
  /** What the fabric offers right after the plan is submitted: it knows neither claims nor holders of the source. */
  readonly afterSubmit: number;
}

const NOT_WORK = new Set(['merge-request', 'gate', 'molecule', 'message', 'agent', 'role', 'rig']);

export const readinessOf = (draft: Draft, { reopen }: { readonly reopen: boolean }): Readiness => {
  const taskOf = new Map(draft.tasks.map((task) => [task.id, task]));
  const blockers = new Map<string, string[]>();
  const parentOf = new Map<string, string>();
  const waitsElsewhere = new Set<string>();
  for (const { from, to, type } of draft.edges) {
    if (type === 'parent-child') parentOf.set(from, to);
    else if (type === 'blocks') blockers.set(from, [...(blockers.get(from) ?? []), to]);
    else if (type === 'other-plan') waitsElsewhere.add(from);
  }
  const closedPhases = closedPhasesOf(draft, { reopen: false });

  const blocked = (id: string, { pinnedBlocks = true } = {}): boolean =>
    (blockers.get(id) ?? []).some((other) => {
      const task = taskOf.get(other);
      return task !== undefined && !task.done && (pinnedBlocks || !task.pinned);
    });
  const ancestorBlocked = (id: string, rule?: { pinnedBlocks: boolean }): boolean => {
    let ancestor = parentOf.get(id);
    for (let steps = 0; ancestor !== undefined && steps < NESTING_MAX; steps += 1) {
      if (blocked(ancestor, rule)) return true;
      ancestor = parentOf.get(ancestor);
    }
    return false;
  };
  const dangles = (id: string): boolean =>
    waitsElsewhere.has(id) || (blockers.get(id) ?? []).some((other) => !taskOf.has(other));
  const openTasks = draft.tasks.filter(
    ({ open, done, filler, phase }) =>
      open && !done && !filler && !(phase !== undefined && closedPhases.has(phase)),
  );
  const unfinishedParents = new Set<string>();
  for (const { id, done } of draft.tasks) {
    const parent = parentOf.get(id);
    if (!done && parent !== undefined) unfinishedParents.add(parent);
  }
  const plain = openTasks.filter(({ id }) => !blocked(id));
  const beads = openTasks.filter(
    ({ id, ephemeral, pinned, type }) =>
      !ephemeral &&
      !pinned &&
      !NOT_WORK.has(type ?? '') &&
      !blocked(id, { pinnedBlocks: false }) &&
      !ancestorBlocked(id, { pinnedBlocks: false }),
  );
  return {
    count: plain.length,
    tasks: plain.map(({ id }) => id),
    strict: plain.filter(({ id }) => !dangles(id)).length,
    inherited: plain.filter(({ id }) => !ancestorBlocked(id)).length,
    beadsRule: beads.length,
    leafWork: beads.filter(({ id, type }) => type !== 'epic' && !unfinishedParents.has(id)).length,
    afterSubmit: offered({ draft, blockers, taskOf, waitsElsewhere, reopen }),
  };
};

/** A dependency on a task of another plan counts as unfinished: this source cannot know better. */
const offered = ({ draft, blockers, taskOf, waitsElsewhere, reopen }: Offer): number => {
  const closed = closedPhasesOf(draft, { reopen });
  const finished = (task: DraftTask | undefined): boolean =>
    task === undefined || (task.done && !reopen);
  return draft.tasks.filter(
    (task) =>
      !finished(task) &&
      !(task.phase !== undefined && closed.has(task.phase)) &&
      !waitsElsewhere.has(task.id) &&
      (blockers.get(task.id) ?? []).every(
        (other) => other === task.id || finished(taskOf.get(other)),
      ),
  ).length;
};

interface Offer {
  readonly draft: Draft;
  readonly blockers: ReadonlyMap<string, readonly string[]>;
  readonly taskOf: ReadonlyMap<string, DraftTask>;
  readonly waitsElsewhere: ReadonlySet<string>;
  readonly reopen: boolean;
}

/** Phases that are not open when the plan is read: something before them is unfinished, or a person must open them. */
const closedPhasesOf = (
  draft: Draft,
  { reopen }: { readonly reopen: boolean },
): ReadonlySet<string> => {
  const unfinished = new Set<string>();
  for (const { phase, done, filler } of draft.tasks)
    if (phase !== undefined && !filler && (!done || reopen)) unfinished.add(phase);
  const before = phasesBefore(draft.phases);
  const closed = new Set(
    draft.phases.filter(({ autonomous }) => autonomous === true).map(({ id }): string => id),
  );
  // A phase that is closed keeps every later one closed; one round per phase reaches the end of any chain.
  for (let round = 0; round < draft.phases.length; round += 1) {
    const size = closed.size;
    for (const { id } of draft.phases) {
      if ((before.get(id) ?? []).some((other) => closed.has(other) || unfinished.has(other)))
        closed.add(id);
    }
    if (closed.size === size) break;
  }
  return closed;
};
