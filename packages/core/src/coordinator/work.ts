/** Decisions of the holder of a lease: progress, release, completion, failure; and the end of a lease by time. */
import { reject } from '@infrafabric/protocol';
import type { Evidence, Rejection, TaskSpec } from '@infrafabric/protocol';
import { accept } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { cascade } from './cascade.ts';
import { grantAfter } from './claim.ts';
import { cell, eachDependant, NONE, PHASE } from './columns.ts';
import type { BlockerResolved, CoordinatorEvent, TaskParked } from './events.ts';
import { findTask, heldBy, noTask } from './lease.ts';
import { holderOf, idOf, planOf, rivals, specOf } from './state.ts';
import type { CoordinatorState } from './state.ts';

/** Released tasks that a completion's event names; a feed learns of the others by asking. */
export const RELEASES_LISTED_MAX = 100;

export const decideProgress = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.progress'>>,
): Decision => {
  const held = heldBy(state, command);
  if (held.kind !== 'held') return held;
  const { note, percent, artifact, evidence } = command.args;
  return accept({
    ...(artifact === undefined ? {} : { artifact }),
    evidence: evidence ?? 'output',
    fence: command.args.fence.n,
    ...(note === undefined ? {} : { note }),
    ...(percent === undefined ? {} : { percent }),
    sessionId: held.session.id,
    taskId: command.args.taskId,
    type: 'task.progressed',
  });
};

export const decideRelease = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.release'>>,
): Decision => {
  const held = heldBy(state, command);
  if (held.kind !== 'held') return held;
  const { reason, fence, taskId } = command.args;
  return accept({
    fence: fence.n,
    ...(reason === undefined ? {} : { reason }),
    sessionId: held.session.id,
    taskId,
    type: 'task.released',
  });
};

export const decideComplete = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.complete'>>,
): Decision => {
  const held = heldBy(state, command);
  if (held.kind !== 'held') return held;
  const { taskId, evidence, fence, next } = command.args;
  const { task, session } = held;
  const spec = specOf(state, task);
  const byRunner = session.role === 'runner';
  const fault =
    faultInEvidence(spec, evidence, taskId) ??
    (byRunner ? faultInGates(spec, evidence?.gates, taskId) : undefined);
  if (fault !== undefined) return fault;
  const common = { ...(evidence === undefined ? {} : { evidence }), fence: fence.n };
  // Gates are run by the fabric, never by the worker: its completion waits for a verdict.
  if ((spec.gates?.length ?? 0) > 0 && !byRunner) {
    const follow = next === true ? grantAfter(state, session, []) : undefined;
    const submitted: CoordinatorEvent = {
      ...common,
      sessionId: session.id,
      taskId,
      type: 'task.submitted',
    };
    return accept(submitted, ...(follow === undefined ? [] : [follow]));
  }
  const released = releasedBy(state, task);
  const follow = next === true ? grantAfter(state, session, released) : undefined;
  const completed: CoordinatorEvent = {
    ...common,
    ...releasesOf(state, released),
    sessionId: session.id,
    taskId,
    type: 'task.completed',
  };
  return accept(
    completed,
    ...consequences(state, task, 'done'),
    ...(follow === undefined ? [] : [follow]),
  );
};

const faultInEvidence = (
  spec: TaskSpec,
  evidence: Evidence | undefined,
  taskId: string,
): Rejection | undefined => {
  if (evidence?.exitCode !== undefined && evidence.exitCode !== 0) {
    return reject(
      'gate.failed',
      `${taskId} ended with exit code ${evidence.exitCode}; say so with tasks.fail.`,
      {
        taskId,
        exitCode: evidence.exitCode,
      },
    );
  }
  if (spec.expects?.includes('diff') === true && (evidence?.diff?.filesChanged ?? 0) === 0) {
    return reject(
      'evidence.missing',
      `${taskId} asks for a change of files, and the evidence shows none.`,
      {
        taskId,
        missing: 'diff',
      },
    );
  }
  if (spec.expects?.includes('artifact') === true && (evidence?.artifacts?.length ?? 0) === 0) {
    return reject(
      'evidence.missing',
      `${taskId} asks for an artifact, and the evidence names none.`,
      {
        taskId,
        missing: 'artifact',
      },
    );
  }
  return undefined;
};

