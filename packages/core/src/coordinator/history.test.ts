import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '@infrafabric/tlog';
import type { JsonValue } from '@infrafabric/tlog';
import {
  historyFaults,
  randomCommand,
  randomPauseMs,
  randomRunCommand,
  RealmRun,
  seededRandom,
  SKILLS,
} from '@infrafabric/testkit';
import { restoreWorld, worldFaults, worldSections } from '../index.ts';
import type { Decision, DomainEvent, World } from '../index.ts';
import { cell, eachDependency, isHelp, PHASE } from './columns.ts';
import { specOf } from './state.ts';
import { decide } from '../world.ts';

/** Random histories by seed: the same on every machine, so that what they reach can be asserted. */
const HISTORIES = 150;
const COMMANDS = 90;
/** After them come histories that are mostly of runs. */
const RUN_HISTORIES = 100;

const live = (seed: number, look: (realm: RealmRun) => void = () => undefined): RealmRun => {
  const random = seededRandom(seed);
  const realm = new RealmRun();
  for (let i = 0; i < COMMANDS; i += 1) {
    const choice = random.below(2 ** 31);
    realm.at += randomPauseMs(choice);
    const choose = seed < HISTORIES ? randomCommand : randomRunCommand;
    realm.submit(choose(realm.world, choice));
    look(realm);
  }
  return realm;
};

const histories = (look?: (realm: RealmRun) => void): RealmRun[] =>
  Array.from({ length: HISTORIES + RUN_HISTORIES }, (_, seed) => live(seed, look));

describe('random histories', () => {
  test('C1–C5, G1–G5, O1: every invariant holds after every command, in the world and in the log', () => {
    // Property, by fast-check: shrinks to the seeds of the commands that matter.
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: COMMANDS }), (seeds) => {
        const realm = new RealmRun();
        for (const seed of seeds) {
          realm.at += randomPauseMs(seed);
          realm.submit(randomCommand(realm.world, seed));
          expect(worldFaults(realm.world)).toStrictEqual([]);
        }
        expect(historyFaults(realm.entries)).toStrictEqual([]);
      }),
      { numRuns: 150 },
    );
    for (const { entries, world } of histories()) {
      expect(historyFaults(entries)).toStrictEqual([]);
      expect(worldFaults(world)).toStrictEqual([]);
    }
  });

  test('they reach every event there is, and each is canonical JSON as it stands', () => {
    const types = new Set<string>();
    for (const { entries } of histories()) {
      for (const event of entries.flatMap(({ events }) => events)) {
        types.add(event.type);
        // What came in with the call keeps the order of its schema: the writer of entries sorts it.
        const {
          evidence: _,
          gates: __,
          artifact: ___,
          ...own
        } = { evidence: 0, gates: 0, artifact: 0, ...event };
        const value = JSON.parse(JSON.stringify(own)) as JsonValue;
        expect(JSON.stringify(own)).toBe(canonicalJson(value));
        expect(Object.keys(event)).toStrictEqual(Object.keys(event).toSorted());
      }
    }
    expect([...types].toSorted()).toStrictEqual(ALL_EVENTS);
  });

  test('O2: tasks.next gives what claims one by one would, of all ready tasks sorted by rank, fit and age', () => {
    let compared = 0;
    let passedOver = 0;
    const look = (realm: RealmRun): void => {
      // Where nothing is ready nothing can be compared.
      if (realm.entries.length % 5 !== 0 || realm.world.coordinator.counts[PHASE.ready] === 0)
        return;
      for (const session of realm.world.coordinator.sessions.values()) {
        const count = 1 + (realm.entries.length % 4);
        const room = Math.min(count, session.leasesMax - session.leases.size);
        if (session.closed !== undefined || room === 0) continue;
        // Decided only, and claimed in a twin, so that the history goes on as if nobody had asked.
        const args = { sessionId: session.id, count };
        const asked = realm.commandOf({ op: 'tasks.next', args });
        const granted = leasedBy(decide(realm.world, asked, realm.conditions));
        const claimed = claimedOneByOne(twinOf(realm), session.id, room);
        expect(granted).toStrictEqual(claimed.tasks);
        compared += granted.length;
        passedOver += claimed.passedOver;
      }
    };
    histories(look);
    expect(compared).toBeGreaterThan(1_000);
    expect(passedOver).toBeGreaterThan(100);
  });

  test('progress: with agents that live, everything that can be done is done', () => {
    let done = 0;
    for (const realm of histories()) {
      const { coordinator } = realm.world;
      const reachable = whatCanBeDone(realm.world);
      drain(realm);
      for (const task of reachable) expect(cell(coordinator.tasks.phase, task)).toBe(PHASE.done);
      done += reachable.size;
      for (let task = 0; task < coordinator.tasks.count; task += 1) {
        if (cell(coordinator.tasks.phase, task) === PHASE.done) continue;
        expect(reachable.has(task)).toBe(false);
      }
      expect(historyFaults(realm.entries)).toStrictEqual([]);
      expect(worldFaults(realm.world)).toStrictEqual([]);
    }
    expect(done).toBeGreaterThan(HISTORIES);
  });
});

