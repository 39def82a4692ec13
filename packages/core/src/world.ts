/**
 * The world: every room's slice, the one function that decides and the one that folds. A command of one room goes to
 * that room's decider; a command of several is composed in `commands/`.
 */
import type { Command, Decision, Entry, Section } from './kernel/decision.ts';
import type { ArgsOf, WriteName } from './kernel/args.ts';
import type { DomainEvent } from './kernel/events.ts';
import {
  coordinatorSections,
  createCoordinator,
  decideApprovePhase,
  decideCancelPlan,
  decideCancelTask,
  decideCheckPhase,
  decideClaim,
  decideCloseSession,
  decideComplete,
  decideEditPlan,
  decideExpireLease,
  decideExpireSession,
  decideFail,
  decideJoinBlocker,
  decideJudge,
  decideNext,
  decideOpenSession,
  decidePark,
  decidePausePlan,
  decideProgress,
  decideRaiseBlocker,
  decideRelease,
  decideResolveBlocker,
  decideResumePlan,
  decideRevokeSession,
  decideSubmitPlan,
  decideUnpark,
  evolveCoordinator,
  restoreCoordinator,
} from './coordinator/index.ts';
import type { CoordinatorState } from './coordinator/index.ts';
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
}

/** Version of the decisions: raised by every change that makes `decide` answer otherwise for some log. */
export const DECIDER_VERSION = 1;

export const createWorld = (): World => ({
  realm: createRealm(),
  coordinator: createCoordinator(),
});

type Deciders = {
  readonly [N in WriteName]: (world: World, command: Command<ArgsOf<N>>) => Decision;
};

const DECIDERS: Deciders = {
  'plans.submit': (world, command) => decideSubmitPlan(world.coordinator, command),
  'plans.edit': (world, command) => decideEditPlan(world.coordinator, command),
  'plans.pause': (world, command) => decidePausePlan(world.coordinator, command),
  'plans.resume': (world, command) => decideResumePlan(world.coordinator, command),
  'plans.cancel': (world, command) => decideCancelPlan(world.coordinator, command),
  'phases.approve': (world, command) => decideApprovePhase(world.coordinator, command),
  'phases.check': (world, command) => decideCheckPhase(world.coordinator, command),
  'tasks.claim': (world, command) => decideClaim(world.coordinator, command),
  'tasks.next': (world, command) => decideNext(world.coordinator, command),
  'tasks.progress': (world, command) => decideProgress(world.coordinator, command),
  'tasks.release': (world, command) => decideRelease(world.coordinator, command),
  'tasks.complete': (world, command) => decideComplete(world.coordinator, command),
  'tasks.fail': (world, command) => decideFail(world.coordinator, command),
  'tasks.judge': (world, command) => decideJudge(world.coordinator, command),
  'tasks.cancel': (world, command) => decideCancelTask(world.coordinator, command),
  'tasks.park': (world, command) => decidePark(world.coordinator, command),
  'tasks.unpark': (world, command) => decideUnpark(world.coordinator, command),
  'leases.expire': (world, command) => decideExpireLease(world.coordinator, command),
  'sessions.open': (world, command) => decideOpenSession(world.coordinator, command),
  'sessions.close': (world, command) => decideCloseSession(world.coordinator, command),
  'sessions.revoke': (world, command) => decideRevokeSession(world.coordinator, command),
  'sessions.expire': (world, command) => decideExpireSession(world.coordinator, command),
  'blockers.raise': (world, command) => decideRaiseBlocker(world.coordinator, command),
  'blockers.join': (world, command) => decideJoinBlocker(world.coordinator, command),
  'blockers.resolve': (world, command) => decideResolveBlocker(world.coordinator, command),
  'realm.open': (world, command) => decideOpenRealm(world.realm, command),
  'realm.record_state_hash': (world, command) => decideRecordStateHash(world.realm, command),
  'witness.record': (_world, command) => decideRecord(command),
};

type AnyDecider = (world: World, command: Command) => Decision;

const deciders: ReadonlyMap<string, AnyDecider> = new Map(
  // One decider's arguments are not another's; the table above pairs each name with its own, and this is its one door.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  Object.entries(DECIDERS) as [string, AnyDecider][],
);

/** Decides a command. Pure (D1): the world is not touched. The command's arguments fit its operation's schema. */
export const decide = (world: World, command: Command): Decision => {
  const decider = deciders.get(command.op);
  if (decider === undefined) {
    return {
      kind: 'reject',
      code: 'request.unknown_operation',
      detail: `There is no decision of ${command.op}.`,
    };
  }
  return decider(world, command);
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
    default:
      return evolveCoordinator(world.coordinator, event, entry);
  }
};

/** Every room's slice, canonically: the same world gives the same bytes, however it was reached. */
export const worldSections = (world: World): Section[] => [
  ...coordinatorSections(world.coordinator),
  ...realmSections(world.realm),
];

export const restoreWorld = (sections: readonly Section[]): World => {
  const byName = new Map(sections.map((section) => [section.name, section]));
  return { realm: restoreRealm(byName), coordinator: restoreCoordinator(byName) };
};
