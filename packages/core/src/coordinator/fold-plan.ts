/** Folding of plan and phase events. */
import { ATTEMPTS_MAX_DEFAULT } from '@infrafabric/protocol';
import type { PhaseSpec, TaskSpec } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import type { Entry } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import {
  addEdge,
  cell,
  dropEdge,
  eachDependency,
  FILLER_RANK,
  isHelp,
  NONE,
  PHASE,
  reserveEdges,
  reserveTasks,
  WORK_RANK,
} from './columns.ts';
import { internNeeds } from './capabilities.ts';
import type { PlanCancelled, PhaseApproved, PhaseChecked } from './events.ts';
import { addOwner, overlapping } from './paths.ts';
import {
  bump,
  endLease,
  enterPhase,
  findPlan,
  finish,
  hold,
  letGo,
  settle,
  specOf,
} from './state.ts';
import type { CoordinatorState, PhaseState, PlanState } from './state.ts';
import { addToIndex, lookUp } from './task-index.ts';

/** Priority where a task names none: the middle of 0 to 4. */
export const PRIORITY_DEFAULT = 2;

export const rankOf = (spec: Pick<TaskSpec, 'priority' | 'filler'>): number =>
  (spec.priority ?? PRIORITY_DEFAULT) + (spec.filler === true ? FILLER_RANK : WORK_RANK);

/** The rank of a task at another priority: a help task stays one. */
export const rankIn = (state: CoordinatorState, task: number, priority: number): number =>
  isHelp(state.tasks, task) ? priority : rankOf({ priority, filler: specOf(state, task).filler });

/** A dependency as a full task id. */
export const dependencyId = (planId: string, dependency: string): string =>
  dependency.includes('/') ? dependency : `${planId}/${dependency}`;

/** Whether a task counts as work that its phase and its plan have left. */
export const isWork = (spec: Pick<TaskSpec, 'filler' | 'imported'>): boolean =>
  spec.filler !== true && spec.imported?.done !== true;

/** For each phase the places of those before it: what `after` names, by default the one before it in the list. */
export const phaseLinks = (specs: readonly PhaseSpec[]): readonly (readonly number[])[] => {
  const places = new Map<string, number>(specs.map(({ id }, i) => [id, i]));
  return specs.map(({ after }, i) =>
    after === undefined
      ? [i - 1].filter((before) => before >= 0)
      : [...new Set(after)].map((key) => must(places.get(key), 'a phase after no phase')),
  );
};

/** The phases of a plan as they are before anything happened. */
export const phasesFrom = (specs: readonly PhaseSpec[]): PhaseState[] => {
  const links = phaseLinks(specs);
  const next = specs.map((): number[] => []);
  for (const [i, after] of links.entries()) for (const before of after) next[before]?.push(i);
  const linked = (list: readonly (readonly number[])[], at: number): readonly number[] =>
    must(list[at], 'links of no phase');
  return specs.map((spec, i) => ({
    key: spec.id,
    title: spec.title ?? spec.id,
    after: linked(links, i),
    next: linked(next, i),
    autonomous: spec.autonomous === true,
    approvalsNeeded: spec.gate?.approvals ?? 0,
    checks: (spec.gate?.checks ?? []).map(({ name }) => ({ name, ok: null })),
    status: 'closed',
    afterLeft: linked(links, i).length,
    tasksLeft: 0,
    openedBy: [],
    approvals: [],
    tasks: [],
  }));
};

export const foldPlanSubmitted = (
  state: CoordinatorState,
  entry: Entry,
  args: ArgsOf<'plans.submit'>,
): void => {
  const { plan: spec } = args;
  const plan: PlanState = {
    index: state.plans.length,
    id: spec.id,
    title: spec.title ?? spec.id,
    digest: args.digest,
    submittedAt: entry.at,
    status: 'active',
    phases: phasesFrom(spec.phases ?? []),
    ranges: [],
    counts: [0, 0, 0, 0, 0, 0, 0, 0],
    workLeft: 0,
    dependencies: 0,
    queues: new Map(),
    posted: new Map(),
  };
  state.plans.push(plan);
  state.planIndex.set(spec.id, plan.index);
  addTasks(state, plan, spec.tasks);
};

