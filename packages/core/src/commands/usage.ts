/** Costs: charged to the lease under which they arose, at the price of the model or as they were given. */
import { reject } from '@infrafabric/protocol';
import { PRICE_CATALOGUE } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import { heldBy, planOf, specOf } from '../coordinator/index.ts';
import type { SessionState } from '../coordinator/index.ts';
import { accountsOf, alertsOf, draftCharge } from '../governor/index.ts';
import type { Reservation, UsageRecorded } from '../governor/index.ts';
import type { ArgsOf } from '../kernel/args.ts';
import { accept } from '../kernel/decision.ts';
import type { Decision } from '../kernel/decision.ts';
import type { DomainEvent } from '../kernel/events.ts';
import { ceilingCost, ownCostOf, priceOf } from '../optimise/index.ts';
import type { Tokens } from '../optimise/index.ts';
import { limitOfTask, reservedFor } from './gate.ts';
import { escalate } from './scene.ts';
import type { Scene } from './scene.ts';

type UsageScene = Scene<ArgsOf<'usage.record'>>;

export const recordUsage = (scene: UsageScene): Decision => {
  const { world, command, draft } = scene;
  const held = heldBy(world.coordinator, command);
  if (held.kind !== 'held') return held;
  const cost = costOf(scene);
  if (typeof cost !== 'number') return cost;
  const { taskId, fence } = command.args;
  const { swarm } = held.session;
  const payers = {
    planId: planOf(world.coordinator, held.task).id,
    taskId,
    sessionId: held.session.id,
    ...(swarm === undefined ? {} : { swarmId: swarm }),
  };
  // A lease for which nothing was set aside has no reservation yet: its costs want one to be settled with.
  const limit = limitOfTask(scene, taskId, specOf(world.coordinator, held.task));
  const known = world.governor.reservations.get(taskId);
  const reservation: Reservation = known ?? { ...payers, fence: fence.n, left: 0, spent: 0 };
  if (known === undefined) draft.limits.set(`task:${taskId}`, limit);
  const charge = draftCharge(draft, reservation, cost);
  const usage = recorded(scene, held.session, reservation, {
    charged: charge.reserved + charge.extended,
    overrun: charge.overrun,
  });
  const alerts = alertsOf(draft, accountsOf(payers), payers);
  return accept(
    ...(known === undefined ? [reservedFor(payers, { amount: 0, fence: fence.n, limit })] : []),
    usage,
    ...alerts,
    ...exhausted(scene, alerts),
  );
};

/** Micro-dollars: the amount that is given, else the tokens at the realm's own price, the catalogue's, or the ceiling. */
const costOf = ({ world, command }: UsageScene): number | Rejection => {
  const { microUsd, model, inputTokens = 0, outputTokens = 0, cachedTokens = 0 } = command.args;
  if (microUsd !== undefined) return microUsd;
  if (model === undefined) {
    return reject('request.invalid', 'usage.record: give microUsd, or the model and its tokens.', {
      field: 'microUsd',
    });
  }
  const tokens: Tokens = { input: inputTokens, output: outputTokens, cached: cachedTokens };
  const price =
    ownCostOf(world.optimise, model, tokens) ??
    priceOf(PRICE_CATALOGUE.models, { model, at: command.at }, tokens);
  if (price !== undefined) return price;
  const { unknownPrice, priceCeilingMicroUsdPerMTok } = world.governor.policy.resource;
  // G5: what nobody knows the price of is never free.
  if (unknownPrice === 'ceiling') return ceilingCost(priceCeilingMicroUsdPerMTok, tokens);
  return reject(
    'price.unknown',
    `Nobody knows the price of ${model}. Set it: ifab price set ${model} --input USD --output USD --source URL; or give microUsd.`,
    { model },
  );
};

const recorded = (
  { command }: UsageScene,
  { role }: SessionState,
  { planId, taskId, sessionId, swarmId }: Reservation,
  { charged, overrun }: { readonly charged: number; readonly overrun: number },
): UsageRecorded => {
  const { component, model, inputTokens, outputTokens, cachedTokens, fence } = command.args;
  return {
    basis: basisOf(command, role),
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    chargedMicroUsd: charged,
    component: component ?? 'agent',
    fence: fence.n,
    ...(inputTokens === undefined ? {} : { inputTokens }),
    microUsd: charged + overrun,
    ...(model === undefined ? {} : { model }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
    overrunMicroUsd: overrun,
    planId,
    sessionId,
    ...(swarmId === undefined ? {} : { swarmId }),
    taskId,
    type: 'usage.recorded',
  };
};

/**
 * What a worker says of itself is its word. A runner has measured what it ran; an operator's credential stands behind
 * agents too, so it says so where it has measured.
 */
const basisOf = (
  { cred, args: { measured } }: UsageScene['command'],
  role: SessionState['role'],
): UsageRecorded['basis'] =>
  role === 'runner' || (cred === 'operator' && measured === true) ? 'measured' : 'reported';

/** A realm or a plan that has nothing left stops by itself: a person is told. Of swarms their breaker tells. */
const exhausted = (scene: Scene, alerts: readonly DomainEvent[]): DomainEvent[] =>
  alerts.flatMap((alert) =>
    alert.type !== 'budget.alerted' ||
    alert.percent < 100 ||
    /^(swarm|session):/.test(alert.account)
      ? []
      : [
          escalate(scene, {
            kind: 'budget',
            severity: 'high',
            subject: alert.account,
            summary: `${alert.account} has spent all of its limit; the last cost was of ${alert.taskId}. Raise it: ifab budget set ${alert.account} USD`,
          }),
        ],
  );
