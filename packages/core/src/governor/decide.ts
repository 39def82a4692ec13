/** Decisions about swarms, capabilities, breakers and the policy itself. */
import {
  CAPABILITIES_DEFINED_MAX,
  isBuiltInCapability,
  reject,
  resourcesOf,
  SWARMS_MAX,
} from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import { accept, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import type { Conditions } from '../kernel/conditions.ts';
import { dollars } from './breaker.ts';
import { limited } from './budget.ts';
import type { BreakerReset, GovernorEvent } from './events.ts';
import { balanceOf, draftOf } from './ledger.ts';
import { runRuleTests } from './rule-tests.ts';
import type { GovernorState } from './state.ts';
import { isSameProfile, noSwarm } from './swarm.ts';

export const isKnownCapability = (state: GovernorState, id: string): boolean =>
  isBuiltInCapability(id) || state.capabilities.has(id);

export const unknownCapability = (id: string, field: string): Rejection =>
  reject(
    'capability.unknown',
    `${field}: there is no capability ${id}. See ifab capability list, or define it: ifab capability define ${id} --description TEXT.`,
    { field, capability: id },
  );

export const decideDefine = (
  state: GovernorState,
  command: Command<ArgsOf<'capabilities.define'>>,
): Decision => {
  const { id, description } = command.args;
  if (isBuiltInCapability(id))
    return reject('capability.exists', `${id} is built in.`, { capability: id });
  const known = state.capabilities.get(id);
  if (known === description) return UNCHANGED;
  if (known !== undefined)
    return reject('capability.exists', `${id} is defined: ${known}`, { capability: id });
  if (state.capabilities.size >= CAPABILITIES_DEFINED_MAX) {
    const detail = `${state.capabilities.size} capabilities are defined, as many as may be.`;
    return reject('request.invalid', detail, { defined: state.capabilities.size });
  }
  return accept({ description, id, type: 'capability.defined' });
};

export const decideRegister = (
  state: GovernorState,
  command: Command<ArgsOf<'swarms.register'>>,
): Decision => {
  const { profile } = command.args;
  const { swarmId, capabilities, limitMicroUsd } = profile;
  const at = capabilities.findIndex((id) => !isKnownCapability(state, id));
  const unknown = capabilities[at];
  if (unknown !== undefined) return unknownCapability(unknown, `profile.capabilities[${at}]`);
  const known = state.swarms.get(swarmId);
  if (known !== undefined && isSameProfile(known.profile, profile)) return UNCHANGED;
  if (known === undefined && state.swarms.size >= SWARMS_MAX) {
    const detail = `${state.swarms.size} swarms are registered, as many as may be.`;
    return reject('swarm.too_many', detail, { swarms: state.swarms.size });
  }
  const events: GovernorEvent[] = [{ swarmId, type: 'swarm.registered' }];
  const account = `swarm:${swarmId}`;
  // The same limit again is no word about it: an operator may have set another one meanwhile.
  const isSaid = limitMicroUsd !== undefined && limitMicroUsd !== known?.profile.limitMicroUsd;
  if (isSaid && limitMicroUsd !== state.accounts.get(account)?.limit) {
    const event = limited(draftOf(state), { account, limitMicroUsd, by: command.principal });
    if ('kind' in event) return event;
    events.push(event);
  }
  return accept(...events);
};

/** G4: the way out of an open breaker. The reset is an operator's, with a reason that the log keeps. */
export const decideReset = (
  state: GovernorState,
  command: Command<ArgsOf<'breakers.reset'>>,
): Decision => {
  const { swarmId, reason, limitMicroUsd } = command.args;
  const swarm = state.swarms.get(swarmId);
  if (swarm === undefined) return noSwarm(swarmId);
  if (swarm.breaker.state !== 'open') {
    const detail = `The breaker of ${swarmId} is ${swarm.breaker.state}; there is nothing to reset.`;
    return reject('breaker.closed', detail, { swarmId, state: swarm.breaker.state });
  }
  const reset: BreakerReset = { by: command.principal, reason, swarmId, type: 'breaker.reset' };
  const account = `swarm:${swarmId}`;
  const draft = draftOf(state);
  const { limit, spent, overrun } = balanceOf(draft, account);
  // What opened it once would open it again with the next cost.
  if (swarm.breaker.cause === 'budget' && spent + overrun >= (limitMicroUsd ?? limit)) {
    const detail = `${swarmId} has spent ${dollars(spent + overrun)}: give it a new limit above that with the reset (--limit USD).`;
    return reject('budget.exceeded', detail, { account, usedMicroUsd: spent + overrun });
  }
  if (limitMicroUsd === undefined) return accept(reset);
  const event = limited(draft, { account, limitMicroUsd, reason, by: command.principal });
  return 'kind' in event ? event : accept(reset, event);
};

/** A policy is taken whole or not at all: its rules hold their own tests here, before it governs anything. */
export const decideSetPolicy = (
  state: GovernorState,
  command: Command<ArgsOf<'policies.set'>>,
  conditions: Conditions,
): Decision => {
  const { policy, digest, reason } = command.args;
  if (state.policy.digest === digest) return UNCHANGED;
  const failed = runRuleTests(policy, conditions).filter(({ passed }) => !passed);
  const [first] = failed;
  if (first !== undefined) {
    const { rule, test, expect, said, detail } = first;
    return reject(
      'policy.invalid',
      `Test ${test + 1} of rule ${rule} expects ${expect}, and the rule says ${said}${detail === undefined ? '' : ` (${detail})`}. Try it: ifab policy check FILE.`,
      { failed: failed.slice(0, FAILED_LISTED_MAX) },
    );
  }
  const resource = resourcesOf(policy);
  const events: GovernorEvent[] = [
    {
      by: command.principal,
      digest,
      minMatchPermille: resource.minMatchPermille,
      ...(reason === undefined ? {} : { reason }),
      rules: policy.rules.length,
      type: 'policy.set',
    },
  ];
  const { realmLimitMicroUsd } = policy.resource;
  if (
    realmLimitMicroUsd !== undefined &&
    realmLimitMicroUsd !== state.accounts.get('realm')?.limit
  ) {
    const event = limited(draftOf(state), {
      account: 'realm',
      limitMicroUsd: realmLimitMicroUsd,
      by: command.principal,
    });
    if ('kind' in event) return event;
    events.push(event);
  }
  return accept(...events);
};

/** Failed tests that a refusal lists. */
const FAILED_LISTED_MAX = 10;