export const foldPlanEdited = (
  state: CoordinatorState,
  planId: string,
  args: ArgsOf<'plans.edit'>,
): void => {
  const plan = planNamed(state, planId);
  const fresh = (args.add ?? []).filter(
    (spec) => lookUp(state.index, state.tasks.ids, `${planId}/${spec.key}`) === NONE,
  );
  addTasks(state, plan, fresh);
  for (const { task, dependsOn } of args.dropDependencies ?? [])
    unlinkTasks(state, plan, task, dependsOn);
  for (const { task, dependsOn } of args.addDependencies ?? [])
    linkTasks(state, plan, task, dependsOn);
  for (const { task: key, priority } of args.priorities ?? []) {
    const task = lookUp(state.index, state.tasks.ids, `${planId}/${key}`);
    const ready = cell(state.tasks.phase, task) === PHASE.ready;
    // A task leaves its queue while its rank changes: the heap may never see a rank that moved.
    if (ready) enterPhase(state, task, PHASE.waiting);
    state.tasks.rank[task] = rankIn(state, task, priority);
    if (ready) enterPhase(state, task, PHASE.ready);
  }
};

/** Adds tasks to a plan. With `helpPriority` they are help tasks, which come before all work. */
export const addTasks = (
  state: CoordinatorState,
  plan: PlanState,
  specs: readonly TaskSpec[],
  helpPriority?: number,
): void => {
  if (specs.length === 0) return;
  const { tasks, edges } = state;
  const places = new Map(plan.phases.map((phase, i) => [phase.key, i]));
  const placeOf = (key: string): number => must(places.get(key), 'a task in no phase of its plan');
  reserveTasks(tasks, specs.length);
  reserveEdges(
    edges,
    specs.reduce((sum, spec) => sum + (spec.dependsOn?.length ?? 0), 0),
  );
  const from = tasks.count;
  for (const spec of specs)
    addRow(state, plan, spec, {
      phaseAt: spec.phase === undefined ? NONE : placeOf(spec.phase),
      rank: helpPriority ?? rankOf(spec),
    });
  plan.ranges.push({ from, to: tasks.count });
  // Rows first, then edges: a task may depend on one that stands after it.
  for (let task = from; task < tasks.count; task += 1) {
    const ids = (specOf(state, task).dependsOn ?? []).map((dependency) =>
      dependencyId(plan.id, dependency),
    );
    for (const id of new Set(ids)) {
      const on = lookUp(state.index, tasks.ids, id);
      addEdge(tasks, edges, { task, on });
      plan.dependencies += 1;
      if (cell(tasks.phase, on) !== PHASE.done) hold(state, task);
    }
  }
  for (let task = from; task < tasks.count; task += 1) {
    if (cell(tasks.phase, task) === PHASE.waiting) settle(state, task);
  }
};

const addRow = (
  state: CoordinatorState,
  plan: PlanState,
  spec: TaskSpec,
  { phaseAt, rank }: { readonly phaseAt: number; readonly rank: number },
): void => {
  const { tasks } = state;
  const task = tasks.count;
  tasks.count += 1;
  tasks.ids.push(`${plan.id}/${spec.key}`);
  tasks.specs.push(spec);
  addToIndex(state.index, tasks.ids, task);
  tasks.rank[task] = rank;
  tasks.attemptsMax[task] = spec.attemptsMax ?? ATTEMPTS_MAX_DEFAULT;
  tasks.plan[task] = plan.index;
  tasks.planPhase[task] = phaseAt;
  tasks.needs[task] = internNeeds(state.capabilities, spec.needs ?? []);
  tasks.holder[task] = NONE;
  tasks.queueSlot[task] = NONE;
  tasks.firstDependant[task] = NONE;
  tasks.firstDependency[task] = NONE;
  const done = spec.imported?.done === true;
  tasks.phase[task] = done ? PHASE.done : PHASE.waiting;
  bump(plan.counts, cell(tasks.phase, task), 1);
  bump(state.counts, cell(tasks.phase, task), 1);
  const phase = plan.phases[phaseAt];
  phase?.tasks.push(task);
  if (phase !== undefined && phase.status === 'closed')
    tasks.holds[task] = cell(tasks.holds, task) + 1;
  if (isWork(spec) && rank >= WORK_RANK) {
    plan.workLeft += 1;
    if (phase !== undefined) phase.tasksLeft += 1;
  }
  ownPaths(state, task, spec);
};