const ALL_EVENTS: readonly DomainEvent['type'][] = [
  'blocker.declared',
  'blocker.escalated',
  'blocker.joined',
  'blocker.raised',
  'blocker.resolved',
  'breaker.closed',
  'breaker.reset',
  'breaker.tripped',
  'budget.alerted',
  'budget.limited',
  'budget.reserved',
  'budget.settled',
  'capability.defined',
  'claim.refused',
  'contract.accepted',
  'credential.used',
  'escalation.acknowledged',
  'escalation.raised',
  'help.offered',
  'lease.expired',
  'module.admitted',
  'module.refused',
  'phase.approved',
  'phase.checked',
  'phase.opened',
  'phase.passed',
  'plan.cancelled',
  'plan.edited',
  'plan.paused',
  'plan.resumed',
  'plan.submitted',
  'policy.denied',
  'policy.set',
  'price.set',
  'realm.opened',
  'reputation.changed',
  'run.ended',
  'run.notes_dropped',
  'run.refused',
  'run.started',
  'run.violated',
  'session.closed',
  'session.opened',
  'slo.violated',
  'swarm.registered',
  'task.accepted',
  'task.cancelled',
  'task.completed',
  'task.failed',
  'task.leased',
  'task.parked',
  'task.progressed',
  'task.rejected',
  'task.released',
  'task.submitted',
  'task.unparked',
  'usage.recorded',
  'write.refused',
];

const twinOf = (realm: RealmRun): RealmRun => {
  const twin = new RealmRun(restoreWorld(worldSections(realm.world)), realm.at);
  twin.epoch = realm.epoch;
  return twin;
};

const leasedBy = (decision: Decision): string[] =>
  (decision.kind === 'accept' ? decision.events : []).flatMap((event) =>
    event.type === 'task.leased' ? [event.taskId] : [],
  );

/** What `tasks.next` should give: every ready task that suits, sorted; then claimed in this order, one after the other. */
const claimedOneByOne = (
  realm: RealmRun,
  sessionId: string,
  room: number,
): { readonly tasks: string[]; readonly passedOver: number } => {
  const { tasks, plans, sessions, capabilities } = realm.world.coordinator;
  const has = capabilities.haves[sessions.get(sessionId)?.capabilities ?? -1]?.names;
  const fitOf = (task: number): number => {
    const needs = new Set<string>(specOf(realm.world.coordinator, task).needs);
    const had = [...needs].filter((need) => has?.has(need)).length;
    return needs.size === 0 ? 1_000 : Math.floor((had * 1_000) / needs.size);
  };
  const ready = tasks.ids
    .map((_, task) => task)
    .filter((task) => tasks.phase[task] === PHASE.ready)
    .filter((task) => plans[tasks.plan[task] ?? -1]?.status === 'active')
    .toSorted(
      (a, b) => (tasks.rank[a] ?? 0) - (tasks.rank[b] ?? 0) || fitOf(b) - fitOf(a) || a - b,
    );
  const claimed: string[] = [];
  let passedOver = 0;
  for (const task of ready) {
    if (claimed.length === room) break;
    const decision = realm.run('tasks.claim', { taskId: tasks.ids[task] ?? '', sessionId });
    claimed.push(...leasedBy(decision));
    if (decision.kind === 'refuse') passedOver += 1;
  }
  return { tasks: claimed, passedOver };
};

/**
 * The tasks that are done or can be, found naively: a task can when all it depends on can and its phase can open; a
 * phase can open when all before it can pass; it can pass when all its work can be done or was cancelled.
 */
