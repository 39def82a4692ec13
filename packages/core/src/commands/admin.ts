/** An operator's commands that touch several rooms: plans with their money, sessions with theirs, limits, breakers. */
import { factsFrom, reject } from '@infrafabric/protocol';
import type { GivenFacts, PolicyAction, Rejection } from '@infrafabric/protocol';
import {
  decideEditPlan,
  decideOpenSession,
  decideSubmitPlan,
  findPlan,
  findTask,
  isSession,
  NONE,
  openSession,
  phaseName,
} from '../coordinator/index.ts';
import {
  balanceOf,
  decideLimit,
  decideRegister,
  decideReset,
  DENIAL_WINDOW_MS,
  DENIALS_PER_WINDOW_MAX,
  dollars,
  judgeAction,
  limited,
  noSwarm,
  reputationOf,
} from '../governor/index.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { accept } from '../kernel/decision.ts';
import type { Decision, Refused } from '../kernel/decision.ts';
import { costOfPlan, unfinishedOf } from './cost-of-plan.ts';
import type { PlanCost } from './cost-of-plan.ts';
import { tripEvents } from './governed.ts';
import { policyOn } from './scene.ts';
import type { Scene } from './scene.ts';

/** Why the policy does not allow an act, as a refusal that the log keeps while there are few of them. */
const denied = (
  scene: Scene,
  action: PolicyAction,
  subject: string,
  given: () => GivenFacts,
): Rejection | Refused | undefined => {
  const policy = policyOn(scene, action);
  if (policy === undefined) return undefined;
  const { principal, at } = scene.command;
  const verdict = judgeAction(policy, action, factsFrom({ ...given(), action, principal }));
  if (verdict.kind === 'permit') return undefined;
  const { rule, reason } = verdict;
  const named = rule === undefined ? {} : { rule };
  const rejection = reject('policy.denied', `${action} ${subject}: ${reason}`, {
    action,
    subject,
    ...named,
  });
  const { since, count } = scene.world.governor.denials;
  if (at - since < DENIAL_WINDOW_MS && count >= DENIALS_PER_WINDOW_MAX) return rejection;
  return {
    kind: 'refuse',
    rejection,
    record: { action, by: principal, reason, ...named, subject, type: 'policy.denied' },
  };
};

/** A plan is taken with its limit; what may cost more than the policy lets pass is taken with a person's word. */
export const submitPlan = (scene: Scene<ArgsOf<'plans.submit'>>): Decision => {
  const { world, command, draft } = scene;
  const decision = decideSubmitPlan(world.coordinator, command);
  if (decision.kind !== 'accept') return decision;
  const { plan, confirmMicroUsd = 0 } = command.args;
  const cost = costOfPlan(world.governor, unfinishedOf(plan), plan.budget?.limitMicroUsd);
  const { worstMicroUsd } = cost;
  const refusal = denied(scene, 'plan.submit', plan.id, () => ({
    plan: {
      id: plan.id,
      tasks: cost.tasks,
      costMicroUsd: worstMicroUsd,
      phases: plan.phases?.length ?? 0,
    },
    amountMicroUsd: worstMicroUsd,
  }));
  if (refusal !== undefined) return refusal;
  const unconfirmed = whyUnconfirmed(plan.id, cost, confirmMicroUsd);
  if (unconfirmed !== undefined) return unconfirmed;
  const limitMicroUsd = plan.budget?.limitMicroUsd;
  if (limitMicroUsd === undefined) return decision;
  const limit = limited(draft, {
    account: `plan:${plan.id}`,
    limitMicroUsd,
    by: command.principal,
  });
  return 'kind' in limit ? limit : accept(...decision.events, limit);
};

/** Tasks that are added to a plan that runs are confirmed as a plan is. */
export const editPlan = (scene: Scene<ArgsOf<'plans.edit'>>): Decision => {
  const { world, command } = scene;
  const decision = decideEditPlan(world.coordinator, command);
  const { planId, add = [], confirmMicroUsd = 0 } = command.args;
  if (decision.kind !== 'accept' || add.length === 0) return decision;
  const limitMicroUsd = world.governor.accounts.get(`plan:${planId}`)?.limit;
  const cost = costOfPlan(world.governor, unfinishedOf({ tasks: add }), limitMicroUsd);
  return whyUnconfirmed(planId, cost, confirmMicroUsd) ?? decision;
};

const whyUnconfirmed = (
  planId: string,
  { tasks, worstMicroUsd, confirmAboveMicroUsd, needsConfirmation }: PlanCost,
  confirmMicroUsd: number,
): Rejection | undefined =>
  needsConfirmation && confirmMicroUsd < worstMicroUsd
    ? reject(
        'budget.unconfirmed',
        `The ${tasks} tasks of ${planId} may cost ${dollars(worstMicroUsd)}, more than ${dollars(confirmAboveMicroUsd)} that is taken unasked. Confirm it: --confirm ${worstMicroUsd / 1_000_000}.`,
        { planId, tasks, worstMicroUsd, confirmAboveMicroUsd },
      )
    : undefined;

