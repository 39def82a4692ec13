/**
 * Help with a blocker: a task of its own for each side of what is needed, before all other work, and over with the
 * blocker. The holder of the blocked task takes in what the helpers did and goes on.
 */
import { DESCRIPTION_CHARS_MAX, REASON_CHARS_MAX, TITLE_CHARS_MAX } from '@infrafabric/protocol';
import type { RelationKind, TaskSpec } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import { cell, eachDependant, NONE, PHASE } from './columns.ts';
import type {
  BlockerDeclared,
  BlockerJoined,
  HelpOffered,
  TaskCancelled,
  TaskLeased,
} from './events.ts';
import { addTasks } from './fold-plan.ts';
import { findTask } from './lease.ts';
import { idOf, notesOf, planOf, specOf } from './state.ts';
import type { BlockerState, CoordinatorState, SessionState } from './state.ts';

/** One side of a blocker and, where somebody waits who has room, who is leased it. */
export interface Share {
  readonly taskId: string;
  readonly needs: readonly string[];
  readonly limitMicroUsd: number;
  readonly session?: SessionState;
  readonly relation?: RelationKind;
}

/** Attempts of a help task: who fails at it twice is not who should help. */
const HELP_ATTEMPTS_MAX = 2;
/** Unfinished tasks behind a blocked one that are counted; more change nothing about its urgency. */
const BLOCKS_COUNTED_MAX = 10_000;
/** Tasks that wait behind a blocker, and the priority that its help has from there on. */
const URGENCY: readonly (readonly [number, number])[] = [
  [100, 0],
  [10, 1],
  [1, 2],
];
const URGENCY_LEAST = 3;

/** Unfinished tasks that wait for this one, however far behind it. */
export const blockedBehind = (state: CoordinatorState, task: number): number => {
  const seen = new Set([task]);
  for (const one of seen) {
    if (seen.size > BLOCKS_COUNTED_MAX) break;
    eachDependant(state.tasks, state.edges, one, (dependant) => {
      const phase = cell(state.tasks.phase, dependant);
      if (phase !== PHASE.done && phase !== PHASE.cancelled) seen.add(dependant);
    });
  }
  return seen.size - 1;
};

/** A blocker that holds up many is helped before one that holds up few. */
export const urgencyOf = (blocks: number): number =>
  URGENCY.find(([from]) => blocks >= from)?.[1] ?? URGENCY_LEAST;

/** Ids for the help tasks of a blocker. A plan may have a task of such a name: the next free one is taken. */
export const helpIds = (
  state: CoordinatorState,
  task: number,
  blockerId: string,
): (() => string) => {
  const plan = planOf(state, task).id;
  let n = 0;
  const next = (): string => {
    n += 1;
    const id = `${plan}/help.${blockerId}.${n}`;
    return findTask(state, id) === NONE ? id : next();
  };
  return next;
};

/** A blocker as its help is made of it: helpers are leased for as long as the lease of the blocked task is. */
export interface Helped {
  readonly blockerId: string;
  readonly priority: number;
  readonly leaseMs: number;
}

/** The events of offered shares: the help task, and for who has it, the lease and the helper's name on the blocker. */
export const helpEvents = (
  { blockerId, priority, leaseMs }: Helped,
  shares: readonly Share[],
): readonly (HelpOffered | TaskLeased | BlockerJoined)[] =>
  shares.flatMap(({ taskId, needs, limitMicroUsd, session, relation }) => {
    const offered: HelpOffered = {
      blockerId,
      limitMicroUsd,
      needs,
      priority,
      ...(relation === undefined ? {} : { relation }),
      taskId,
      type: 'help.offered',
    };
    return session === undefined
      ? [offered]
      : [offered, ...leased(blockerId, taskId, { sessionId: session.id, leaseMs })];
  });

const leased = (
  blockerId: string,
  taskId: string,
  { sessionId, leaseMs }: { readonly sessionId: string; readonly leaseMs: number },
): readonly [TaskLeased, BlockerJoined] => [
  { attempt: 1, fence: 1, leaseMs, sessionId, taskId, type: 'task.leased' },
  { blockerId, sessionId, type: 'blocker.joined' },
];