const faultInGates = (
  spec: TaskSpec,
  results: Evidence['gates'],
  taskId: string,
): Rejection | undefined => {
  for (const { name } of spec.gates ?? []) {
    const result = results?.find((one) => one.name === name);
    if (result === undefined) {
      return reject('evidence.missing', `${taskId} has no result of its gate "${name}".`, {
        taskId,
        missing: name,
      });
    }
    if (!result.ok)
      return reject('gate.failed', `Gate "${name}" of ${taskId} did not pass.`, {
        taskId,
        gate: name,
      });
  }
  return undefined;
};

/**
 * Tasks that nothing but this one holds back: its dependants, and, while it is leased, those whose paths its lease owns.
 */
const releasedBy = (state: CoordinatorState, task: number): number[] => {
  const holds = new Map<number, number>();
  const count = (other: number): void => void holds.set(other, (holds.get(other) ?? 0) + 1);
  eachDependant(state.tasks, state.edges, task, count);
  if (cell(state.tasks.phase, task) === PHASE.leased) rivals(state, task).forEach(count);
  return [...holds].flatMap(([other, mine]) =>
    cell(state.tasks.phase, other) === PHASE.waiting && cell(state.tasks.holds, other) === mine
      ? [other]
      : [],
  );
};

const releasesOf = (
  state: CoordinatorState,
  released: readonly number[],
): { readonly releases?: readonly string[] } =>
  released.length === 0
    ? {}
    : {
        releases: released.slice(0, RELEASES_LISTED_MAX).map((dependant) => idOf(state, dependant)),
      };

/** What else is true once a task is finished: phases pass and open, blockers that waited for it are lifted. */
const consequences = (
  state: CoordinatorState,
  task: number,
  how: 'done' | 'cancelled',
): CoordinatorEvent[] => {
  const plan = planOf(state, task);
  const phaseAt = cell(state.tasks.planPhase, task);
  const counts = specOf(state, task).filler !== true;
  const phases =
    phaseAt === NONE || !counts
      ? []
      : cascade({ planId: plan.id, phases: plan.phases }, new Map([[phaseAt, { tasksDone: 1 }]]));
  return [...phases, ...(how === 'done' ? lifted(state, task) : [])];
};

const lifted = (state: CoordinatorState, task: number): BlockerResolved[] =>
  [...(state.notes.get(task)?.lifts ?? [])].flatMap((blockerId) => {
    const blocker = state.blockers.get(blockerId);
    if (blocker === undefined) return [];
    return [
      {
        blockerId,
        by: 'realm',
        resolution: `${idOf(state, task)} is done`,
        taskId: idOf(state, blocker.task),
        type: 'blocker.resolved',
      },
    ];
  });

export const decideFail = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.fail'>>,
): Decision => {
  const held = heldBy(state, command);
  if (held.kind !== 'held') return held;
  const { taskId, reason, retry, fence } = command.args;
  const attempt = cell(state.tasks.attempts, held.task) + 1;
  const parked =
    retry === false ? parkedFor(taskId, reason) : parkedAfter(state, held.task, reason);
  return accept(
    { attempt, fence: fence.n, reason, sessionId: held.session.id, taskId, type: 'task.failed' },
    ...parked,
  );
};

const parkedFor = (taskId: string, reason: string): TaskParked[] => [
  { reason, taskId, type: 'task.parked' },
];

/** The last attempt that a task has: it is parked with one alert instead of tried for ever. */
const parkedAfter = (state: CoordinatorState, task: number, why: string): TaskParked[] => {
  const attempt = cell(state.tasks.attempts, task) + 1;
  if (attempt < cell(state.tasks.attemptsMax, task)) return [];
  return parkedFor(
    idOf(state, task),
    `${attempt} attempts failed; the last one: ${why}`.slice(0, 2_000),
  );
};

