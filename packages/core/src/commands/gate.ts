/** The gate of grants: what money, breakers and the policy say before a task is leased, and what they set aside for it. */
import { factsFrom, reject } from '@infrafabric/protocol';
import type { Facts, Rejection, SwarmProfile } from '@infrafabric/protocol';
import { findPlan, havesOf } from '../coordinator/index.ts';
import type { SessionState } from '../coordinator/index.ts';
import {
  accountsOf,
  balanceOf,
  draftOf,
  draftReserve,
  emptyOf,
  expectedCostOf,
  judgeAction,
  limitOf,
  overBudget,
  reputationOf,
  shortOf,
  swarmOfSession,
  taskLimitOf,
  worstCaseOf,
} from '../governor/index.ts';
import type { BudgetReserved, GovernorState, Payers, SwarmState } from '../governor/index.ts';
import { must } from '../kernel/decision.ts';
import type { GateTask, GrantGate } from '../kernel/gate.ts';
import { policyOn } from './scene.ts';
import type { Scene } from './scene.ts';

export interface MoneyGate extends GrantGate {
  /** What was set aside for the tasks that were granted. */
  readonly reserved: readonly BudgetReserved[];
}

/** `ending` is a lease of the session that ends by the same decision: a probe that is over makes room for the next. */
export const gateFor = (scene: Scene, session: SessionState, ending?: string): MoneyGate => {
  const swarm =
    session.swarm === undefined ? undefined : swarmOfSession(scene.world.governor, session.id);
  return new Gate(scene, session, swarm, ending);
};

const ROOT = 'realm';

class Gate implements MoneyGate {
  readonly reserved: BudgetReserved[] = [];
  readonly closed: Rejection | undefined;
  readonly #scene: Scene;
  readonly #session: SessionState;
  readonly #swarm: SwarmState | undefined;
  #probes = 0;
  #facts: Facts | undefined;

  constructor(
    scene: Scene,
    session: SessionState,
    swarm: SwarmState | undefined,
    ending: string | undefined,
  ) {
    this.#scene = scene;
    this.#session = session;
    this.#swarm = swarm;
    if (swarm !== undefined && swarm.breaker.state !== 'closed') {
      this.#probes = liveLeases(scene, swarm) - (ending === undefined ? 0 : 1);
      this.closed = this.#suspended(swarm);
    }
  }