/** The specification of a help task: what it is judged by before it is offered is what it will be. */
export const helpSpec = (
  state: CoordinatorState,
  blocker: Pick<BlockerState, 'task' | 'kind' | 'title'>,
  offered: Pick<HelpOffered, 'taskId' | 'needs' | 'limitMicroUsd'>,
): TaskSpec => {
  const { title, repo, description } = specOf(state, blocker.task);
  return {
    // Offers are made of ids that were parsed when they came in.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    key: offered.taskId.slice(planOf(state, blocker.task).id.length + 1) as TaskSpec['key'],
    title: `Help: ${blocker.title}`.slice(0, TITLE_CHARS_MAX),
    description:
      `${blocker.kind} blocker of ${idOf(state, blocker.task)} (${title})${description === undefined ? '' : `\n\n${description}`}`.slice(
        0,
        DESCRIPTION_CHARS_MAX,
      ),
    type: 'help',
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    needs: [...offered.needs] as NonNullable<TaskSpec['needs']>,
    budget: { limitMicroUsd: offered.limitMicroUsd },
    attemptsMax: HELP_ATTEMPTS_MAX,
    ...(repo === undefined ? {} : { repo }),
  };
};

export const foldOffered = (state: CoordinatorState, event: HelpOffered): void => {
  const blocker = must(state.blockers.get(event.blockerId), 'help with no blocker');
  const from = state.tasks.count;
  const spec = helpSpec(state, blocker, event);
  addTasks(state, planOf(state, blocker.task), [spec], event.priority);
  blocker.help.push({
    task: from,
    ...(event.relation === undefined ? {} : { relation: event.relation }),
  });
  notesOf(state, from).helps = event.blockerId;
};

/** The most that a help task may cost, as it was offered. */
export const limitOfHelp = (state: CoordinatorState, task: number): number =>
  must(specOf(state, task).budget?.limitMicroUsd, 'help without a limit');

/**
 * Declarations that lift a blocker: as many as was asked for, or one for each help task that is not set aside or
 * cancelled, or one.
 */
export const quorumOf = (state: CoordinatorState, { quorum, help }: BlockerState): number => {
  if (quorum !== undefined) return quorum;
  const alive = help.filter(({ task }) => {
    const phase = cell(state.tasks.phase, task);
    return phase !== PHASE.cancelled && phase !== PHASE.parked;
  });
  return Math.max(1, alive.length);
};

/**
 * What a declaration adds: a helper's word, or the end of a help task. A helper who has spoken for itself and then
 * finishes its task is counted once.
 */
export const declaredBy = (
  state: CoordinatorState,
  blocker: BlockerState,
  sessionId: string,
  taskId: string | undefined,
): { readonly event: BlockerDeclared; readonly isLifted: boolean } | undefined => {
  const known = blocker.declared.some(
    (one) => one.sessionId === sessionId && (taskId === undefined || one.taskId === undefined),
  );
  if (known && taskId === undefined) return undefined;
  const count = blocker.declared.length + (known ? 0 : 1);
  return {
    event: {
      blockerId: blocker.id,
      sessionId,
      ...(taskId === undefined ? {} : { taskId }),
      type: 'blocker.declared',
    },
    isLifted: count >= quorumOf(state, blocker),
  };
};

export const foldDeclared = (state: CoordinatorState, event: BlockerDeclared): void => {
  const { sessionId, taskId, blockerId } = event;
  const { declared } = must(state.blockers.get(blockerId), 'a declaration on no blocker');
  const at = declared.findIndex((one) => one.sessionId === sessionId && one.taskId === undefined);
  const one = { sessionId, ...(taskId === undefined ? {} : { taskId }) };
  if (at < 0) declared.push(one);
  else declared[at] = one;
};

/** Help tasks of a blocker that are not finished, but for one that is being finished now. */
export const unfinishedHelp = (
  state: CoordinatorState,
  blocker: BlockerState,
  but: number,
): readonly number[] =>
  blocker.help
    .map(({ task }) => task)
    .filter((task) => {
      const phase = cell(state.tasks.phase, task);
      return task !== but && phase !== PHASE.done && phase !== PHASE.cancelled;
    });

export const dissolved = (state: CoordinatorState, task: number, why: string): TaskCancelled => ({
  reason: `the blocker is over: ${why}`.slice(0, REASON_CHARS_MAX),
  taskId: idOf(state, task),
  type: 'task.cancelled',
});
