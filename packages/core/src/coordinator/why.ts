/** Why is this task not running? The reasons, as facts of the state and as sentences. */
import { timestamp } from '@infrafabric/protocol';
import type { SessionId, TaskId, WhyNot } from '@infrafabric/protocol';
import { cell, eachDependency, PHASE, phaseName } from './columns.ts';
import { overlapping } from './paths.ts';
import {
  covers,
  holderNow,
  holderOf,
  idOf,
  needsOf,
  planOf,
  planPhaseOf,
  specOf,
} from './state.ts';
import type { CoordinatorState, PhaseState } from './state.ts';
import { must } from '../kernel/decision.ts';
import { counted } from '../kernel/words.ts';
import type { RenewedAt } from './task.view.ts';

/** Reasons listed of one kind; the rest is counted. */
const LISTED_MAX = 20;

// Ids inside the state were parsed when they came in.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const asTask = (id: string): TaskId => id as TaskId;
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const asSession = (id: string): SessionId => id as SessionId;

/** What holds a task back that is neither finished nor leased. Empty when nothing does. */
export const whyNotReady = (state: CoordinatorState, task: number): WhyNot[] => [
  ...byDependencies(state, task),
  ...byPhase(state, task),
  ...byPaths(state, task),
  ...byBlockers(state, task),
  ...byVerdict(state, task),
];

const byDependencies = (state: CoordinatorState, task: number): WhyNot[] => {
  const reasons: WhyNot[] = [];
  let more = 0;
  eachDependency(state.tasks, state.edges, task, (dependency) => {
    if (cell(state.tasks.phase, dependency) === PHASE.done) return;
    if (reasons.length === LISTED_MAX) {
      more += 1;
      return;
    }
    const id = idOf(state, dependency);
    const phase = phaseName(state.tasks, dependency);
    const holder = holderOf(state, dependency);
    const by = holder === undefined ? '' : ` by ${holder.agent}`;
    const never = phase === 'cancelled' ? ' (drop the dependency with plans.edit)' : '';
    reasons.push({
      code: 'dependency',
      text: `it depends on ${id}, which is ${phase}${by}${never}`,
      task: asTask(id),
    });
  });
  if (more > 0)
    reasons.push({
      code: 'dependency',
      text: `it depends on ${counted(more, 'other unfinished task')}`,
    });
  return reasons;
};

const byPhase = (state: CoordinatorState, task: number): WhyNot[] => {
  const plan = planOf(state, task);
  const phase = planPhaseOf(state, task);
  if (phase?.status !== 'closed') return [];
  const waits = phase.after
    .map((at) => must(plan.phases[at], 'a phase after none'))
    .filter(({ status }) => status !== 'passed')
    .map(notPassed);
  if (waits.length > 0)
    return [{ code: 'phase', text: `its phase ${phase.key} is closed: ${waits.join('; ')}` }];
  const command = `ifab phase approve ${plan.id} ${phase.key}`;
  return [
    {
      code: 'phase',
      text: `its phase ${phase.key} is autonomous and waits for an operator: ${command}`,
    },
  ];
};

const notPassed = (phase: PhaseState): string => {
  const approvals = phase.approvalsNeeded - phase.approvals.length;
  const red = phase.checks.filter(({ ok }) => ok !== true).map(({ name }) => name);
  const parts = [
    phase.tasksLeft > 0 ? `${counted(phase.tasksLeft, 'task')} left` : '',
    red.length > 0 ? `checks not green: ${red.join(', ')}` : '',
    approvals > 0 ? `${counted(approvals, 'approval')} missing` : '',
    phase.status === 'closed' ? 'not open itself' : '',
  ];
  return `phase ${phase.key} has not passed (${parts.filter((part) => part !== '').join(', ')})`;
};