/** C3: the engine says from which renewal it counted; a lease that was renewed since is another call's business. */
export const decideExpireLease = (
  state: CoordinatorState,
  command: Command<ArgsOf<'leases.expire'>>,
): Decision => {
  const { taskId, fence, renewedAt } = command.args;
  const task = findTask(state, taskId);
  const holder = task === NONE ? undefined : holderOf(state, task);
  if (holder === undefined || cell(state.tasks.fence, task) !== fence) {
    return reject('lease.stale', `There is no lease of ${taskId} with fence ${fence}.`, {
      taskId,
      fence,
    });
  }
  if (command.at < renewedAt + cell(state.tasks.leaseMs, task)) {
    return reject('lease.stale', `The lease of ${taskId} has not ended.`, { taskId, fence });
  }
  const attempt = cell(state.tasks.attempts, task) + 1;
  return accept(
    { attempt, fence, renewedAt, sessionId: holder.id, taskId, type: 'lease.expired' },
    ...parkedAfter(state, task, 'its lease expired'),
  );
};

export const decideJudge = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.judge'>>,
): Decision => {
  const { taskId, verdict, gates, reason, sessionId } = command.args;
  const task = findTask(state, taskId);
  if (task === NONE) return noTask(taskId);
  if (cell(state.tasks.phase, task) !== PHASE.submitted) {
    return reject('task.not_submitted', `${taskId} does not wait for a verdict.`, { taskId });
  }
  const judge = state.sessions.get(sessionId ?? command.session ?? '');
  const author = state.notes.get(task)?.author;
  const by = judge?.agent ?? command.principal;
  if (author !== undefined && (judge?.id === author.session || by === author.agent)) {
    return reject('review.own_work', `${by} submitted ${taskId}; another one has to judge it.`, {
      taskId,
      by,
    });
  }
  const results = gates === undefined ? {} : { gates };
  if (verdict === 'reject') {
    const why = reason ?? 'sent back';
    return accept(
      { by, ...results, reason: why, taskId, type: 'task.rejected' },
      ...parkedAfter(state, task, why),
    );
  }
  // An operator may accept on their own word, with a reason that the log keeps; a runner must bring the results.
  const onTheirWord =
    command.cred === 'operator' && sessionId === undefined && reason !== undefined;
  const fault =
    onTheirWord && gates === undefined
      ? undefined
      : faultInGates(specOf(state, task), gates, taskId);
  if (fault !== undefined) return fault;
  return accept(
    {
      by,
      ...results,
      ...releasesOf(state, releasedBy(state, task)),
      taskId,
      type: 'task.accepted',
    },
    ...consequences(state, task, 'done'),
  );
};

export const decideCancelTask = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.cancel'>>,
): Decision => {
  const { taskId, reason } = command.args;
  const task = findTask(state, taskId);
  if (task === NONE) return noTask(taskId);
  const fault = finishedFault(state, task);
  if (fault !== undefined) return fault;
  return accept(
    { reason, taskId, type: 'task.cancelled' },
    ...consequences(state, task, 'cancelled'),
  );
};

const finishedFault = (state: CoordinatorState, task: number): Rejection | undefined => {
  const taskId = idOf(state, task);
  const phase = cell(state.tasks.phase, task);
  if (phase === PHASE.done) return reject('task.done', `${taskId} is done.`, { taskId });
  if (phase === PHASE.cancelled)
    return reject('task.cancelled', `${taskId} was cancelled.`, { taskId });
  return undefined;
};

export const decidePark = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.park'>>,
): Decision => {
  const { taskId, reason } = command.args;
  const task = findTask(state, taskId);
  if (task === NONE) return noTask(taskId);
  const fault = finishedFault(state, task);
  if (fault !== undefined) return fault;
  if (cell(state.tasks.phase, task) === PHASE.parked) {
    return reject('task.parked', `${taskId} is parked already.`, { taskId });
  }
  return accept(...parkedFor(taskId, reason));
};

export const decideUnpark = (
  state: CoordinatorState,
  command: Command<ArgsOf<'tasks.unpark'>>,
): Decision => {
  const { taskId } = command.args;
  const task = findTask(state, taskId);
  if (task === NONE) return noTask(taskId);
  if (cell(state.tasks.phase, task) !== PHASE.parked) {
    return reject('task.not_parked', `${taskId} is not parked.`, { taskId });
  }
  return accept({ taskId, type: 'task.unparked' });
};
