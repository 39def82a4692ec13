/**
 * The world: every room's slice, the one function that decides and the one that folds. A command of one room goes to
 * that room's decider; a command of several is composed in `commands/`.
 */
import type { Command, Decision, Entry, Section } from './kernel/decision.ts';
import type { ArgsOf, WriteName } from './kernel/args.ts';
import type { DomainEvent } from './kernel/events.ts';
import {
  chassisSections,
  createChassis,
  decideEnd,
  decideExpireRun,
  decideNote,
  decideRecordModule,
  evolveChassis,
  observeLeases,
  restoreChassis,
} from './chassis/index.ts';
import type { ChassisState } from './chassis/index.ts';
import {
  coordinatorSections,
  createCoordinator,
  decideApprovePhase,
  decideCancelPlan,
  decideCancelTask,
  decideCheckPhase,
  decideCloseSession,
  decideExpireLease,
  decideExpireSession,
  decideFail,
  decideJoinBlocker,
  decideJudge,
  decidePark,
  decidePausePlan,
  decideProgress,
  decideRelease,
  decideResolveBlocker,
  decideResumePlan,
  decideRevokeSession,
  decideUnpark,
  evolveCoordinator,
  restoreCoordinator,
  setMinMatch,
} from './coordinator/index.ts';
import type { CoordinatorState } from './coordinator/index.ts';
import {
  editPlan,
  limitAccount,
  openSessionOf,
  registerSwarm,
  resetBreaker,
  submitPlan,
  tripBreaker,
} from './commands/admin.ts';
import { claim, complete, next } from './commands/claim.ts';
import { governed } from './commands/governed.ts';
import { escalateBlocker, raise } from './commands/help.ts';
import { acceptContract, startRun, withoutOrphans } from './commands/runs.ts';
import { sceneOf } from './commands/scene.ts';
import type { Scene } from './commands/scene.ts';
import { recordUsage } from './commands/usage.ts';
import {
  createGovernor,
  decideAcknowledge,
  decideDefine,
  decideSetPolicy,
  evolveGovernor,
  governorSections,
  observeEvent,
  restoreGovernor,
} from './governor/index.ts';
import type { GovernorState } from './governor/index.ts';
import { NO_CONDITIONS } from './kernel/conditions.ts';
import type { Conditions } from './kernel/conditions.ts';
import {
  createOptimise,
  decideSetPrice,
  evolveOptimise,
  optimiseSections,
  restoreOptimise,
} from './optimise/index.ts';
import type { OptimiseState } from './optimise/index.ts';
import {
  createRealm,
  decideOpenRealm,
  decideRecordStateHash,
  evolveEntry,
  evolveRealm,
  realmSections,
  restoreRealm,
} from './realm/index.ts';
import type { RealmState } from './realm/index.ts';
import { decideRecord } from './witness/index.ts';

export interface World {
  readonly realm: RealmState;
  readonly coordinator: CoordinatorState;
  readonly governor: GovernorState;
  readonly optimise: OptimiseState;
  readonly chassis: ChassisState;
}

/** Version of the decisions: raised by every change that makes `decide` answer otherwise for some log. */
export const DECIDER_VERSION = 3;

export const createWorld = (): World => ({
  realm: createRealm(),
  coordinator: createCoordinator(),
  governor: createGovernor(),
  optimise: createOptimise(),
  chassis: createChassis(),
});

/** A command before the world that it is decided over. */
interface Asked<Args> {
  readonly world: World;
  readonly command: Command<Args>;
  readonly scene: Scene<Args>;
}

type Deciders = {
  readonly [N in WriteName]: (asked: Asked<ArgsOf<N>>) => Decision;
};

