/** The slice as one section for snapshots and the state hash. What follows from the rest is built again. */
import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';
import type { ResourcePolicy, SwarmProfile } from '@infrafabric/protocol';
import { canonicalText } from '../kernel/canonical.ts';
import { assert } from '../kernel/decision.ts';
import type { Section } from '../kernel/decision.ts';
import { openUp } from './escalation.ts';
import { createGovernor } from './state.ts';
import type {
  Account,
  Escalation,
  GovernorState,
  PolicyState,
  Reservation,
  SwarmState,
} from './state.ts';
import { indexSwarm, linkProvider } from './swarm.ts';

const NAME = 'governor/rest';

/**
 * Figures that came after the first logs stand in a section only where they are not the default: the state of an older
 * log has the hash that was stated for it.
 */
const LATER_FIGURES = ['minLevel', 'secretsMinLevel'] as const;

interface StoredPolicy extends Omit<PolicyState, 'resource'> {
  readonly resource: Partial<ResourcePolicy>;
}

const storedPolicy = ({ resource, ...policy }: PolicyState): StoredPolicy => {
  const said: Partial<Record<keyof ResourcePolicy, unknown>> = { ...resource };
  for (const name of LATER_FIGURES)
    if (resource[name] === RESOURCE_POLICY_DEFAULT[name]) Reflect.deleteProperty(said, name);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { ...policy, resource: said as Partial<ResourcePolicy> };
};

interface Stored {
  readonly accounts: readonly (readonly [string, Account])[];
  readonly reservations: readonly Reservation[];
  readonly swarms: readonly (SwarmState & { readonly profile: SwarmProfile })[];
  readonly sessions: readonly (readonly [string, string])[];
  readonly capabilities: readonly (readonly [string, string])[];
  readonly escalations: readonly Escalation[];
  readonly policy: StoredPolicy;
  readonly denials: GovernorState['denials'];
}

export const governorSections = (state: GovernorState): Section[] => {
  const stored: Stored = {
    accounts: [...state.accounts],
    reservations: [...state.reservations.values()],
    swarms: [...state.swarms.values()],
    sessions: [...state.swarmOf],
    capabilities: [...state.capabilities],
    escalations: [...state.escalations.values()],
    policy: storedPolicy(state.policy),
    denials: state.denials,
  };
  return [{ name: NAME, content: canonicalText(stored) }];
};

/** Builds the slice from its section, which was written by `governorSections` and checked by its hash. */
export const restoreGovernor = (sections: ReadonlyMap<string, Section>): GovernorState => {
  const content = sections.get(NAME)?.content;
  assert(typeof content === 'string', 'a snapshot lacks the section of the governor');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const stored = JSON.parse(content) as Stored;
  const state = createGovernor();
  for (const [id, account] of stored.accounts) state.accounts.set(id, account);
  for (const reservation of stored.reservations)
    state.reservations.set(reservation.taskId, reservation);
  for (const swarm of stored.swarms) {
    state.swarms.set(swarm.id, swarm);
    indexSwarm(state, swarm);
    for (const { provider } of swarm.providers ?? []) linkProvider(state, swarm.id, provider);
  }
  for (const [sessionId, swarmId] of stored.sessions) {
    state.swarmOf.set(sessionId, swarmId);
    const sessions = state.sessionsOf.get(swarmId);
    if (sessions === undefined) state.sessionsOf.set(swarmId, new Set([sessionId]));
    else sessions.add(sessionId);
  }
  for (const [id, description] of stored.capabilities) state.capabilities.set(id, description);
  for (const escalation of stored.escalations) {
    state.escalations.set(escalation.id, escalation);
    if (escalation.acknowledged === undefined) openUp(state, escalation.subject, escalation.id);
  }
  const { resource } = stored.policy;
  state.policy = { ...stored.policy, resource: { ...RESOURCE_POLICY_DEFAULT, ...resource } };
  state.denials = stored.denials;
  return state;
};
