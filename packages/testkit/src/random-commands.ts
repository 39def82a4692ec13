/**
 * Random commands that make sense: of plans with phases, gates, paths and dependencies in every direction, by a few
 * sessions that now and then do what they should not. The same world and seed give the same command.
 */
import { DECIDER_VERSION, type ArgsOf, type World } from '@infrafabric/core';
import { SESSION_IDLE_MS } from '@infrafabric/protocol';

import { CHASSIS_CHOICES, randomRun } from './random-chassis.ts';
import { GOVERNOR_CHOICES, openSession, randomBudget, raiseBlocker } from './random-governor.ts';
import {
  command,
  fenceFor,
  heldTask,
  ifAny,
  nextTask,
  PHASE_LEASED,
  planOf,
  SKILLS,
  some,
  taskIn,
  type Choose,
  type Sight,
} from './random-sight.ts';
import { seededRandom, type Random } from './random.ts';
import type { PlainArgs, RunCommand } from './realm-run.ts';

/** Few names, so that commands meet. */
const PATHS = ['src', 'src/a', 'src/a/x.ts', 'src/*.ts', '**/x.ts', 'docs/**', 'src/{a,b}/y'];
const GATES = ['lint', 'test'];
const PLANS = ['p', 'q', 'r', 's'];
const TASKS_MAX = 7;

type PlanArgs = PlainArgs<'plans.submit'>['plan'];
type TaskArgs = PlanArgs['tasks'][number];

const gate = (name: string) => ({ name, run: { shell: 'true' } });

const randomTask = (
  random: Random,
  key: string,
  before: readonly string[],
  phases: readonly string[],
): TaskArgs => ({
  key,
  title: key,
  ...(phases.length > 0 && random.chance(0.8) ? { phase: random.pick(phases) } : {}),
  ...(random.chance(0.6) ? { dependsOn: some(random, before) } : {}),
  ...(random.chance(0.3) ? { needs: some(random, SKILLS) } : {}),
  ...(random.chance(0.3) ? { owns: [random.pick(PATHS)] } : {}),
  ...(random.chance(0.2) ? { gates: some(random, GATES).map(gate) } : {}),
  ...(random.chance(0.3) ? { priority: random.below(5) } : {}),
  ...(random.chance(0.3) ? { attemptsMax: 1 + random.below(2) } : {}),
  ...(random.chance(0.1) ? { filler: true } : {}),
  ...(random.chance(0.1) ? { imported: { status: 'x', done: random.chance(0.7) } } : {}),
  ...randomBudget(random),
  ...randomRun(random),
});

/** A plan whose tasks depend on earlier ones of any plan; one in eight has a cycle for the asking. */
const randomPlan = (random: Random, id: string, known: readonly string[]): PlanArgs => {
  const keys = Array.from({ length: 1 + random.below(TASKS_MAX) }, (_, i) => `${id}${i}`);
  const phases = Array.from({ length: random.below(4) }, (_, i) => `f${i}`);
  const tasks = keys.map((key, i) => {
    const before = [...keys.slice(0, i), ...some(random, known)];
    return randomTask(random, key, random.chance(0.02) ? keys : before, phases);
  });
  return {
    id,
    tasks,
    phases: phases.map((phase, i) => ({
      id: phase,
      ...(random.chance(0.4) ? { after: some(random, phases.slice(0, i)) } : {}),
      ...(random.chance(0.2) ? { autonomous: true } : {}),
      ...(random.chance(0.4)
        ? { gate: { checks: some(random, GATES).map(gate), approvals: random.below(3) } }
        : {}),
    })),
  };
};

const PHASE_SUBMITTED = 4;
const PHASE_PARKED = 5;

const ifBlocked =
  (choose: Choose): Choose =>
  (sight) =>
    sight.world.coordinator.openBlockers === 0 ? nextTask(sight) : choose(sight);

const openBlocker = ({ random, world }: Sight): string => {
  const blockers = [...world.coordinator.blockers.values()];
  const open = blockers.filter(({ resolution }) => resolution === undefined);
  return random.pick(random.chance(0.1) ? blockers : open).id;
};

/** Half of the time one of who help with some blocker. */
const helperOrAny = ({ random, world, sessions }: Sight): string => {
  const helpers = [...world.coordinator.blockers.values()].flatMap((blocker) => blocker.helpers);
  return random.pick(helpers.length > 0 && random.chance(0.5) ? helpers : sessions);
};

const phaseOf = ({ random, world }: Sight, planId: string): string => {
  const plan = world.coordinator.plans.find(({ id }) => id === planId);
  return random.pick([...(plan?.phases ?? []).map(({ key }) => key), 'f0']);
};

const submitPlan: Choose = ({ random, world }) => {
  const id = PLANS[world.coordinator.plans.length] ?? random.pick(PLANS);
  return command('plans.submit', {
    plan: {
      ...randomPlan(random, id, world.coordinator.tasks.ids),
      ...(random.chance(0.2)
        ? { budget: { limitMicroUsd: (1 + random.below(20)) * 1_000_000 } }
        : {}),
    },
    ...(random.chance(0.8) ? { confirmMicroUsd: 1_000_000_000 } : {}),
  });
};