/** A session is opened with its limit, within that of its swarm (G3). */
export const openSessionOf = (scene: Scene<ArgsOf<'sessions.open'>>): Decision => {
  const { world, command, draft } = scene;
  const { swarm: swarmId, limitMicroUsd, capabilities } = command.args;
  const profile = swarmId === undefined ? undefined : world.governor.swarms.get(swarmId)?.profile;
  const decision = decideOpenSession(
    world.coordinator,
    command,
    capabilities ?? profile?.capabilities ?? [],
  );
  const [opened] = decision.kind === 'accept' ? decision.events : [];
  if (limitMicroUsd === undefined || opened?.type !== 'session.opened') return decision;
  const limit = limited(draft, {
    account: `session:${opened.sessionId}`,
    limitMicroUsd,
    by: command.principal,
    swarmId,
  });
  return 'kind' in limit ? limit : accept(opened, limit);
};

export const registerSwarm = (scene: Scene<ArgsOf<'swarms.register'>>): Decision => {
  const { profile } = scene.command.args;
  return (
    denied(scene, 'swarm.register', profile.swarmId, () => ({
      swarm: {
        id: profile.swarmId,
        registered: scene.world.governor.swarms.has(profile.swarmId),
        reputationPermille: reputationOf({
          ...scene.world.governor.swarms.get(profile.swarmId),
          profile,
        }),
        costPerHourMicroUsd: profile.costPerHourMicroUsd,
        model: profile.model ?? '',
        role: profile.role ?? 'worker',
      },
      session: { capabilities: profile.capabilities },
      limitMicroUsd: profile.limitMicroUsd ?? 0,
    })) ?? decideRegister(scene.world.governor, scene.command)
  );
};

export const limitAccount = (scene: Scene<ArgsOf<'budgets.set'>>): Decision => {
  const { account, limitMicroUsd } = scene.command.args;
  const missing = noAccount(scene, account);
  if (missing !== undefined) return missing;
  return (
    denied(scene, 'budget.set', account, () => ({ account, limitMicroUsd })) ??
    decideLimit(scene.world.governor, scene.command)
  );
};

/** Accounts are opened by their first cost; a limit may come before it, but not before what it limits. */
const noAccount = ({ world }: Scene, account: string): Rejection | undefined => {
  const { coordinator, governor } = world;
  const at = account.indexOf(':');
  const id = account.slice(at + 1);
  const isThere: Readonly<Record<string, (() => boolean) | undefined>> = {
    plan: () => findPlan(coordinator, id) !== undefined,
    task: () => isUnfinished(world, id),
    swarm: () => governor.swarms.has(id) || governor.sessionsOf.has(id),
    session: () => isSession(openSession(coordinator, id)),
  };
  const kind = account.slice(0, Math.max(0, at));
  return (isThere[kind]?.() ?? true)
    ? undefined
    : reject('budget.not_found', `There is no ${kind} ${id} to limit.`, { account });
};

/** The account of a task ends with it: a limit that came later would stand for ever. */
const isUnfinished = ({ coordinator }: Scene['world'], taskId: string): boolean => {
  const task = findTask(coordinator, taskId);
  if (task === NONE) return false;
  const phase = phaseName(coordinator.tasks, task);
  return phase !== 'done' && phase !== 'cancelled';
};

export const tripBreaker = (scene: Scene<ArgsOf<'breakers.trip'>>): Decision => {
  const { swarmId, reason } = scene.command.args;
  const swarm = scene.world.governor.swarms.get(swarmId);
  if (swarm === undefined) return noSwarm(swarmId);
  if (swarm.breaker.state === 'open')
    return reject('breaker.open', `The breaker of ${swarmId} is open already.`, { swarmId });
  const trip = { cause: 'operator', reason, by: scene.command.principal } as const;
  return accept(...tripEvents(scene, swarm, trip, []));
};

export const resetBreaker = (scene: Scene<ArgsOf<'breakers.reset'>>): Decision => {
  const { swarmId, limitMicroUsd } = scene.command.args;
  const swarm = scene.world.governor.swarms.get(swarmId);
  const account = `swarm:${swarmId}`;
  const { available, spent } = balanceOf(scene.draft, account);
  return (
    denied(scene, 'breaker.reset', swarmId, () => ({
      swarm: {
        id: swarmId,
        registered: swarm !== undefined,
        availableMicroUsd: available,
        spentMicroUsd: spent,
      },
      account,
      limitMicroUsd: limitMicroUsd ?? 0,
    })) ?? decideReset(scene.world.governor, scene.command)
  );
};
