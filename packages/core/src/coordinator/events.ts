import type { Evidence, GateResult, RelationKind } from '@infrafabric/protocol';

type Gates = readonly GateResult[];

export interface PlanSubmitted {
  readonly digest: string;
  readonly phases: number;
  readonly planId: string;
  readonly tasks: number;
  readonly type: 'plan.submitted';
}
export interface PlanEdited {
  readonly added: number;
  readonly dependencies: number;
  readonly planId: string;
  readonly priorities: number;
  readonly type: 'plan.edited';
}
export interface PlanPaused {
  readonly planId: string;
  readonly reason?: string;
  readonly type: 'plan.paused';
}
export interface PlanResumed {
  readonly planId: string;
  readonly type: 'plan.resumed';
}
export interface PlanCancelled {
  readonly cancelled: number;
  /** Tasks whose live leases ended with the plan. */
  readonly ended: readonly string[];
  readonly planId: string;
  readonly reason: string;
  readonly type: 'plan.cancelled';
}
export interface PhaseOpened {
  readonly phase: string;
  readonly planId: string;
  readonly type: 'phase.opened';
}
export interface PhasePassed {
  readonly phase: string;
  readonly planId: string;
  readonly type: 'phase.passed';
}
export interface PhaseApproved {
  readonly by: string;
  readonly for: 'opening' | 'gate';
  readonly phase: string;
  readonly planId: string;
  readonly reason?: string;
  readonly type: 'phase.approved';
}
export interface PhaseChecked {
  readonly name: string;
  readonly ok: boolean;
  readonly phase: string;
  readonly planId: string;
  readonly type: 'phase.checked';
}
export interface TaskLeased {
  readonly attempt: number;
  readonly fence: number;
  readonly leaseMs: number;
  readonly sessionId: string;
  readonly taskId: string;
  readonly type: 'task.leased';
}
export interface TaskProgressed {
  readonly artifact?: { readonly bytes: number; readonly digest: string; readonly name: string };
  readonly evidence: string;
  readonly fence: number;
  readonly note?: string;
  readonly percent?: number;
  readonly sessionId: string;
  readonly taskId: string;
  readonly type: 'task.progressed';
}
export interface TaskReleased {
  readonly fence: number;
  readonly reason?: string;
  readonly sessionId: string;
  readonly taskId: string;
  readonly type: 'task.released';
}
export interface TaskSubmitted {
  readonly evidence?: Evidence;
  readonly fence: number;
  readonly sessionId: string;
  readonly taskId: string;
  readonly type: 'task.submitted';
}
export interface TaskCompleted {
  readonly evidence?: Evidence;
  readonly fence: number;
  /** Tasks that nothing else held back (the first RELEASES_LISTED_MAX of them). */
  readonly releases?: readonly string[];
  readonly sessionId: string;
  readonly taskId: string;
  readonly type: 'task.completed';
}
export interface TaskAccepted {
  /** The session that handed the work in. */
  readonly author: string;
  readonly by: string;
  readonly gates?: Gates;
  readonly reason?: string;
  readonly releases?: readonly string[];
  readonly taskId: string;
  readonly type: 'task.accepted';
}
export interface TaskRejected {
  readonly author: string;
  readonly by: string;
  readonly gates?: Gates;
  readonly reason: string;
  readonly taskId: string;
  readonly type: 'task.rejected';
}
export interface TaskFailed {
  readonly attempt: number;
  readonly fence: number;
  readonly reason: string;
  readonly sessionId: string;
  readonly taskId: string;
  readonly type: 'task.failed';
}
export interface LeaseExpired {
  readonly attempt: number;
  readonly fence: number;
  /** The renewal (or grant) from which the lease was counted, ms since the epoch. */
  readonly renewedAt: number;
  readonly sessionId: string;
  readonly taskId: string;
  readonly type: 'lease.expired';
}
export interface TaskParked {
  readonly reason: string;
  readonly taskId: string;
  readonly type: 'task.parked';
}
export interface TaskUnparked {
  readonly taskId: string;
  readonly type: 'task.unparked';
}
export interface TaskCancelled {
  readonly reason: string;
  readonly taskId: string;
  readonly type: 'task.cancelled';
}
export interface SessionOpened {
  readonly agent: string;
  readonly capabilities: readonly string[];
  readonly label?: string;
  readonly leasesMax: number;
  readonly role: 'worker' | 'runner';
  readonly sessionId: string;
  readonly swarm?: string;
  readonly type: 'session.opened';
}
export interface SessionClosed {
  readonly how: 'closed' | 'revoked' | 'expired';
  readonly reason: string;
  readonly released: readonly string[];
  readonly sessionId: string;
  readonly type: 'session.closed';
}
export interface BlockerRaised {
  readonly blockerId: string;
  /** Unfinished tasks behind the blocked one. */
  readonly blocks: number;
  /** When a person is told, if nobody has resolved it by then, ms since the epoch. */
  readonly escalateAt: number;
  readonly fence: number;
  readonly kind: string;
  readonly needs: readonly string[];
  /** Helpers who must say that it is lifted; absent: all who were given a help task. */
  readonly quorum?: number;
  readonly released: boolean;
  readonly sessionId: string;
  readonly taskId: string;
  readonly title: string;
  readonly type: 'blocker.raised';
  readonly waitsOn?: string;
}
export interface BlockerJoined {
  readonly blockerId: string;
  readonly note?: string;
  readonly sessionId: string;
  readonly type: 'blocker.joined';
}
/** A help task: one side of what a blocker needs. Its specification is made of the event and the blocker. */
export interface HelpOffered {
  readonly blockerId: string;
  readonly limitMicroUsd: number;
  readonly needs: readonly string[];
  readonly priority: number;
  readonly relation?: RelationKind;
  readonly taskId: string;
  readonly type: 'help.offered';
}
/** A helper says that its side is done; with the task, because that is. */
export interface BlockerDeclared {
  readonly blockerId: string;
  readonly sessionId: string;
  readonly taskId?: string;
  readonly type: 'blocker.declared';
}
export interface BlockerEscalated {
  readonly blockerId: string;
  readonly type: 'blocker.escalated';
}
export interface BlockerResolved {
  readonly blockerId: string;
  readonly by: string;
  readonly resolution: string;
  readonly taskId: string;
  readonly type: 'blocker.resolved';
}
/** A refusal that matters later: a write with a fencing token that is not the current one. Rate-limited. */
export interface WriteRefused {
  readonly code: string;
  readonly fence: number;
  readonly op: string;
  readonly sessionId: string;
  readonly taskId: string;
  readonly type: 'write.refused';
}

/** A claim that money, a breaker or the policy refused. Rate-limited. */
export interface ClaimRefused {
  readonly account?: string;
  readonly code: string;
  readonly detail: string;
  readonly rule?: string;
  readonly sessionId: string;
  readonly taskId?: string;
  readonly type: 'claim.refused';
}

export type CoordinatorEvent =
  | PlanSubmitted
  | PlanEdited
  | PlanPaused
  | PlanResumed
  | PlanCancelled
  | PhaseOpened
  | PhasePassed
  | PhaseApproved
  | PhaseChecked
  | TaskLeased
  | TaskProgressed
  | TaskReleased
  | TaskSubmitted
  | TaskCompleted
  | TaskAccepted
  | TaskRejected
  | TaskFailed
  | LeaseExpired
  | TaskParked
  | TaskUnparked
  | TaskCancelled
  | SessionOpened
  | SessionClosed
  | BlockerRaised
  | BlockerJoined
  | HelpOffered
  | BlockerDeclared
  | BlockerEscalated
  | BlockerResolved
  | ClaimRefused
  | WriteRefused;
