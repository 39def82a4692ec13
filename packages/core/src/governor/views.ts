/** What readers see of swarms, accounts, breakers, policy and escalations. */
import type { AccountRow, BreakerRow, EscalationRow, SwarmRow } from '@infrafabric/protocol';
import { balanceOf, draftOf, parentOf } from './ledger.ts';
import type { Escalation, GovernorState, SwarmState } from './state.ts';

// Ids inside the state were parsed when they came in: the casts below say so.

export const accountRow = (state: GovernorState, account: string): AccountRow => {
  const { limit, reserved, spent, overrun, available } = balanceOf(draftOf(state), account);
  const known = state.accounts.get(account);
  const parent = parentOf(state, account);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    account,
    ...(parent === undefined ? {} : { parent }),
    limitMicroUsd: limit,
    inherited: known?.limit === undefined,
    reservedMicroUsd: reserved,
    spentMicroUsd: spent,
    overrunMicroUsd: overrun,
    availableMicroUsd: available,
    alertPercent: known?.alerted ?? 0,
  } as AccountRow;
};

export const swarmRow = (state: GovernorState, swarm: SwarmState): SwarmRow => {
  const { id, profile, breaker, registeredAt, measuredPermille } = swarm;
  const { limit, reserved, spent, overrun, available } = balanceOf(draftOf(state), `swarm:${id}`);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return {
    ...profile,
    ...(measuredPermille === undefined ? {} : { reputationPermille: measuredPermille }),
    breaker: breaker.state,
    sessions: state.sessionsOf.get(id)?.size ?? 0,
    limitMicroUsd: limit,
    reservedMicroUsd: reserved,
    spentMicroUsd: spent,
    overrunMicroUsd: overrun,
    availableMicroUsd: available,
    registeredAt,
  } as SwarmRow;
};

export const breakerRow = ({ id, breaker, failures, spentSinceProgress }: SwarmState): BreakerRow =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  ({
    swarmId: id,
    ...breaker,
    failures,
    spentSinceProgressMicroUsd: spentSinceProgress,
  }) as BreakerRow;

export const escalationRow = ({ id, acknowledged, ...what }: Escalation): EscalationRow =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  ({
    escalationId: id,
    ...what,
    status: acknowledged === undefined ? 'open' : 'acknowledged',
    ...(acknowledged === undefined ? {} : { acknowledgedBy: acknowledged.by }),
    ...(acknowledged?.note === undefined ? {} : { note: acknowledged.note }),
  }) as EscalationRow;