  refuse(task: GateTask): Rejection | undefined {
    const swarm = this.#swarm;
    if (swarm?.breaker.state === 'half-open' && this.#probes > 0) return this.#suspended(swarm);
    const { amount, short } = this.#moneyOf(task);
    return short === undefined
      ? this.#denied(task, amount)
      : overBudget(this.#scene.draft, short, amount, task.taskId);
  }

  take(task: GateTask): void {
    this.#probes += 1;
    const { amount } = this.#moneyOf(task);
    if (amount === 0) return;
    const payers = this.#payersOf(task);
    draftReserve(this.#scene.draft, payers, amount);
    this.reserved.push(
      reservedFor(payers, { amount, fence: task.fence, limit: this.#limitOf(task) }),
    );
  }

  /** G4: an open breaker gives nothing, a half-open one lease at a time. */
  #suspended({ id, breaker }: SwarmState): Rejection | undefined {
    const { state, reason = '', by = '', since = 0 } = breaker;
    const facts = { swarmId: id, state, reason, by, since };
    if (state === 'open') {
      const detail = `Swarm ${id} is stopped: ${reason}. An operator can let it try again: ifab breaker reset ${id} --reason TEXT.`;
      return reject('swarm.suspended', detail, facts);
    }
    if (this.#probes === 0) return undefined;
    const detail = `Swarm ${id} is tried with one lease at a time until one succeeds.`;
    return { ...reject('swarm.suspended', detail, facts) };
  }

  #payersOf({ planId, taskId }: GateTask): Payers {
    const { id, swarm } = this.#session;
    return { planId, taskId, sessionId: id, ...(swarm === undefined ? {} : { swarmId: swarm }) };
  }

  #limitOf({ taskId, spec }: GateTask): number {
    return limitOfTask(this.#scene, taskId, spec);
  }

  #moneyOf(task: GateTask): Money {
    const profile = this.#swarm?.profile;
    return isUnfunded(this.#scene.world.governor, task.spec, profile)
      ? NO_MONEY
      : moneyOf(this.#scene, task, this.#payersOf(task), profile);
  }

  #denied(task: GateTask, amount: number): Rejection | undefined {
    const action = task.isHelp ? 'help.lease' : 'task.claim';
    const policy = policyOn(this.#scene, action);
    if (policy === undefined) return undefined;
    const verdict = judgeAction(policy, action, this.#factsOf(task, action, amount));
    if (verdict.kind === 'permit') return undefined;
    return reject('policy.denied', `${task.taskId}: ${verdict.reason}`, {
      taskId: task.taskId,
      action,
      ...(verdict.rule === undefined ? {} : { rule: verdict.rule }),
    });
  }

  #factsOf(task: GateTask, action: 'task.claim' | 'help.lease', amount: number): Facts {
    this.#facts ??= factsOfSession(this.#scene, this.#session, this.#swarm);
    return {
      ...this.#facts,
      action,
      task: factsOfTask(task, this.#limitOf(task), this.#swarm),
      plan: factsOfPlan(this.#scene, task.planId),
      amountMicroUsd: amount,
      matchPermille: task.matchPermille,
    };
  }
}

export interface Money {
  /** What is set aside: the worst case, and of a task that has spent before no more than it has left. */
  readonly amount: number;
  /** The account that cannot cover it. */
  readonly short: string | undefined;
}

const NO_MONEY: Money = { amount: 0, short: undefined };

/**
 * Whether there is nothing to ask: the task costs nothing that is known, nobody has opened an account below the root's,
 * and that one has something left. Most realms' hot path: the names of accounts need not be made to look for them.
 */
const isUnfunded = (
  { accounts, policy: { resource } }: GovernorState,
  spec: GateTask['spec'],
  profile: SwarmProfile | undefined,
): boolean => {
  if (accounts.size > 1 || worstCaseOf(spec, profile, resource) > 0) return false;
  const root = must(accounts.get(ROOT), 'G5: a realm without its account');
  const left = must(root.limit, 'G5: a root without a limit') - root.spent;
  return left > 0 && taskLimitOf(spec, resource) > 0;
};

/**
 * What a lease of a task would set aside, and whether it can be. Who is free may work on nothing; of all others something
 * must be left, even where nobody knows how much it takes.
 */
export const moneyOf = (
  { world, draft }: Pick<Scene, 'world' | 'draft'>,
  { taskId, spec }: Pick<GateTask, 'taskId' | 'spec'>,
  payers: Payers,
  profile: SwarmProfile | undefined,
): Money => {
  const limit = namedLimitOf({ world }, taskId, spec);
  const left = limit - (world.governor.accounts.get(`task:${taskId}`)?.spent ?? 0);
  const worst = worstCaseOf(spec, profile, world.governor.policy.resource);
  const amount = left > 0 ? Math.min(worst, left) : worst;
  if (amount === 0 && profile?.costPerHourMicroUsd === 0) return { amount, short: undefined };
  draft.limits.set(`task:${taskId}`, limit);
  const accounts = accountsOf(payers);
  const short = amount === 0 ? emptyOf(draft, accounts) : shortOf(draft, accounts, amount);
  return { amount, short };
};

/** Live leases of all sessions of a swarm. */
export const liveLeases = ({ world }: Pick<Scene, 'world'>, { id }: SwarmState): number => {
  let live = 0;
  for (const session of world.governor.sessionsOf.get(id) ?? [])
    live += must(world.coordinator.sessions.get(session), 'a swarm of no session').leases.size;
  return live;
};

/** What a task may cost: what its account has, else what it or the policy names. */
const namedLimitOf = (
  { world: { governor } }: Pick<Scene, 'world'>,
  taskId: string,
  spec: GateTask['spec'],
): number =>
  governor.accounts.get(`task:${taskId}`)?.limit ?? taskLimitOf(spec, governor.policy.resource);

/** G3: the same, and no more than its plan may. What would be more than that is refused before it comes to this. */
export const limitOfTask = (
  scene: Pick<Scene, 'world'>,
  taskId: string,
  spec: GateTask['spec'],
): number =>
  Math.min(
    namedLimitOf(scene, taskId, spec),
    limitOf(draftOf(scene.world.governor), `plan:${taskId.slice(0, taskId.indexOf('/'))}`),
  );

export const reservedFor = (
  { planId, taskId, sessionId, swarmId }: Payers,
  {
    amount,
    fence,
    limit,
  }: { readonly amount: number; readonly fence: number; readonly limit: number },
): BudgetReserved => ({
  amountMicroUsd: amount,
  fence,
  limitMicroUsd: limit,
  planId,
  sessionId,
  ...(swarmId === undefined ? {} : { swarmId }),
  taskId,
  type: 'budget.reserved',
});

const factsOfSession = (
  { world, command, draft }: Scene,
  session: SessionState,
  swarm: SwarmState | undefined,
): Facts => {
  const account = session.swarm === undefined ? 'realm' : `swarm:${session.swarm}`;
  const { available, spent } = balanceOf(draft, account);
  return factsFrom({
    principal: command.principal,
    session: {
      id: session.id,
      agent: session.agent,
      role: session.role,
      capabilities: [...havesOf(world.coordinator, session)],
    },
    swarm: {
      id: session.swarm ?? '',
      registered: swarm !== undefined,
      availableMicroUsd: available,
      spentMicroUsd: spent,
      ...(swarm === undefined
        ? {}
        : {
            reputationPermille: reputationOf(swarm),
            costPerHourMicroUsd: swarm.profile.costPerHourMicroUsd,
            model: swarm.profile.model ?? '',
            role: swarm.profile.role ?? 'worker',
          }),
    },
  });
};

const factsOfTask = (
  { taskId, planId, spec, attempt, priority, isHelp }: GateTask,
  limit: number,
  swarm: SwarmState | undefined,
): Facts['task'] => ({
  id: taskId,
  plan: planId,
  key: spec.key,
  type: spec.type ?? '',
  priority,
  labels: spec.labels ?? [],
  needs: spec.needs ?? [],
  phase: spec.phase ?? '',
  repo: spec.repo ?? '',
  owns: spec.owns ?? [],
  model: spec.model ?? '',
  estimateMicroUsd: expectedCostOf(spec, swarm?.profile),
  limitMicroUsd: limit,
  attempt,
  isHelp,
});

const factsOfPlan = ({ world }: Scene, planId: string): Facts['plan'] => {
  const plan = must(findPlan(world.coordinator, planId), 'a task of no plan');
  return {
    id: planId,
    tasks: plan.counts.reduce((sum, count) => sum + count, 0),
    costMicroUsd: world.governor.accounts.get(`plan:${planId}`)?.spent ?? 0,
    phases: plan.phases.length,
  };
};
