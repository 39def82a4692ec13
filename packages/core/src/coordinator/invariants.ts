/** The coordinator's invariants as a check of the whole slice: for the simulator, the falsifying replay and tests. */
import { countIn, needsAt } from './capabilities.ts';
import { cell, eachDependency, isHelp, NONE, PHASE, phaseName } from './columns.ts';
import { globsOverlap, segmentsOf } from './paths.ts';
import { bump, holderOf, idOf, planPhaseOf, rivals, specOf } from './state.ts';
import type { CoordinatorState, PhaseState, PlanState, SessionState } from './state.ts';

/** Sentences, each with the invariant it breaks first; empty when all hold. O(tasks + dependencies + overlaps). */
export const coordinatorFaults = (state: CoordinatorState): string[] => [
  ...leaseFaults(state),
  ...readinessFaults(state),
  ...pathFaults(state),
  ...countFaults(state),
  ...state.plans.flatMap((plan) => planFaults(state, plan)),
  ...blockerFaults(state),
];

/** The sentences whose condition holds. */
const said = (rows: readonly (readonly [boolean, string])[]): string[] =>
  rows.filter(([broken]) => broken).map(([, sentence]) => sentence);

const leaseFaults = (state: CoordinatorState): string[] => {
  const faults: string[] = [];
  let held = 0;
  for (let task = 0; task < state.tasks.count; task += 1) {
    const id = idOf(state, task);
    const holder = holderOf(state, task);
    const leased = cell(state.tasks.phase, task) === PHASE.leased;
    if (leased !== (holder !== undefined))
      faults.push(`C5: ${id} is leased without a session, or held without a lease`);
    if (holder === undefined) continue;
    held += 1;
    faults.push(
      ...said([
        [holder.closed !== undefined, `C5: ${id} is held by the ended session ${holder.id}`],
        [!holder.leases.has(task), `C5: session ${holder.id} does not know of its lease of ${id}`],
        [cell(state.tasks.fence, task) < 1, `C1: ${id} is leased without a fence`],
        [!canDoSome(state, holder, task), `session ${holder.id} cannot do ${id}, which it holds`],
      ]),
    );
  }
  let known = 0;
  for (const session of state.sessions.values()) {
    known += session.leases.size;
    if (session.leases.size > session.leasesMax)
      faults.push(`session ${session.id} holds more leases than it may`);
  }
  if (known !== held) faults.push(`C5: sessions know of ${known} leases, tasks of ${held}`);
  return faults;
};

/** A policy may ask for more than it did when the lease was granted; of what is needed a holder has one thing at least. */
const canDoSome = (state: CoordinatorState, session: SessionState, task: number): boolean => {
  const needs = cell(state.tasks.needs, task);
  return (
    needsAt(state.capabilities, needs).ids.length === 0 ||
    countIn(state.capabilities, session.capabilities, needs) > 0
  );
};

const readinessFaults = (state: CoordinatorState): string[] => {
  const faults: string[] = [];
  for (let task = 0; task < state.tasks.count; task += 1) {
    const id = idOf(state, task);
    const phase = phaseName(state.tasks, task);
    const queued = cell(state.tasks.queueSlot, task) !== NONE;
    const holds = cell(state.tasks.holds, task);
    const { unmet, closed, owned } = holdsOf(state, task);
    const working = phase === 'leased' || phase === 'ready' || phase === 'submitted';
    const sum = unmet + closed + owned;
    faults.push(
      ...said([
        [working && unmet + closed > 0, `C4: ${id} is past its dependencies or its phase`],
        [holds !== sum, `C4: ${id} counts ${holds} holds and has ${sum}`],
        [phase === 'ready' && holds > 0, `C4: ${id} is ready and held back ${holds} times`],
        [phase === 'waiting' && holds === 0, `C4: ${id} waits for nothing`],
        [
          queued !== (phase === 'ready'),
          `C4: ${id} is ready but not queued, or queued and not ready`,
        ],
      ]),
    );
  }
  return faults;
};

/** What holds a task back, counted anew: unfinished dependencies, a closed phase, leases that own its paths. */
const holdsOf = (
  state: CoordinatorState,
  task: number,
): { readonly unmet: number; readonly closed: number; readonly owned: number } => {
  let unmet = 0;
  eachDependency(state.tasks, state.edges, task, (dependency) => {
    if (cell(state.tasks.phase, dependency) !== PHASE.done) unmet += 1;
  });
  const closed = planPhaseOf(state, task)?.status === 'closed' ? 1 : 0;
  const owned = rivals(state, task).filter(
    (rival) => cell(state.tasks.phase, rival) === PHASE.leased,
  ).length;
  return { unmet, closed, owned };
};