const byPaths = (state: CoordinatorState, task: number): WhyNot[] => {
  const { repo, owns } = specOf(state, task);
  if (owns === undefined || owns.length === 0) return [];
  return overlapping(state.paths, repo ?? '', { task, owns })
    .filter((rival) => cell(state.tasks.phase, rival) === PHASE.leased)
    .slice(0, LISTED_MAX)
    .map((rival) => ({
      code: 'path',
      text: `${idOf(state, rival)}, leased by ${holderNow(state, rival).agent}, owns an overlapping path`,
      task: asTask(idOf(state, rival)),
    }));
};

const byBlockers = (state: CoordinatorState, task: number): WhyNot[] =>
  [...(state.notes.get(task)?.blockers ?? [])].slice(0, LISTED_MAX).map((id) => {
    const { title, waitsOn } = must(state.blockers.get(id), 'a note of no blocker');
    const text = `blocker ${id} is open: ${title}`;
    if (waitsOn === undefined) return { code: 'blocked', text };
    const target = idOf(state, waitsOn);
    const phase = phaseName(state.tasks, waitsOn);
    const never = phase === 'cancelled' ? ' (resolve it with blockers.resolve)' : '';
    return {
      code: 'blocked',
      text: `${text}; it waits on ${target}, which is ${phase}${never}`,
      task: asTask(target),
    };
  });

const byVerdict = (state: CoordinatorState, task: number): WhyNot[] => {
  if (cell(state.tasks.phase, task) !== PHASE.submitted) return [];
  const { agent } = must(state.notes.get(task)?.author, 'a submission of nobody');
  return [
    { code: 'submitted', text: `it was submitted by ${agent} and waits for its gates or a review` },
  ];
};

/** The whole answer, whatever the task's phase is. Without `renewedAt` it does not say until when a lease lasts. */
export const explain = (state: CoordinatorState, task: number, renewedAt?: RenewedAt): WhyNot[] => {
  const phase = phaseName(state.tasks, task);
  const plan = planOf(state, task);
  const paused: WhyNot[] =
    plan.status === 'paused'
      ? [{ code: 'paused', text: `plan ${plan.id} is paused: ifab plan resume ${plan.id}` }]
      : [];
  switch (phase) {
    case 'done':
      return [{ code: 'done', text: 'it is done' }];
    case 'cancelled':
      return [{ code: 'cancelled', text: 'it was cancelled' }];
    case 'parked': {
      const why = must(state.notes.get(task)?.parkedFor, 'a task parked for nothing');
      return [
        { code: 'parked', text: `it is parked: ${why} (ifab task unpark ${idOf(state, task)})` },
      ];
    }
    case 'leased':
      return [leasedReason(state, task, renewedAt), ...byBlockers(state, task)];
    case 'ready':
      return [...paused, whoCould(state, task)];
    case 'waiting':
    case 'blocked':
    case 'submitted':
      return [...paused, ...whyNotReady(state, task)];
  }
};

const leasedReason = (
  state: CoordinatorState,
  task: number,
  renewedAt: RenewedAt | undefined,
): WhyNot => {
  const { agent, id } = holderNow(state, task);
  const from = renewedAt?.(task);
  return {
    code: 'leased',
    text: `it is leased by ${agent} (session ${id}) under fence ${cell(state.tasks.fence, task)}`,
    session: asSession(id),
    ...(from === undefined ? {} : { until: timestamp(from + cell(state.tasks.leaseMs, task)) }),
  };
};

/** A ready task runs as soon as a session that can do it asks: is there one? */
const whoCould = (state: CoordinatorState, task: number): WhyNot => {
  const needs = needsOf(state, task);
  let able = 0;
  let free = 0;
  for (const session of state.slots) {
    if (session === undefined || session.closed !== undefined || !covers(state, session, task))
      continue;
    able += 1;
    if (session.leases.size < session.leasesMax) free += 1;
  }
  if (able > 0) {
    const text =
      free === 0
        ? `every session that could take it is busy (${able})`
        : `${counted(free, 'session')} could take it now`;
    return { code: 'ready', text: `it is ready; ${text}` };
  }
  return needs.length === 0
    ? { code: 'no-session', text: 'it is ready, but no session is open' }
    : { code: 'capability', text: `it is ready, but no open session has ${needs.join(', ')}` };
};
