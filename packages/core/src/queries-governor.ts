/** What the engine and the surfaces ask of the governor and the optimiser. Nothing here changes the world. */
import {
  BUILT_IN_CAPABILITIES,
  factsFrom,
  GivenFacts,
  HELP_CANDIDATES_MAX,
  isBuiltInCapability,
  reject,
} from '@infrafabric/protocol';
import type { CapabilityId, OutputOf, ParsedOf, Rejection, TaskSpec } from '@infrafabric/protocol';
import { costOfPlan, unfinishedOf } from './commands/cost-of-plan.ts';
import type { PlanCost } from './commands/cost-of-plan.ts';
import { limitOfTask } from './commands/gate.ts';
import {
  blockerRow,
  findPlan,
  findTask,
  havesOf,
  isSession,
  NONE,
  openSession,
  page,
  specOf,
  tasksWhere,
  phaseName,
} from './coordinator/index.ts';
import {
  accountRow,
  breakerRow,
  compilePolicy,
  escalationRow,
  explainAction,
  noSwarm,
  swarmOfSession,
  swarmRow,
} from './governor/index.ts';
import type { PlanState } from './coordinator/index.ts';
import type { Conditions } from './kernel/conditions.ts';
import { must } from './kernel/decision.ts';
import type { World } from './world.ts';

export const viewSwarms = (
  { governor }: World,
  input: ParsedOf<'swarms.list'>,
): OutputOf<'swarms.list'> => {
  const { rows, next } = page(governor.swarms.values(), input, {
    id: (swarm) => swarm.id,
    row: (swarm) => swarmRow(governor, swarm),
    keep: ({ breaker }) => input.breaker === undefined || breaker.state === input.breaker,
  });
  return { swarms: [...rows], ...(next === undefined ? {} : { next }) };
};

export const viewSwarm = (
  { governor }: World,
  input: ParsedOf<'swarms.show'>,
): OutputOf<'swarms.show'> | Rejection => {
  const swarm = governor.swarms.get(input.swarmId);
  if (swarm === undefined) return noSwarm(input.swarmId);
  const { breaker, failures, spentSinceProgress } = swarm;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    ...swarmRow(governor, swarm),
    ...(breaker.reason === undefined ? {} : { breakerReason: breaker.reason }),
    failures,
    spentSinceProgressMicroUsd: spentSinceProgress,
    sessionIds: [...(governor.sessionsOf.get(swarm.id) ?? [])],
  } as OutputOf<'swarms.show'>;
};

export const viewCapabilities = (
  { governor }: World,
  input: ParsedOf<'capabilities.list'>,
): OutputOf<'capabilities.list'> => {
  const own = [...governor.capabilities].map(([id, description]) => ({ id, description }));
  const all = [...BUILT_IN_CAPABILITIES, ...own].toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const { rows, next } = page(all, input, {
    id: ({ id }) => id,
    row: ({ id, description }) => ({
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      id: id as CapabilityId,
      description,
      builtIn: isBuiltInCapability(id),
      swarms: governor.index.byCapability.get(id)?.length ?? 0,
    }),
  });
  return { capabilities: [...rows], ...(next === undefined ? {} : { next }) };
};

export const viewAccount = ({ governor }: World, account: string): ReturnType<typeof accountRow> =>
  accountRow(governor, account);

export const viewAccounts = (
  { governor }: World,
  input: ParsedOf<'budgets.list'>,
): OutputOf<'budgets.list'> => {
  const { kind } = input;
  const { rows, next } = page(governor.accounts.keys(), input, {
    id: (account) => account,
    row: (account) => accountRow(governor, account),
    keep: (account) => kind === undefined || account === kind || account.startsWith(`${kind}:`),
  });
  return { accounts: [...rows], ...(next === undefined ? {} : { next }) };
};

/** Specifications of a plan's tasks that are neither done nor cancelled. */
function* unfinished({ coordinator }: World, plan: PlanState): Generator<TaskSpec> {
  for (const task of tasksWhere(coordinator, { plan, behind: NONE })) {
    const phase = phaseName(coordinator.tasks, task);
    if (phase !== 'done' && phase !== 'cancelled') yield specOf(coordinator, task);
  }
}

