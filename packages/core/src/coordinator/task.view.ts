/** What readers see of tasks, blockers and sessions. */
import type { BlockerRow, OutputOf, SessionRow, TaskPhase, TaskRow } from '@infrafabric/protocol';
import {
  cell,
  eachDependant,
  eachDependency,
  isHelp,
  NONE,
  PHASE,
  phaseName,
  priorityOf,
} from './columns.ts';
import { limitOfHelp, quorumOf } from './help.ts';
import { judge } from './liveness.ts';
import type { Presence } from './liveness.ts';
import { havesOf, holderOf, idOf, needsOf, specOf } from './state.ts';
import type { BlockerState, CoordinatorState, PlanState, SessionState } from './state.ts';

/** Dependants listed of one task; a task with more is asked for through its dependants. */
const DEPENDANTS_LISTED_MAX = 1_000;

/** From which renewal a task's lease is counted: the leader's memory knows, the log does not. */
export type RenewedAt = (task: number) => number | undefined;

export const taskRow = (state: CoordinatorState, task: number, renewedAt: RenewedAt): TaskRow => {
  const { tasks } = state;
  const spec = specOf(state, task);
  const holder = holderOf(state, task);
  const since = cell(tasks.grantedAt, task);
  let waitsFor = 0;
  eachDependency(tasks, state.edges, task, (dependency) => {
    if (cell(tasks.phase, dependency) !== PHASE.done) waitsFor += 1;
  });
  const held =
    holder === undefined
      ? {}
      : {
          holder: {
            sessionId: holder.id,
            agent: holder.agent,
            since,
            until: (renewedAt(task) ?? since) + cell(tasks.leaseMs, task),
          },
        };
  // Ids and times inside the state were parsed when they came in.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    taskId: idOf(state, task),
    title: spec.title,
    phase: phaseName(tasks, task),
    ...(spec.phase === undefined ? {} : { planPhase: spec.phase }),
    priority: priorityOf(tasks, task),
    filler: spec.filler === true,
    ...(isHelp(tasks, task) ? { helps: state.notes.get(task)?.helps } : {}),
    fence: cell(tasks.fence, task),
    attempts: cell(tasks.attempts, task),
    attemptsMax: cell(tasks.attemptsMax, task),
    ...held,
    waitsFor,
  } as TaskRow;
};

export const taskDetail = (
  state: CoordinatorState,
  task: number,
  renewedAt: RenewedAt,
): OutputOf<'tasks.show'> => {
  const notes = state.notes.get(task);
  const dependsOn: { taskId: string; phase: TaskPhase }[] = [];
  const dependants: string[] = [];
  eachDependency(state.tasks, state.edges, task, (dependency) => {
    dependsOn.push({ taskId: idOf(state, dependency), phase: phaseName(state.tasks, dependency) });
  });
  eachDependant(state.tasks, state.edges, task, (dependant) => {
    if (dependants.length < DEPENDANTS_LISTED_MAX) dependants.push(idOf(state, dependant));
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    ...taskRow(state, task, renewedAt),
    spec: specOf(state, task),
    dependsOn,
    dependants,
    blockers: [...(notes?.blockers ?? [])],
    ...(notes?.evidence === undefined ? {} : { evidence: notes.evidence }),
    ...(notes?.parkedFor === undefined ? {} : { parkedFor: notes.parkedFor }),
    ...(notes?.progress === undefined ? {} : { lastProgress: notes.progress }),
  } as OutputOf<'tasks.show'>;
};

export interface TaskFilter {
  readonly plan?: PlanState | undefined;
  readonly phase?: TaskPhase | undefined;
  /** Only tasks behind this one; NONE: all. */
  readonly behind: number;
}

/** Indexes of the tasks of a plan, or of all plans, in a phase or in any, in the order in which they came. */
export const tasksWhere = function* (
  state: CoordinatorState,
  { plan, phase, behind }: TaskFilter,
): Generator<number> {
  const wanted = phase === undefined ? NONE : PHASE[phase];
  for (const { from, to } of plan?.ranges ?? [{ from: 0, to: state.tasks.count }]) {
    for (let task = Math.max(from, behind + 1); task < to; task += 1)
      if (wanted === NONE || cell(state.tasks.phase, task) === wanted) yield task;
  }
};

/** What only the leader's memory knows of a session. */
export type Seen = Omit<Presence, 'openedAt' | 'leases' | 'leasedAt' | 'closed'>;

export const sessionRow = (
  state: CoordinatorState,
  session: SessionState,
  seen: {
    readonly presence: Seen;
    readonly at: number;
  },
): SessionRow => {
  let leasedAt = session.openedAt;
  for (const task of session.leases)
    leasedAt = Math.max(leasedAt, cell(state.tasks.grantedAt, task));
  const { liveness, reason } = judge(
    {
      ...seen.presence,
      openedAt: session.openedAt,
      leases: session.leases.size,
      leasedAt,
      closed: session.closed !== undefined,
    },
    seen.at,
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    sessionId: session.id,
    agent: session.agent,
    role: session.role,
    ...(session.swarm === undefined ? {} : { swarm: session.swarm }),
    status: session.closed === undefined ? 'open' : 'closed',
    liveness,
    reason,
    lastEvidenceAt: seen.presence.seenAt ?? session.openedAt,
    lastEvidence: seen.presence.seen ?? 'heartbeat',
    openedAt: session.openedAt,
    capabilities: [...havesOf(state, session)],
    leases: [...session.leases].map((task) => idOf(state, task)),
  } as SessionRow;
};

/** Who has a help task or had it when it was done. */
const helperOf = (
  state: CoordinatorState,
  { declared }: BlockerState,
  task: number,
): { readonly sessionId?: string } => {
  const id = idOf(state, task);
  const sessionId =
    holderOf(state, task)?.id ?? declared.find(({ taskId }) => taskId === id)?.sessionId;
  return sessionId === undefined ? {} : { sessionId };
};

export const blockerRow = (state: CoordinatorState, blocker: BlockerState): BlockerRow =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  ({
    blockerId: blocker.id,
    taskId: idOf(state, blocker.task),
    kind: blocker.kind,
    title: blocker.title,
    needs: [...blocker.needs],
    ...(blocker.waitsOn === undefined ? {} : { waitsOn: idOf(state, blocker.waitsOn) }),
    status: blocker.resolution === undefined ? 'open' : 'resolved',
    raisedBy: blocker.raisedBy,
    raisedAt: blocker.raisedAt,
    helpers: [...blocker.helpers],
    help: blocker.help.map(({ task, relation }) => ({
      taskId: idOf(state, task),
      needs: [...needsOf(state, task)],
      phase: phaseName(state.tasks, task),
      limitMicroUsd: limitOfHelp(state, task),
      ...(relation === undefined ? {} : { relation }),
      ...helperOf(state, blocker, task),
    })),
    blocks: blocker.blocks,
    declared: blocker.declared.map(({ sessionId }) => sessionId),
    quorum: quorumOf(state, blocker),
    escalateAt: blocker.escalateAt,
    ...(blocker.resolution === undefined ? {} : { resolution: blocker.resolution }),
  }) as BlockerRow;