const CHOICES: readonly (readonly [number, Choose])[] = [
  [2, submitPlan],
  [5, openSession],
  [
    6,
    (sight) =>
      command('tasks.claim', {
        taskId: sight.random.pick(sight.tasks),
        sessionId: sight.random.pick(sight.sessions),
      }),
  ],
  [8, nextTask],
  [
    12,
    ifAny(PHASE_LEASED, (sight) => {
      const taskId = heldTask(sight);
      const gates = GATES.map((name) => ({ name, ok: true }));
      return command('tasks.complete', {
        taskId,
        fence: fenceFor(sight, taskId),
        ...(sight.random.chance(0.7) ? { evidence: { gates } } : {}),
        ...(sight.random.chance(0.5) ? { next: true } : {}),
      });
    }),
  ],
  [
    2,
    ifAny(PHASE_LEASED, (sight) => {
      const taskId = heldTask(sight);
      return command('tasks.fail', {
        taskId,
        fence: fenceFor(sight, taskId),
        reason: 'no luck',
        retry: sight.random.chance(0.8),
      });
    }),
  ],
  [
    2,
    ifAny(PHASE_LEASED, (sight) => {
      const taskId = heldTask(sight);
      return command('tasks.release', { taskId, fence: fenceFor(sight, taskId) });
    }),
  ],
  [
    1,
    ifAny(PHASE_LEASED, (sight) => {
      const taskId = heldTask(sight);
      return command('tasks.progress', { taskId, fence: fenceFor(sight, taskId), note: 'so far' });
    }),
  ],
  [
    3,
    ifAny(PHASE_LEASED, (sight) => {
      const taskId = heldTask(sight);
      const lease = fenceFor(sight, taskId);
      const { tasks } = sight.world.coordinator;
      const grantedAt = tasks.grantedAt[tasks.ids.indexOf(taskId)] ?? 0;
      return command(
        'leases.expire',
        { taskId, fence: lease.n, renewedAt: grantedAt },
        { cred: 'realm' },
      );
    }),
  ],
  [
    6,
    ifAny(PHASE_SUBMITTED, (sight) => {
      const { random } = sight;
      return command(
        'tasks.judge',
        {
          taskId: taskIn(sight, PHASE_SUBMITTED),
          verdict: random.chance(0.8) ? 'accept' : 'reject',
          gates: GATES.map((name) => ({ name, ok: random.chance(0.9) })),
        },
        { principal: random.pick(['olga', 'ada']) },
      );
    }),
  ],
  [
    1,
    ({ random, tasks }) =>
      command('tasks.cancel', { taskId: random.pick(tasks), reason: 'not needed' }),
  ],
  [
    1,
    ({ random, tasks }) => command('tasks.park', { taskId: random.pick(tasks), reason: 'later' }),
  ],
  [
    2,
    ifAny(PHASE_PARKED, (sight) =>
      command('tasks.unpark', { taskId: taskIn(sight, PHASE_PARKED) }),
    ),
  ],
  [1, ({ random, sessions }) => command('sessions.close', { sessionId: random.pick(sessions) })],
  [
    1,
    ({ random, sessions }) =>
      command('sessions.revoke', { sessionId: random.pick(sessions), reason: 'because' }),
  ],
  [
    1,
    ({ random, sessions, world }) => {
      const seenAt = Math.max(0, world.realm.at - (random.chance(0.7) ? SESSION_IDLE_MS : 0));
      return command(
        'sessions.expire',
        { sessionId: random.pick(sessions), seenAt },
        { cred: 'realm' },
      );
    },
  ],
  [6, ifAny(PHASE_LEASED, raiseBlocker)],
  [
    2,
    ifBlocked((sight) =>
      command('blockers.join', {
        blockerId: openBlocker(sight),
        sessionId: sight.random.pick(sight.sessions),
      }),
    ),
  ],
  [
    3,
    ifBlocked((sight) =>
      command('blockers.resolve', {
        blockerId: openBlocker(sight),
        resolution: 'gone',
        ...(sight.random.chance(0.6) ? { sessionId: helperOrAny(sight) } : {}),
      }),
    ),
  ],
  [
    2,
    ifBlocked((sight) =>
      command('blockers.escalate', { blockerId: openBlocker(sight) }, { cred: 'realm' }),
    ),
  ],
  [
    3,
    (sight) => {
      const planId = planOf(sight.random.pick(sight.tasks));
      const principal = sight.random.pick(['olga', 'paul', 'quin']);
      return command('phases.approve', { planId, phase: phaseOf(sight, planId) }, { principal });
    },
  ],
  [
    3,
    (sight) => {
      const { random, tasks } = sight;
      const planId = planOf(random.pick(tasks));
      const result = { name: random.pick(GATES), ok: random.chance(0.8) };
      return command('phases.check', { planId, phase: phaseOf(sight, planId), result });
    },
  ],
  [1, ({ random, tasks }) => command('plans.pause', { planId: planOf(random.pick(tasks)) })],
  [2, ({ random, tasks }) => command('plans.resume', { planId: planOf(random.pick(tasks)) })],
  [
    0.3,
    ({ random, tasks }) =>
      command('plans.cancel', { planId: planOf(random.pick(tasks)), reason: 'over' }),
  ],
  [4, (sight) => randomEdit(sight)],
  ...GOVERNOR_CHOICES,
  ...CHASSIS_CHOICES,
];