const DECIDERS: Deciders = {
  'plans.submit': ({ scene }) => submitPlan(scene),
  'plans.edit': ({ scene }) => editPlan(scene),
  'plans.pause': ({ world, command }) => decidePausePlan(world.coordinator, command),
  'plans.resume': ({ world, command }) => decideResumePlan(world.coordinator, command),
  'plans.cancel': ({ world, command }) => decideCancelPlan(world.coordinator, command),
  'phases.approve': ({ world, command }) => decideApprovePhase(world.coordinator, command),
  'phases.check': ({ world, command }) => decideCheckPhase(world.coordinator, command),
  'tasks.claim': ({ scene }) => claim(scene),
  'tasks.next': ({ scene }) => next(scene),
  'tasks.progress': ({ world, command }) => decideProgress(world.coordinator, command),
  'tasks.release': ({ world, command }) => decideRelease(world.coordinator, command),
  'tasks.complete': ({ scene }) => complete(scene),
  'tasks.fail': ({ world, command }) => decideFail(world.coordinator, command),
  'tasks.judge': ({ world, command }) => decideJudge(world.coordinator, command),
  'tasks.cancel': ({ world, command }) => decideCancelTask(world.coordinator, command),
  'tasks.park': ({ world, command }) => decidePark(world.coordinator, command),
  'tasks.unpark': ({ world, command }) => decideUnpark(world.coordinator, command),
  'leases.expire': ({ world, command }) => decideExpireLease(world.coordinator, command),
  'sessions.open': ({ scene }) => openSessionOf(scene),
  'sessions.close': ({ world, command }) => decideCloseSession(world.coordinator, command),
  'sessions.revoke': ({ world, command }) => decideRevokeSession(world.coordinator, command),
  'sessions.expire': ({ world, command }) => decideExpireSession(world.coordinator, command),
  'blockers.raise': ({ scene }) => raise(scene),
  'blockers.escalate': ({ scene }) => escalateBlocker(scene),
  'blockers.join': ({ world, command }) => decideJoinBlocker(world.coordinator, command),
  'blockers.resolve': ({ world, command }) => decideResolveBlocker(world.coordinator, command),
  'realm.open': ({ world, command }) => decideOpenRealm(world.realm, command),
  'realm.record_state_hash': ({ world, command }) => decideRecordStateHash(world.realm, command),
  'swarms.register': ({ scene }) => registerSwarm(scene),
  'capabilities.define': ({ world, command }) => decideDefine(world.governor, command),
  'budgets.set': ({ scene }) => limitAccount(scene),
  'breakers.trip': ({ scene }) => tripBreaker(scene),
  'breakers.reset': ({ scene }) => resetBreaker(scene),
  'policies.set': ({ world, command, scene }) =>
    decideSetPolicy(world.governor, command, scene.conditions),
  'escalations.acknowledge': ({ world, command }) => decideAcknowledge(world.governor, command),
  'usage.record': ({ scene }) => recordUsage(scene),
  'prices.set': ({ world, command }) => decideSetPrice(world.optimise, command),
  'contracts.accept': ({ scene }) => acceptContract(scene),
  'modules.record': ({ world, command }) => decideRecordModule(world.chassis, command),
  'runs.start': ({ scene }) => startRun(scene),
  'runs.note': ({ world, command }) => decideNote(world.chassis, command),
  'runs.end': ({ world, command }) => decideEnd(world.chassis, command),
  'runs.expire': ({ world, command }) => decideExpireRun(world.chassis, command),
  'witness.record': ({ command }) => decideRecord(command),
};

type AnyDecider = (asked: Asked<unknown>) => Decision;

const deciders: ReadonlyMap<string, AnyDecider> = new Map(
  // One decider's arguments are not another's; the table above pairs each name with its own, and this is its one door.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  Object.entries(DECIDERS) as [string, AnyDecider][],
);

/**
 * Decides a command. Pure (D1): the world is not touched. The command's arguments fit its operation's schema. Without
 * `conditions` every rule of the policy fails, so it denies.
 */
export const decide = (
  world: World,
  command: Command,
  conditions: Conditions = NO_CONDITIONS,
): Decision => {
  const decider = deciders.get(command.op);
  if (decider === undefined) {
    return {
      kind: 'reject',
      code: 'request.unknown_operation',
      detail: `There is no decision of ${command.op}.`,
    };
  }
  const scene = sceneOf(world, command, conditions);
  return withoutOrphans(scene, governed(scene, decider({ world, command, scene })));
};

/** Folds an entry, in place (D2). */
export const evolve = (world: World, entry: Entry): void => {
  evolveEntry(world.realm, entry);
  for (const event of entry.events) evolveEvent(world, event, entry);
};

const evolveEvent = (world: World, event: DomainEvent, entry: Entry): void => {
  switch (event.type) {
    case 'realm.opened':
    case 'realm.state_hashed':
      return evolveRealm(world.realm, event);
    case 'witness.recorded':
      return undefined;
    case 'price.set':
      return evolveOptimise(world.optimise, event, entry.at);
    case 'policy.set':
      setMinMatch(world.coordinator, event.minMatchPermille);
      return evolveGovernor(world.governor, event, entry);
    case 'usage.recorded':
      evolveOptimise(world.optimise, event, entry.at);
      return evolveGovernor(world.governor, event, entry);
    case 'swarm.registered':
    case 'capability.defined':
    case 'budget.limited':
    case 'budget.reserved':
    case 'budget.settled':
    case 'budget.alerted':
    case 'breaker.tripped':
    case 'breaker.reset':
    case 'breaker.closed':
    case 'policy.denied':
    case 'escalation.raised':
    case 'escalation.acknowledged':
      return evolveGovernor(world.governor, event, entry);
    case 'contract.accepted':
    case 'reputation.changed':
      evolveChassis(world.chassis, event, entry);
      return observeEvent(world.governor, event, entry);
    case 'module.admitted':
    case 'module.refused':
    case 'run.started':
    case 'run.ended':
    case 'run.refused':
    case 'run.violated':
    case 'run.notes_dropped':
    case 'credential.used':
    case 'slo.violated':
      return evolveChassis(world.chassis, event, entry);
    default:
      evolveCoordinator(world.coordinator, event, entry);
      observeEvent(world.governor, event, entry);
      return observeLeases(world.chassis, event, entry.at);
  }
};

/** Every room's slice, canonically: the same world gives the same bytes, however it was reached. */
export const worldSections = (world: World): Section[] => [
  ...coordinatorSections(world.coordinator),
  ...governorSections(world.governor),
  ...optimiseSections(world.optimise),
  ...chassisSections(world.chassis),
  ...realmSections(world.realm),
];

export const restoreWorld = (sections: readonly Section[]): World => {
  const byName = new Map(sections.map((section) => [section.name, section]));
  return {
    realm: restoreRealm(byName),
    coordinator: restoreCoordinator(byName),
    governor: restoreGovernor(byName),
    optimise: restoreOptimise(byName),
    chassis: restoreChassis(byName),
  };
};
