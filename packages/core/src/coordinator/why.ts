/** Why is this task not running? The reasons, as facts of the state and as sentences. */
import type { TaskId, Timestamp, WhyNot, SessionId } from '@infrafabric/protocol';
import { cell, eachDependency, PHASE, phaseName } from './columns.ts';
import { overlapping } from './paths.ts';
import { holderOf, idOf, planOf, specOf } from './state.ts';
import type { CoordinatorState } from './state.ts';

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
    reasons.push({ code: 'dependency', text: `it depends on ${more} more unfinished tasks` });
  return reasons;
};

const byPhase = (state: CoordinatorState, task: number): WhyNot[] => {
  const plan = planOf(state, task);
  const phase = plan.phases[cell(state.tasks.planPhase, task)];
  if (phase === undefined || phase.status !== 'closed') return [];
  const waits = phase.after.flatMap((at) => {
    const before = plan.phases[at];
    if (before === undefined || before.status === 'passed') return [];
    const approvals = before.approvalsNeeded - before.approvals.length;
    const red = before.checks.filter(({ ok }) => ok !== true).map(({ name }) => name);
    const parts = [
      before.tasksLeft > 0 ? `${before.tasksLeft} tasks left` : '',
      red.length > 0 ? `checks not green: ${red.join(', ')}` : '',
      approvals > 0 ? `${approvals} approvals missing` : '',
      before.status === 'closed' ? 'not open itself' : '',
    ];
    return [
      `phase ${before.key} has not passed (${parts.filter((part) => part !== '').join(', ')})`,
    ];
  });
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

const byPaths = (state: CoordinatorState, task: number): WhyNot[] => {
  const { repo, owns } = specOf(state, task);
  if (owns === undefined || owns.length === 0) return [];
  return overlapping(state.paths, repo ?? '', { task, owns })
    .filter((rival) => cell(state.tasks.phase, rival) === PHASE.leased)
    .slice(0, LISTED_MAX)
    .map((rival) => ({
      code: 'path',
      text: `${idOf(state, rival)}, leased by ${holderOf(state, rival)?.agent ?? '?'}, owns an overlapping path`,
      task: asTask(idOf(state, rival)),
    }));
};

const byBlockers = (state: CoordinatorState, task: number): WhyNot[] =>
  [...(state.notes.get(task)?.blockers ?? [])].slice(0, LISTED_MAX).map((id) => {
    const blocker = state.blockers.get(id);
    return { code: 'blocked', text: `blocker ${id} is open: ${blocker?.title ?? ''}` };
  });

const byVerdict = (state: CoordinatorState, task: number): WhyNot[] => {
  if (cell(state.tasks.phase, task) !== PHASE.submitted) return [];
  const author = state.notes.get(task)?.author;
  return [
    {
      code: 'submitted',
      text: `it was submitted by ${author?.agent ?? '?'} and waits for its gates or a review`,
    },
  ];
};

/** The whole answer, whatever the task's phase is. */
export const explain = (state: CoordinatorState, task: number): WhyNot[] => {
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
      const why = state.notes.get(task)?.parkedFor ?? '';
      return [
        { code: 'parked', text: `it is parked: ${why} (ifab task unpark ${idOf(state, task)})` },
      ];
    }
    case 'leased':
      return [leasedReason(state, task), ...byBlockers(state, task)];
    case 'ready':
      return [...paused, ...whoCould(state, task)];
    case 'waiting':
    case 'blocked':
    case 'submitted':
      return [...paused, ...whyNotReady(state, task)];
  }
};

const leasedReason = (state: CoordinatorState, task: number): WhyNot => {
  const holder = holderOf(state, task);
  const until = cell(state.tasks.grantedAt, task) + cell(state.tasks.leaseMs, task);
  return {
    code: 'leased',
    text: `it is leased by ${holder?.agent ?? '?'} (session ${holder?.id ?? '?'}) under fence ${cell(state.tasks.fence, task)}`,
    ...(holder === undefined ? {} : { session: asSession(holder.id) }),
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    until: until as Timestamp,
  };
};

/** A ready task runs as soon as a session that can do it asks: is there one? */
const whoCould = (state: CoordinatorState, task: number): WhyNot[] => {
  const needs = state.capabilities.needs[cell(state.tasks.needs, task)] ?? [];
  let able = 0;
  let free = 0;
  for (const session of state.slots) {
    if (session === undefined || session.closed !== undefined) continue;
    if (
      state.capabilities.covers[session.capabilities]?.has(cell(state.tasks.needs, task)) !== true
    )
      continue;
    able += 1;
    if (session.leases.size < session.leasesMax) free += 1;
  }
  if (able === 0) {
    const what =
      needs.length === 0 ? 'no session is open' : `no open session has ${needs.join(', ')}`;
    return [
      { code: needs.length === 0 ? 'no-session' : 'capability', text: `it is ready, but ${what}` },
    ];
  }
  const text =
    free === 0
      ? `all ${able} sessions that could take it are busy`
      : `${free} sessions could take it now`;
  return [{ code: 'ready', text: `it is ready; ${text}` }];
};