/** What the unfinished tasks of a plan may still cost; undefined where there is no such plan. */
export const remainingCost = (world: World, planId: string): PlanCost | undefined => {
  const plan = findPlan(world.coordinator, planId);
  return plan === undefined ? undefined : costOfPlan(world.governor, unfinished(world, plan));
};

export const previewPlan = (
  world: World,
  { planId, plan }: ParsedOf<'plans.preview'>,
): OutputOf<'plans.preview'> | Rejection => {
  if (plan !== undefined && planId === undefined)
    return {
      planId: plan.id,
      ...costOfPlan(world.governor, unfinishedOf(plan), plan.budget?.limitMicroUsd),
    };
  if (planId === undefined || plan !== undefined)
    return reject('request.invalid', 'plans.preview: give planId, or plan.', { field: 'planId' });
  const cost = remainingCost(world, planId);
  return cost === undefined
    ? reject('plan.not_found', `There is no plan ${planId}.`)
    : { planId, ...cost };
};

export const viewBreakers = (
  { governor }: World,
  input: ParsedOf<'breakers.list'>,
): OutputOf<'breakers.list'> => {
  const { rows, next } = page(governor.swarms.values(), input, {
    id: ({ id }) => id,
    row: breakerRow,
    keep: ({ breaker }) => input.state === undefined || breaker.state === input.state,
  });
  return { breakers: [...rows], ...(next === undefined ? {} : { next }) };
};

export const viewPolicy = ({ governor }: World): OutputOf<'policies.show'> => {
  const { spec, resource, digest, setAt, setBy } = governor.policy;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    policy: spec,
    resource,
    ...(digest === undefined ? {} : { digest }),
    ...(setAt === undefined ? {} : { setAt }),
    ...(setBy === undefined ? {} : { setBy }),
  } as OutputOf<'policies.show'>;
};

/** What the policy in force says of an act; facts that are not given are those of nothing. */
export const explainPolicy = (
  { governor }: World,
  { action, facts = {} }: ParsedOf<'policies.explain'>,
  conditions: Conditions,
): OutputOf<'policies.explain'> | Rejection => {
  const given = GivenFacts.safeParse({ ...facts, action });
  if (!given.success) {
    const [first] = given.error.issues;
    const { path, message } = must(first, 'facts that do not fit for no reason');
    const field = ['facts', ...path.map(String)].join('.');
    return reject('request.invalid', `${field}: ${message}.`, { field });
  }
  const policy = compilePolicy(governor.policy.spec, conditions);
  const { verdict, rules } = explainAction(policy, action, factsFrom(given.data));
  return {
    verdict: verdict.kind,
    ...(verdict.rule === undefined ? {} : { rule: verdict.rule }),
    reason: verdict.reason,
    rules: rules.map(({ id, effect, reason, outcome }) => ({
      id,
      effect,
      said: outcome.kind,
      reason: outcome.kind === 'error' ? outcome.detail : reason,
    })),
  };
};

/** Open ones first, the newest in front. */
export const viewEscalations = (
  { governor }: World,
  input: ParsedOf<'escalations.list'>,
): OutputOf<'escalations.list'> => {
  const all = [...governor.escalations.values()].toReversed();
  const sorted = [
    ...all.filter(({ acknowledged }) => acknowledged === undefined),
    ...all.filter(({ acknowledged }) => acknowledged !== undefined),
  ];
  const { rows, next } = page(sorted, input, {
    id: ({ id }) => id,
    row: escalationRow,
    keep: ({ acknowledged }) =>
      input.status === undefined || (input.status === 'open') === (acknowledged === undefined),
  });
  return { escalations: [...rows], ...(next === undefined ? {} : { next }) };
};

/** What a task may cost and what is set aside for its lease, micro-dollars. */
export const moneyOfTask = (
  world: World,
  taskId: string,
): { readonly limitMicroUsd: number; readonly reservedMicroUsd: number } => {
  const task = findTask(world.coordinator, taskId);
  if (task === NONE) return { limitMicroUsd: 0, reservedMicroUsd: 0 };
  return {
    limitMicroUsd: limitOfTask({ world }, taskId, specOf(world.coordinator, task)),
    reservedMicroUsd: world.governor.reservations.get(taskId)?.left ?? 0,
  };
};