const keyOf = (taskId: string): string => taskId.slice(taskId.indexOf('/') + 1);

const randomEdit = ({ random, world, tasks }: Sight): RunCommand => {
  const planId = planOf(random.pick(tasks));
  const own = tasks.filter((taskId) => planOf(taskId) === planId).map(keyOf);
  const phases = (world.coordinator.plans.find(({ id }) => id === planId)?.phases ?? []).map(
    ({ key }) => key,
  );
  const { edges, tasks: columns } = world.coordinator;
  const links = Array.from({ length: edges.count }, (_, edge) => ({
    task: columns.ids[edges.task[edge] ?? -1] ?? '',
    dependsOn: columns.ids[edges.on[edge] ?? -1] ?? '',
  })).filter(({ task }) => planOf(task) === planId);
  const link = () => ({ task: random.pick(own), dependsOn: random.pick(tasks) });
  return command('plans.edit', {
    planId,
    ...(random.chance(0.4)
      ? { add: [randomTask(random, `e${world.realm.size}`, own, phases)] }
      : {}),
    ...(random.chance(0.5) ? { addDependencies: [link()] } : {}),
    ...(links.length > 0 && random.chance(0.5)
      ? {
          dropDependencies: [random.pick(links)].map(({ task, dependsOn }) => ({
            task: keyOf(task),
            dependsOn,
          })),
        }
      : {}),
    ...(random.chance(0.4)
      ? { priorities: [{ task: random.pick(own), priority: random.below(5) }] }
      : {}),
  });
};

/** A command for this world. The first ones bring a plan and a session, without which nothing else makes sense. */
export const randomCommand = (world: World, seed: number): RunCommand => {
  const random = seededRandom(seed);
  if (world.realm.size === 0) return realmOpen();
  const sight = sightOf(random, world);
  if (sight.tasks.length === 0) return submitPlan(sight);
  if (sight.sessions.length === 0) return openSession(sight);
  return chosenOf(CHOICES, sight);
};

/** The same, two times in three of contracts and runs: of those a random life has few otherwise. */
export const randomRunCommand = (world: World, seed: number): RunCommand => {
  const random = seededRandom(seed);
  const { tasks, openSessions } = world.coordinator;
  if (tasks.ids.length === 0 || openSessions === 0 || random.chance(1 / 3))
    return randomCommand(world, seed);
  return chosenOf(CHASSIS_CHOICES, sightOf(random, world));
};

const sightOf = (random: Random, world: World): Sight => {
  const { tasks, sessions } = world.coordinator;
  const open = [...sessions.values()].filter(({ closed }) => closed === undefined);
  return {
    random,
    world,
    tasks: random.chance(0.2) ? tasks.ids : unfinished(world),
    sessions: (random.chance(0.1) ? [...sessions.values()] : open).map(({ id }) => id),
  };
};

const chosenOf = (choices: typeof CHOICES, sight: Sight): RunCommand => {
  const weights = choices.reduce((sum, [weight]) => sum + weight, 0);
  let left = (sight.random.below(WEIGHT_STEPS) / WEIGHT_STEPS) * weights;
  for (const [weight, choose] of choices) {
    left -= weight;
    if (left < 0) return choose(sight);
  }
  return submitPlan(sight);
};

const WEIGHT_STEPS = 1_000_000;

const unfinished = ({ coordinator: { tasks } }: World): readonly string[] => {
  const left = tasks.ids.filter((_, task) => (tasks.phase[task] ?? 0) < PHASE_DONE);
  return left.length === 0 ? tasks.ids : left;
};

/** The first of the phases of a task that is finished. */
const PHASE_DONE = 6;

/** How far the clock goes before a command, ms: mostly not at all, sometimes past a lease, seldom past a session. */
export const randomPauseMs = (seed: number): number => {
  const random = seededRandom(seed + 1);
  if (random.chance(0.02)) return SESSION_IDLE_MS;
  return random.chance(0.3) ? random.below(40_000) : 0;
};

const realmOpen = (): RunCommand => {
  const args: ArgsOf<'realm.open'> = {
    release: '0',
    decider: DECIDER_VERSION,
    cutBytes: 0,
    cause: 'start',
    node: 'n',
    origin: 'o',
  };
  return { op: 'realm.open', args, cred: 'realm' };
};