/** Enters a task's paths into the index, and counts the live leases that already own some of them. */
const ownPaths = (state: CoordinatorState, task: number, spec: TaskSpec): void => {
  if (spec.owns === undefined || spec.owns.length === 0) return;
  const repo = spec.repo ?? '';
  for (const rival of overlapping(state.paths, repo, { task, owns: spec.owns })) {
    if (cell(state.tasks.phase, rival) === PHASE.leased)
      state.tasks.holds[task] = cell(state.tasks.holds, task) + 1;
  }
  addOwner(state.paths, repo, { task, owns: spec.owns });
};

const linkTasks = (
  state: CoordinatorState,
  plan: PlanState,
  key: string,
  dependsOn: string,
): void => {
  const task = lookUp(state.index, state.tasks.ids, `${plan.id}/${key}`);
  const on = lookUp(state.index, state.tasks.ids, dependencyId(plan.id, dependsOn));
  if (edgeBetween(state, task, on) !== NONE) return;
  addEdge(state.tasks, state.edges, { task, on });
  plan.dependencies += 1;
  if (cell(state.tasks.phase, on) !== PHASE.done) hold(state, task);
};

const unlinkTasks = (
  state: CoordinatorState,
  plan: PlanState,
  key: string,
  dependsOn: string,
): void => {
  const task = lookUp(state.index, state.tasks.ids, `${plan.id}/${key}`);
  const on = lookUp(state.index, state.tasks.ids, dependencyId(plan.id, dependsOn));
  const edge = edgeBetween(state, task, on);
  if (edge === NONE) return;
  dropEdge(state.tasks, state.edges, edge);
  plan.dependencies -= 1;
  if (cell(state.tasks.phase, on) !== PHASE.done) letGo(state, task);
};

export const edgeBetween = (state: CoordinatorState, task: number, on: number): number => {
  let found = NONE;
  eachDependency(state.tasks, state.edges, task, (dependency, edge) => {
    if (dependency === on) found = edge;
  });
  return found;
};

/** Calls `visit` with every task of a plan. */
export const eachTaskOf = (plan: PlanState, visit: (task: number) => void): void => {
  for (const { from, to } of plan.ranges) for (let task = from; task < to; task += 1) visit(task);
};

export const foldPlanCancelled = (state: CoordinatorState, event: PlanCancelled): void => {
  const plan = planNamed(state, event.planId);
  plan.status = 'cancelled';
  eachTaskOf(plan, (task) => {
    const phase = cell(state.tasks.phase, task);
    if (phase === PHASE.done || phase === PHASE.cancelled) return;
    if (phase === PHASE.leased) endLease(state, task);
    finish(state, task, 'cancelled');
  });
};

/** The plan that an event names; events name plans that exist. */
export const planNamed = (state: CoordinatorState, planId: string): PlanState =>
  must(findPlan(state, planId), 'an event of no plan');

const phaseNamed = (plan: PlanState, key: string): PhaseState =>
  must(
    plan.phases.find((phase) => phase.key === key),
    'an event of no phase',
  );

export const foldPhaseOpened = (state: CoordinatorState, planId: string, key: string): void => {
  const phase = phaseNamed(planNamed(state, planId), key);
  phase.status = 'open';
  for (const task of phase.tasks) letGo(state, task);
};

export const foldPhasePassed = (state: CoordinatorState, planId: string, key: string): void => {
  const plan = planNamed(state, planId);
  const passed = phaseNamed(plan, key);
  passed.status = 'passed';
  for (const next of passed.next) must(plan.phases[next], 'a phase before none').afterLeft -= 1;
};

export const foldPhaseApproved = (state: CoordinatorState, event: PhaseApproved): void => {
  const phase = phaseNamed(planNamed(state, event.planId), event.phase);
  (event.for === 'opening' ? phase.openedBy : phase.approvals).push(event.by);
};

export const foldPhaseChecked = (state: CoordinatorState, event: PhaseChecked): void => {
  const { checks } = phaseNamed(planNamed(state, event.planId), event.phase);
  must(
    checks.find(({ name }) => name === event.name),
    'a result of no check',
  ).ok = event.ok;
};
