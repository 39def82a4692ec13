export interface SwarmRegistered {
  readonly swarmId: string;
  readonly type: 'swarm.registered';
}
export interface CapabilityDefined {
  readonly description: string;
  readonly id: string;
  readonly type: 'capability.defined';
}
export interface BudgetLimited {
  readonly account: string;
  readonly by: string;
  readonly limitMicroUsd: number;
  /** The account above it. */
  readonly parent?: string;
  readonly reason?: string;
  readonly type: 'budget.limited';
}
export interface BudgetReserved {
  readonly amountMicroUsd: number;
  readonly fence: number;
  /** The most that the task may cost, over all its attempts. */
  readonly limitMicroUsd: number;
  readonly planId: string;
  readonly sessionId: string;
  readonly swarmId?: string;
  readonly taskId: string;
  readonly type: 'budget.reserved';
}
export interface BudgetSettled {
  readonly fence: number;
  /** What was reserved and not spent. */
  readonly releasedMicroUsd: number;
  /** What was charged under the lease. */
  readonly spentMicroUsd: number;
  readonly taskId: string;
  readonly type: 'budget.settled';
}
export interface BudgetAlerted {
  readonly account: string;
  readonly limitMicroUsd: number;
  readonly percent: number;
  /** Whose cost passed the mark. */
  readonly sessionId: string;
  readonly spentMicroUsd: number;
  readonly taskId: string;
  readonly type: 'budget.alerted';
}
export interface UsageRecorded {
  readonly basis: 'measured' | 'reported';
  readonly cachedTokens?: number;
  readonly chargedMicroUsd: number;
  readonly component: string;
  readonly fence: number;
  readonly inputTokens?: number;
  /** The cost: what was charged and what no account covered. */
  readonly microUsd: number;
  readonly model?: string;
  readonly outputTokens?: number;
  readonly overrunMicroUsd: number;
  readonly planId: string;
  readonly sessionId: string;
  readonly swarmId?: string;
  readonly taskId: string;
  readonly type: 'usage.recorded';
}
export type TripCause = 'budget' | 'failures' | 'failure-rate' | 'no-progress' | 'operator';
export interface BreakerTripped {
  readonly by: string;
  readonly cause: TripCause;
  readonly reason: string;
  readonly swarmId: string;
  readonly type: 'breaker.tripped';
}
export interface BreakerReset {
  readonly by: string;
  readonly reason: string;
  readonly swarmId: string;
  readonly type: 'breaker.reset';
}
export interface BreakerClosed {
  readonly swarmId: string;
  readonly type: 'breaker.closed';
}
export interface PolicySet {
  readonly by: string;
  readonly digest: string;
  /** Least share of needed capabilities, for the room that hands out tasks. */
  readonly minMatchPermille: number;
  readonly reason?: string;
  readonly rules: number;
  readonly type: 'policy.set';
}
/** An act that the policy did not allow. Of claims the coordinator keeps its own record, `claim.refused`. */
export interface PolicyDenied {
  readonly action: string;
  readonly by: string;
  readonly reason: string;
  readonly rule?: string;
  readonly subject: string;
  readonly type: 'policy.denied';
}
export interface EscalationRaised {
  readonly escalationId: string;
  readonly kind: 'breaker' | 'blocker' | 'budget';
  readonly severity: 'warn' | 'high';
  readonly subject: string;
  readonly summary: string;
  readonly type: 'escalation.raised';
}
export interface EscalationAcknowledged {
  readonly by: string;
  readonly escalationId: string;
  readonly note?: string;
  readonly type: 'escalation.acknowledged';
}

export type GovernorEvent =
  | SwarmRegistered
  | CapabilityDefined
  | BudgetLimited
  | BudgetReserved
  | BudgetSettled
  | BudgetAlerted
  | UsageRecorded
  | BreakerTripped
  | BreakerReset
  | BreakerClosed
  | PolicySet
  | PolicyDenied
  | EscalationRaised
  | EscalationAcknowledged;