const whatCanBeDone = (world: World): ReadonlySet<number> => {
  const { tasks, edges, plans } = world.coordinator;
  const can = new Set<number>();
  const passing = new Set<string>();
  for (let size = -1; size !== can.size + passing.size;) {
    size = can.size + passing.size;
    for (const plan of plans) {
      for (const [at, phase] of plan.phases.entries()) {
        const opens = phase.after.every((before) => passing.has(`${plan.id} ${before}`));
        const left = phase.tasks.filter((task) => {
          const filler = specOf(world.coordinator, task).filler === true;
          return !filler && tasks.phase[task] !== PHASE.cancelled && !can.has(task);
        });
        if (phase.status === 'passed' || (opens && left.length === 0))
          passing.add(`${plan.id} ${at}`);
      }
    }
    for (let task = 0; task < tasks.count; task += 1) {
      if (tasks.phase[task] === PHASE.done) can.add(task);
      // Help is over with its blocker, done or not: whoever depends on it may wait for ever.
      if (tasks.phase[task] === PHASE.cancelled || isHelp(tasks, task)) continue;
      let free = true;
      eachDependency(tasks, edges, task, (dependency) => {
        if (!can.has(dependency)) free = false;
      });
      const plan = plans[tasks.plan[task] ?? -1];
      const phase = plan?.phases[tasks.planPhase[task] ?? -1];
      const opens =
        phase === undefined ||
        phase.status !== 'closed' ||
        phase.after.every((before) => passing.has(`${plan?.id} ${before}`));
      if (free && opens) can.add(task);
    }
  }
  return can;
};

const ENOUGH_MICRO_USD = 1_000_000_000_000;

/** Lets people take away every limit and rule. */
const afford = (realm: RealmRun): void => {
  const { coordinator, governor } = realm.world;
  realm.run('policies.set', {
    policy: { format: 'ifab-policy/1', resource: {}, governs: [], rules: [] },
    reason: 'all that can be done',
  });
  const accounts = ['realm', ...governor.accounts.keys()].filter((id) => !id.startsWith('task:'));
  const tasks = coordinator.tasks.ids.map((id) => `task:${id}`);
  for (const account of [...accounts, ...tasks])
    realm.run('budgets.set', { account, limitMicroUsd: ENOUGH_MICRO_USD });
};

/** Lets people decide all that waits for them and one able runner do all the rest. */
const drain = (realm: RealmRun): void => {
  const { coordinator } = realm.world;
  afford(realm);
  for (const { id, status } of coordinator.plans) {
    if (status === 'paused') realm.run('plans.resume', { planId: id });
  }
  for (const [sessionId, { closed }] of coordinator.sessions)
    if (closed === undefined) realm.run('sessions.close', { sessionId });
  for (const [blockerId, { resolution }] of coordinator.blockers)
    if (resolution === undefined) realm.run('blockers.resolve', { blockerId, resolution: 'gone' });
  for (const taskId of coordinator.tasks.ids) {
    realm.run('tasks.unpark', { taskId });
    realm.run('tasks.judge', { taskId, verdict: 'accept', reason: 'seen' }, { principal: 'zoe' });
  }
  realm.run(
    'sessions.open',
    { agent: 'zed', role: 'runner', capabilities: [...SKILLS] },
    { ids: ['last'] },
  );
  for (let idle = 0; idle < 2;) {
    const entries = realm.entries.length;
    for (const plan of coordinator.plans)
      for (const phase of plan.phases) decidePhase(realm, plan.id, phase.key);
    work(realm);
    idle = realm.entries.length === entries ? idle + 1 : 0;
  }
};

const decidePhase = (realm: RealmRun, planId: string, phase: string): void => {
  const state = realm.world.coordinator.plans
    .find(({ id }) => id === planId)
    ?.phases.find(({ key }) => key === phase);
  for (const principal of ['olga', 'paul', 'quin', 'rob'])
    realm.run('phases.approve', { planId, phase }, { principal });
  for (const { name, ok } of state?.checks ?? [])
    if (ok !== true) realm.run('phases.check', { planId, phase, result: { name, ok: true } });
};

const work = (realm: RealmRun): void => {
  for (;;) {
    const decision = realm.run('tasks.next', { sessionId: 'last' });
    const [event] = decision.kind === 'accept' ? decision.events : [];
    if (event?.type !== 'task.leased') return;
    const { taskId } = event;
    const gates = ['lint', 'test'].map((name) => ({ name, ok: true }));
    realm.run('tasks.complete', { taskId, fence: realm.fenceOf(taskId), evidence: { gates } });
  }
};
