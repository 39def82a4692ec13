/**
 * The governor's slice of the world: who may work, what it may cost, and what stops it.
 *
 * G1  reserved + spent ≤ limit, of every account, at every position of the log.
 * G2  Every reservation belongs to a live lease; the entry that ends the lease settles it.
 * G3  A delegated scope is never wider than its parent: of limits, and of what helpers are given.
 * G4  A swarm whose breaker is open gets no lease until an operator resets it; then one, as a probe.
 * G5  Uncapped is never silent: every account has a finite limit, its own or that of the account above.
 */
import {
  FAILURE_SAMPLES_MAX,
  REPUTATION_PERMILLE_MAX,
  RESOURCE_POLICY_DEFAULT,
} from '@infrafabric/protocol';
import type { PolicySpec, ResourcePolicy, SwarmProfile } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import type { TripCause } from './events.ts';
import { createMatchIndex } from './match-index.ts';
import type { MatchIndex } from './match-index.ts';

export interface Account {
  /** Its own limit; absent: that of its parent. */
  limit?: number;
  readonly parent?: string;
  reserved: number;
  spent: number;
  overrun: number;
  /** The last mark that an alert was given for: 0, 50, 80 or 100. */
  alerted: number;
}

/** What is set aside for the live lease of a task. */
export interface Reservation {
  readonly taskId: string;
  readonly fence: number;
  readonly planId: string;
  readonly sessionId: string;
  readonly swarmId?: string;
  /** What of the amount is neither spent nor given back. */
  left: number;
  /** Charged under this lease, beyond the reservation too. */
  spent: number;
}

export interface Breaker {
  readonly state: 'closed' | 'open' | 'half-open';
  readonly cause?: TripCause;
  readonly reason?: string;
  readonly since?: number;
  readonly by?: string;
}

export interface SwarmState {
  readonly id: string;
  readonly registeredAt: number;
  profile: SwarmProfile;
  breaker: Breaker;
  /** Failures in a row. */
  failures: number;
  /** Newest last; at most RESULTS_KEPT_MAX. */
  results: { readonly at: number; readonly ok: boolean }[];
  /** Micro-dollars since anything came of its work. */
  spentSinceProgress: number;
  /**
   * Who answers for the modules that it has ever had a contract of, and their reputation in ten-thousandths once one was
   * measured. Nobody is forgotten with a contract that is replaced: a record would be gone with it.
   */
  providers?: Provided[];
  /** The least of them, per mille; absent while none was measured. */
  measuredPermille?: number;
}

export interface Provided {
  readonly provider: string;
  permyriad?: number;
}

export interface Escalation {
  readonly id: string;
  readonly kind: 'breaker' | 'blocker' | 'budget';
  readonly severity: 'warn' | 'high';
  readonly subject: string;
  readonly summary: string;
  readonly raisedAt: number;
  readonly index: number;
  acknowledged?: { readonly by: string; readonly note?: string };
}

export interface PolicyState {
  readonly spec: PolicySpec;
  readonly resource: ResourcePolicy;
  readonly digest?: string;
  readonly setAt?: number;
  readonly setBy?: string;
}

export interface GovernorState {
  readonly accounts: Map<string, Account>;
  /** By task: a task has one live lease. */
  readonly reservations: Map<string, Reservation>;
  readonly swarms: Map<string, SwarmState>;
  /** Open sessions that named a swarm, whether it is registered or not. */
  readonly swarmOf: Map<string, string>;
  readonly sessionsOf: Map<string, Set<string>>;
  /** By provider, the swarms that have had a contract of it; built from `swarms`. */
  readonly swarmsOf: Map<string, Set<string>>;
  readonly capabilities: Map<string, string>;
  readonly escalations: Map<string, Escalation>;
  openEscalations: number;
  /** Escalations that nobody has seen, by what they are about. */
  readonly openOf: Map<string, Set<string>>;
  policy: PolicyState;
  /** Denied acts recorded in the current window. */
  denials: { readonly since: number; readonly count: number };
  /** Registered swarms whose breaker is not open, by capability and merit; built from `swarms`. */
  readonly index: MatchIndex;
}

/** Results of one swarm kept for its failure rate, about 24 bytes each: as many as a policy may ask for. */
export const RESULTS_KEPT_MAX = FAILURE_SAMPLES_MAX;
/** Acknowledged escalations kept, the newest; their entries stay in the log. */
export const ESCALATIONS_KEPT_MAX = 10_000;

export const POLICY_NONE: PolicySpec = {
  format: 'ifab-policy/1',
  governs: [],
  resource: {},
  rules: [],
};

export const createGovernor = (): GovernorState => ({
  // G5: the root has a limit of its own from the first entry on.
  accounts: new Map([
    [
      'realm',
      {
        limit: RESOURCE_POLICY_DEFAULT.realmLimitMicroUsd,
        reserved: 0,
        spent: 0,
        overrun: 0,
        alerted: 0,
      },
    ],
  ]),
  reservations: new Map(),
  swarms: new Map(),
  swarmOf: new Map(),
  sessionsOf: new Map(),
  swarmsOf: new Map(),
  capabilities: new Map(),
  escalations: new Map(),
  openEscalations: 0,
  openOf: new Map(),
  policy: { spec: POLICY_NONE, resource: RESOURCE_POLICY_DEFAULT },
  denials: { since: 0, count: 0 },
  index: createMatchIndex(),
});

export const swarmNamed = (state: GovernorState, swarmId: string): SwarmState =>
  must(state.swarms.get(swarmId), 'an event of no swarm');

/** Per mille: what was measured of its providers, else what its profile says. */
export const reputationOf = ({
  profile,
  measuredPermille,
}: Pick<SwarmState, 'profile' | 'measuredPermille'>): number =>
  measuredPermille ?? profile.reputationPermille ?? REPUTATION_PERMILLE_MAX;

/** The registered swarm of a session that is open, or undefined. */
export const swarmOfSession = (state: GovernorState, sessionId: string): SwarmState | undefined => {
  const swarmId = state.swarmOf.get(sessionId);
  return swarmId === undefined ? undefined : state.swarms.get(swarmId);
};