/** The blocker that a help task is for. */
export const helpsWith = (world: World, taskId: string): string | undefined =>
  world.coordinator.notes.get(findTask(world.coordinator, taskId))?.helps;

/** Open blockers of which no person was told yet, and when one is to be. */
export function* blockersToEscalate({
  coordinator,
}: World): Generator<{ readonly blockerId: string; readonly escalateAt: number }> {
  for (const { id, escalateAt, escalated, resolution } of coordinator.blockers.values())
    if (resolution === undefined && !escalated) yield { blockerId: id, escalateAt };
}

/** Waiting sessions of swarms that are named for one need, and waiting sessions without a swarm that are looked at. */
const NAMED_PER_NEED = 32;
const LOOSE_LOOKED_AT_MAX = 4_096;

/**
 * Sessions that wait and have something of what is needed, the best swarms first: at most HELP_CANDIDATES_MAX. The
 * decision chooses among them; it cannot know who waits, since nobody journals that.
 */
export const helpCandidates = (
  world: World,
  needs: readonly string[],
  waiting: Waiting,
): readonly string[] => {
  const found = new Set<string>();
  for (const need of needs) nameSwarms(world, need, waiting, found);
  nameLoose(world, needs, waiting, found);
  return [...found];
};

/** The sessions that wait: one of them, and all in the order in which they came. */
export interface Waiting {
  has(sessionId: string): boolean;
  readonly loose: Iterable<string>;
}

const mayTake = ({ coordinator }: World, sessionId: string): boolean => {
  const session = openSession(coordinator, sessionId);
  return isSession(session) && session.leases.size < session.leasesMax;
};

/** One waiting session of each of the best swarms that have the need. */
const nameSwarms = (world: World, need: string, waiting: Waiting, found: Set<string>): void => {
  const { governor } = world;
  let named = 0;
  for (const { id } of governor.index.byCapability.get(need) ?? []) {
    if (named === NAMED_PER_NEED || found.size === HELP_CANDIDATES_MAX) return;
    for (const sessionId of governor.sessionsOf.get(id) ?? []) {
      if (!waiting.has(sessionId) || !mayTake(world, sessionId)) continue;
      found.add(sessionId);
      named += 1;
      break;
    }
  }
};

/** Waiting sessions of no registered swarm that have any of the needs. */
const nameLoose = (
  world: World,
  needs: readonly string[],
  waiting: Waiting,
  found: Set<string>,
): void => {
  const { coordinator, governor } = world;
  let looks = LOOSE_LOOKED_AT_MAX;
  for (const id of waiting.loose) {
    if (looks === 0 || found.size === HELP_CANDIDATES_MAX) return;
    looks -= 1;
    const session = openSession(coordinator, id);
    if (!isSession(session) || swarmOfSession(governor, id) !== undefined) continue;
    const haves = havesOf(coordinator, session);
    if (mayTake(world, id) && needs.some((need) => haves.has(need))) found.add(id);
  }
};

/** Prices that were set in this realm. */
export const ownPrices = ({
  optimise,
}: World): Iterable<{
  readonly model: string;
  readonly inputMicroUsdPerMTok: number;
  readonly outputMicroUsdPerMTok: number;
  readonly cachedMicroUsdPerMTok: number;
  readonly source: string;
  readonly setAt: number;
}> => optimise.prices.values();

/** An account that was opened by a cost or a limit, or whose plan or swarm is there; undefined where nothing is. */
export const findAccount = (
  world: World,
  account: string,
): ReturnType<typeof accountRow> | undefined => {
  const { governor, coordinator } = world;
  const id = account.slice(account.indexOf(':') + 1);
  const isThere =
    governor.accounts.has(account) ||
    (account.startsWith('plan:') && findPlan(coordinator, id) !== undefined) ||
    (account.startsWith('swarm:') && governor.swarms.has(id));
  return isThere ? accountRow(governor, account) : undefined;
};

/** One blocker as readers see it. */
export const findBlocker = (
  { coordinator }: World,
  blockerId: string,
): ReturnType<typeof blockerRow> | undefined => {
  const blocker = coordinator.blockers.get(blockerId);
  return blocker === undefined ? undefined : blockerRow(coordinator, blocker);
};