const pathFaults = (state: CoordinatorState): string[] => {
  const leased = [...state.sessions.values()]
    .flatMap((session) => [...session.leases])
    .map((task) => {
      const { repo = '', owns = [] } = specOf(state, task);
      return { id: idOf(state, task), repo, globs: owns.map(segmentsOf) };
    })
    // Pairs are compared, and thousands of leases own nothing.
    .filter(({ globs }) => globs.length > 0);
  return leased.flatMap((a, i) =>
    leased
      .slice(i + 1)
      .filter(
        (b) => a.repo === b.repo && a.globs.some((x) => b.globs.some((y) => globsOverlap(x, y))),
      )
      .map((b) => `two leases own overlapping paths: ${a.id} and ${b.id}`),
  );
};

const countFaults = (state: CoordinatorState): string[] => {
  const { counts } = tally(state, [{ from: 0, to: state.tasks.count }]);
  return said([
    [counts !== state.counts.join(' '), `the counts ${state.counts.join(' ')} are not ${counts}`],
  ]);
};

/** Tasks by phase, and how many are work that is left, counted anew. */
const tally = (
  state: CoordinatorState,
  ranges: PlanState['ranges'],
): { readonly counts: string; readonly left: number } => {
  const counts = [0, 0, 0, 0, 0, 0, 0, 0];
  let left = 0;
  for (const { from, to } of ranges) {
    for (let task = from; task < to; task += 1) {
      bump(counts, cell(state.tasks.phase, task), 1);
      if (isLeft(state, task)) left += 1;
    }
  }
  return { counts: counts.join(' '), left };
};

const planFaults = (state: CoordinatorState, plan: PlanState): string[] => {
  const { counts, left } = tally(state, plan.ranges);
  const known = plan.counts.join(' ');
  return [
    ...said([
      [counts !== known, `plan ${plan.id} counts ${known}, not ${counts}`],
      [
        state.readyPlans.has(plan) === (plan.counts[PHASE.ready] === 0),
        `plan ${plan.id} has ready tasks and is not looked at, or has none and is`,
      ],
      [
        left !== plan.workLeft,
        `plan ${plan.id} has ${left} tasks left and counts ${plan.workLeft}`,
      ],
    ]),
    ...plan.phases.flatMap((phase) => phaseFaults(state, plan, phase)),
  ];
};

const isOver = (state: CoordinatorState, task: number): boolean => {
  const phase = cell(state.tasks.phase, task);
  return phase === PHASE.done || phase === PHASE.cancelled;
};

const isLeft = (state: CoordinatorState, task: number): boolean => {
  return !isOver(state, task) && specOf(state, task).filler !== true && !isHelp(state.tasks, task);
};

const phaseFaults = (state: CoordinatorState, plan: PlanState, phase: PhaseState): string[] => {
  const name = `phase ${phase.key} of ${plan.id}`;
  const left = phase.tasks.filter((task) => isLeft(state, task)).length;
  const before = phase.after.filter((at) => plan.phases[at]?.status !== 'passed').length;
  const green = phase.checks.every(({ ok }) => ok === true);
  const held = left > 0 || !green || phase.approvals.length < phase.approvalsNeeded;
  const isOpen = phase.status !== 'closed';
  return said([
    [left !== phase.tasksLeft, `${name} has ${left} tasks left and counts ${phase.tasksLeft}`],
    [
      before !== phase.afterLeft,
      `${name} waits for ${before} phases and counts ${phase.afterLeft}`,
    ],
    [isOpen && before > 0, `C4: ${name} is ${phase.status} before its turn`],
    [isOpen && phase.autonomous && phase.openedBy.length === 0, `${name} opened without approval`],
    [phase.status === 'passed' && left > 0, `${name} has passed with ${left} tasks left`],
    [plan.status !== 'cancelled' && phase.status === 'open' && !held, `${name} should have passed`],
  ]);
};

const blockerFaults = (state: CoordinatorState): string[] => {
  const open = [...state.blockers.values()].filter(({ resolution }) => resolution === undefined);
  const known = new Set(state.resolved);
  const resolved = [...state.blockers.values()].filter(({ id }) => known.has(id));
  return said([
    [
      known.size !== state.resolved.length ||
        resolved.length !== known.size ||
        open.length + known.size !== state.blockers.size,
      `${state.blockers.size} blockers are not ${open.length} open and ${known.size} resolved ones`,
    ],
    [
      open.length !== state.openBlockers,
      `${open.length} blockers are open, not ${state.openBlockers}`,
    ],
    ...open.map((blocker): readonly [boolean, string] => {
      const phase = phaseName(state.tasks, blocker.task);
      const isStranger = phase === 'ready' || phase === 'waiting' || isOver(state, blocker.task);
      return [isStranger, `blocker ${blocker.id} is open on a task that is ${phase}`];
    }),
    ...resolved.flatMap(({ id, help }) =>
      help.map(({ task }): readonly [boolean, string] => [
        !isOver(state, task),
        `${idOf(state, task)} goes on, though blocker ${id} is over`,
      ]),
    ),
  ]);
};
