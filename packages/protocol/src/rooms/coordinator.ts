/** The coordinator's operations: plans, phases, tasks, leases, sessions, blockers. */
import { z } from 'zod';
import {
  AgentName,
  BlockerId,
  CapabilityId,
  Digest,
  DurationMs,
  EntryIndex,
  FencingToken,
  MicroUsd,
  PhaseKey,
  PlanId,
  SessionId,
  SwarmId,
  TaskId,
  TaskKey,
  Timestamp,
} from '../ids.ts';
import {
  ARTIFACTS_MAX,
  CAPABILITIES_MAX,
  GATES_MAX,
  GRANTS_MAX,
  LEASE_MS_MAX,
  LEASE_MS_MIN,
  PAGE_ROWS_MAX,
  PLAN_TASKS_PER_CALL_MAX,
  REASON_CHARS_MAX,
  SESSION_LEASES_MAX,
  TITLE_CHARS_MAX,
  WAIT_MS_MAX,
} from '../limits.ts';
import { ANYONE, defineOperation, OPERATORS, REALM, RUNNERS } from '../operation.ts';
import { PlanSpec, TaskSpec } from '../plan.ts';

const Reason = z.string().min(1).max(REASON_CHARS_MAX);
const Text = z.string().max(REASON_CHARS_MAX);
const LeaseMs = DurationMs.min(LEASE_MS_MIN).max(LEASE_MS_MAX);
const Count = z.int().min(0);
const Page = {
  /** The last row's id of the page before. */
  after: z.string().max(200).optional(),
  limit: z.int().min(1).max(PAGE_ROWS_MAX).optional(),
};

export const TaskPhase = z.enum([
  'waiting',
  'ready',
  'leased',
  'blocked',
  'submitted',
  'parked',
  'done',
  'cancelled',
]);
export type TaskPhase = z.infer<typeof TaskPhase>;

export const Liveness = z.enum(['starting', 'working', 'waiting', 'wedged', 'dead']);
export type Liveness = z.infer<typeof Liveness>;

export const EvidenceKind = z.enum(['heartbeat', 'tool', 'output', 'commit', 'tokens']);
export type EvidenceKind = z.infer<typeof EvidenceKind>;

export const GateResult = z.strictObject({
  name: z.string().min(1).max(100),
  ok: z.boolean(),
  exitCode: z.int().min(-1).max(255).optional(),
  log: Digest.optional(),
});
export type GateResult = z.infer<typeof GateResult>;

export const Evidence = z.strictObject({
  summary: Text.optional(),
  exitCode: z.int().min(-1).max(255).optional(),
  artifacts: z
    .array(z.strictObject({ name: z.string().min(1).max(300), digest: Digest, bytes: Count }))
    .max(ARTIFACTS_MAX)
    .optional(),
  gates: z.array(GateResult).max(GATES_MAX).optional(),
  diff: z
    .strictObject({
      filesChanged: Count,
      insertions: Count.optional(),
      deletions: Count.optional(),
      commit: z
        .string()
        .regex(/^[0-9a-f]{40,64}$/)
        .optional(),
      digest: Digest.optional(),
    })
    .optional(),
});
export type Evidence = z.infer<typeof Evidence>;

/** What a lease allows: the task's own words, narrowed to what it grants. */
export const LeaseScope = z.strictObject({
  repo: z.string().optional(),
  owns: z.array(z.string()).optional(),
  limitMicroUsd: MicroUsd.optional(),
});

export const Grant = z.strictObject({
  taskId: TaskId,
  fencingToken: FencingToken,
  fence: z.int().min(1),
  attempt: z.int().min(1),
  leaseMs: LeaseMs,
  leaseExpiresAt: Timestamp,
  scope: LeaseScope,
  task: TaskSpec,
});
export type Grant = z.infer<typeof Grant>;

const Written = z.strictObject({ taskId: TaskId, phase: TaskPhase });
const Held = { taskId: TaskId, fencingToken: FencingToken };

// ── Plans ────────────────────────────────────────────────────────────────────────────────────────────────────────

const PlanCounts = z.strictObject({
  total: Count,
  waiting: Count,
  ready: Count,
  leased: Count,
  blocked: Count,
  submitted: Count,
  parked: Count,
  done: Count,
  cancelled: Count,
});

export const PlanRow = z.strictObject({
  planId: PlanId,
  title: z.string(),
  status: z.enum(['active', 'paused', 'cancelled', 'done']),
  counts: PlanCounts,
  submittedAt: Timestamp,
  digest: Digest,
});
export type PlanRow = z.infer<typeof PlanRow>;

export const PhaseRow = z.strictObject({
  id: PhaseKey,
  title: z.string(),
  status: z.enum(['closed', 'open', 'passed']),
  autonomous: z.boolean(),
  tasksLeft: Count,
  approvals: z.array(z.string()),
  approvalsNeeded: Count,
  checks: z.array(z.strictObject({ name: z.string(), ok: z.boolean().nullable() })),
  after: z.array(PhaseKey),
});
export type PhaseRow = z.infer<typeof PhaseRow>;

export const planOperations = [
  defineOperation({
    name: 'plans.submit',
    summary:
      'Take a plan: its phases, its tasks and what depends on what. The same plan twice changes nothing.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ plan: PlanSpec }),
    output: z.strictObject({ planId: PlanId, tasks: Count, ready: Count, changed: z.boolean() }),
    errors: [
      'plan.exists',
      'plan.cycle',
      'plan.unknown_dependency',
      'plan.duplicate_task',
      'plan.unknown_phase',
      'plan.duplicate_phase',
    ],
  }),
  defineOperation({
    name: 'plans.edit',
    summary: 'Add tasks, add or drop dependencies, and change priorities of a plan that runs.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({
      planId: PlanId,
      add: z.array(TaskSpec).max(PLAN_TASKS_PER_CALL_MAX).optional(),
      addDependencies: z
        .array(z.strictObject({ task: TaskKey, dependsOn: z.union([TaskId, TaskKey]) }))
        .max(PLAN_TASKS_PER_CALL_MAX)
        .optional(),
      dropDependencies: z
        .array(z.strictObject({ task: TaskKey, dependsOn: z.union([TaskId, TaskKey]) }))
        .max(PLAN_TASKS_PER_CALL_MAX)
        .optional(),
      priorities: z
        .array(z.strictObject({ task: TaskKey, priority: z.int().min(0).max(4) }))
        .max(PLAN_TASKS_PER_CALL_MAX)
        .optional(),
    }),
    output: z.strictObject({ planId: PlanId, tasks: Count, ready: Count, changed: z.boolean() }),
    errors: [
      'plan.not_found',
      'plan.ended',
      'plan.cycle',
      'plan.unknown_dependency',
      'plan.duplicate_task',
      'plan.unknown_phase',
      'task.not_found',
    ],
  }),
  defineOperation({
    name: 'plans.pause',
    summary: 'Hand out no more of a plan; leases that live go on.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ planId: PlanId, reason: Reason.optional() }),
    output: z.strictObject({ planId: PlanId, status: z.string() }),
    errors: ['plan.not_found', 'plan.ended'],
  }),
  defineOperation({
    name: 'plans.resume',
    summary: 'Hand out a paused plan again.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ planId: PlanId }),
    output: z.strictObject({ planId: PlanId, status: z.string() }),
    errors: ['plan.not_found', 'plan.ended'],
  }),
  defineOperation({
    name: 'plans.cancel',
    summary: 'End a plan: every unfinished task is cancelled and every lease of it ends.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ planId: PlanId, reason: Reason }),
    output: z.strictObject({ planId: PlanId, status: z.string(), cancelled: Count }),
    errors: ['plan.not_found', 'plan.ended'],
  }),
  defineOperation({
    name: 'plans.list',
    summary: 'The plans and how far they are.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ ...Page }),
    output: z.strictObject({ plans: z.array(PlanRow), next: z.string().optional() }),
    errors: [],
  }),
  defineOperation({
    name: 'plans.show',
    summary: 'One plan: progress, phases with their gates, longest unfinished chain.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ planId: PlanId }),
    output: z.strictObject({
      ...PlanRow.shape,
      phases: z.array(PhaseRow),
      dependencies: Count,
      longestChain: Count,
      unfinishedChain: Count,
    }),
    errors: ['plan.not_found'],
  }),
  defineOperation({
    name: 'phases.approve',
    summary:
      'Approve what a phase waits for: its opening when it is autonomous, its gate otherwise.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ planId: PlanId, phase: PhaseKey, reason: Reason.optional() }),
    output: z.strictObject({
      planId: PlanId,
      phase: PhaseKey,
      status: z.enum(['closed', 'open', 'passed']),
    }),
    errors: ['plan.not_found', 'phase.not_found', 'phase.not_waiting', 'plan.ended'],
  }),
  defineOperation({
    name: 'phases.check',
    summary: 'Record what a check of a phase\u2019s gate gave when the fabric ran it.',
    effect: 'write',
    callers: RUNNERS,
    input: z.strictObject({ planId: PlanId, phase: PhaseKey, result: GateResult }),
    output: z.strictObject({
      planId: PlanId,
      phase: PhaseKey,
      status: z.enum(['closed', 'open', 'passed']),
    }),
    errors: ['plan.not_found', 'phase.not_found', 'phase.not_waiting', 'plan.ended'],
  }),
] as const;

// ── Tasks and leases ─────────────────────────────────────────────────────────────────────────────────────────────

export const TaskRow = z.strictObject({
  taskId: TaskId,
  title: z.string(),
  phase: TaskPhase,
  planPhase: PhaseKey.optional(),
  priority: z.int(),
  filler: z.boolean(),
  fence: Count,
  attempts: Count,
  attemptsMax: Count,
  holder: z
    .strictObject({ sessionId: SessionId, agent: AgentName, since: Timestamp, until: Timestamp })
    .optional(),
  waitsFor: Count,
});
export type TaskRow = z.infer<typeof TaskRow>;

export const WhyNot = z.strictObject({
  code: z.enum([
    'dependency',
    'phase',
    'paused',
    'leased',
    'blocked',
    'submitted',
    'parked',
    'done',
    'cancelled',
    'path',
    'capability',
    'no-session',
    'ready',
  ]),
  text: z.string(),
  task: TaskId.optional(),
  session: SessionId.optional(),
  until: Timestamp.optional(),
});
export type WhyNot = z.infer<typeof WhyNot>;

const CLAIM_ERRORS = [
  'session.not_found',
  'session.ended',
  'session.full',
  'task.not_found',
  'task.not_ready',
  'task.leased',
  'task.parked',
  'task.done',
  'task.cancelled',
  'task.suspended',
  'task.path_owned',
  'capability.missing',
  'budget.exceeded',
  'swarm.suspended',
] as const;
const HOLDER_ERRORS = ['task.not_found', 'lease.stale', 'lease.forged', 'session.ended'] as const;

export const taskOperations = [
  defineOperation({
    name: 'tasks.claim',
    summary: 'Lease one task to a session until the lease expires.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({ sessionId: SessionId, taskId: TaskId, leaseMs: LeaseMs.optional() }),
    output: Grant,
    errors: CLAIM_ERRORS,
  }),
  defineOperation({
    name: 'tasks.next',
    summary: 'Lease the best ready tasks for a session; with a wait, as soon as there is one.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      sessionId: SessionId,
      /** Most tasks to lease at once. */
      count: z.int().min(1).max(GRANTS_MAX).optional(),
      leaseMs: LeaseMs.optional(),
      planId: PlanId.optional(),
      waitMs: DurationMs.max(WAIT_MS_MAX).optional(),
    }),
    output: z.strictObject({ grants: z.array(Grant) }),
    errors: ['session.not_found', 'session.ended', 'session.full', 'plan.not_found'],
  }),
  defineOperation({
    name: 'tasks.renew',
    summary: 'Extend leases of a session by their full length, and say what was seen of the work.',
    effect: 'soft',
    callers: ANYONE,
    input: z.strictObject({
      sessionId: SessionId,
      /** Absent: every lease of the session. */
      leases: z.array(z.strictObject(Held)).max(SESSION_LEASES_MAX).optional(),
      evidence: EvidenceKind.optional(),
      note: Text.optional(),
    }),
    output: z.strictObject({
      renewed: z.array(z.strictObject({ taskId: TaskId, leaseExpiresAt: Timestamp })),
      lost: z.array(z.strictObject({ taskId: TaskId, detail: z.string() })),
    }),
    errors: ['session.not_found', 'session.ended', 'lease.forged'],
  }),
  defineOperation({
    name: 'tasks.progress',
    summary: 'Write down what the holder of a lease has done so far.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      ...Held,
      note: Text.optional(),
      percent: z.int().min(0).max(100).optional(),
      evidence: EvidenceKind.optional(),
      artifact: z
        .strictObject({ name: z.string().min(1).max(300), digest: Digest, bytes: Count })
        .optional(),
    }),
    output: z.strictObject({ taskId: TaskId, index: EntryIndex }),
    errors: HOLDER_ERRORS,
  }),
  defineOperation({
    name: 'tasks.release',
    summary: 'Give a lease back; the task is ready again and no attempt is counted.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({ ...Held, reason: Reason.optional() }),
    output: Written,
    errors: HOLDER_ERRORS,
  }),
  defineOperation({
    name: 'tasks.complete',
    summary: 'Hand in a task with its evidence; with `next`, lease another one in the same entry.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({ ...Held, evidence: Evidence.optional(), next: z.boolean().optional() }),
    output: z.strictObject({ taskId: TaskId, phase: TaskPhase, grants: z.array(Grant).optional() }),
    errors: [...HOLDER_ERRORS, 'evidence.missing', 'gate.failed'],
  }),
  defineOperation({
    name: 'tasks.fail',
    summary: 'Say that an attempt failed; the task is tried again or parked.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      ...Held,
      reason: Reason,
      retry: z.boolean().optional(),
      evidence: Evidence.optional(),
    }),
    output: Written,
    errors: HOLDER_ERRORS,
  }),
  defineOperation({
    name: 'tasks.judge',
    summary:
      'Accept or send back a submitted task after its gates were run by the fabric or a reviewer looked.',
    effect: 'write',
    callers: RUNNERS,
    input: z.strictObject({
      taskId: TaskId,
      verdict: z.enum(['accept', 'reject']),
      sessionId: SessionId.optional(),
      gates: z.array(GateResult).max(GATES_MAX).optional(),
      reason: Reason.optional(),
    }),
    output: Written,
    errors: [
      'task.not_found',
      'task.not_submitted',
      'evidence.missing',
      'gate.failed',
      'review.own_work',
    ],
  }),
  defineOperation({
    name: 'tasks.cancel',
    summary: 'End a task that nobody should do; a lease of it ends.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ taskId: TaskId, reason: Reason }),
    output: Written,
    errors: ['task.not_found', 'task.done', 'task.cancelled'],
  }),
  defineOperation({
    name: 'tasks.park',
    summary: 'Set a task aside; a lease of it ends.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ taskId: TaskId, reason: Reason }),
    output: Written,
    errors: ['task.not_found', 'task.done', 'task.cancelled', 'task.parked'],
  }),
  defineOperation({
    name: 'tasks.unpark',
    summary: 'Take a parked task up again with its attempts forgiven.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ taskId: TaskId }),
    output: Written,
    errors: ['task.not_found', 'task.not_parked'],
  }),
  defineOperation({
    name: 'tasks.show',
    summary: 'One task: what it is, where it stands, who holds it, what its attempts left.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ taskId: TaskId }),
    output: z.strictObject({
      ...TaskRow.shape,
      spec: TaskSpec,
      dependsOn: z.array(z.strictObject({ taskId: TaskId, phase: TaskPhase })),
      dependants: z.array(TaskId),
      blockers: z.array(BlockerId),
      evidence: Evidence.optional(),
      parkedFor: z.string().optional(),
      lastProgress: z.string().optional(),
    }),
    errors: ['task.not_found'],
  }),
  defineOperation({
    name: 'tasks.list',
    summary: 'Tasks by plan and state.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ planId: PlanId.optional(), phase: TaskPhase.optional(), ...Page }),
    output: z.strictObject({ tasks: z.array(TaskRow), next: z.string().optional() }),
    errors: ['plan.not_found'],
  }),
  defineOperation({
    name: 'tasks.explain',
    summary: 'Why is this task not running?',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ taskId: TaskId }),
    output: z.strictObject({ taskId: TaskId, phase: TaskPhase, reasons: z.array(WhyNot) }),
    errors: ['task.not_found'],
  }),
  defineOperation({
    name: 'leases.expire',
    summary: 'End a lease that was not renewed in time.',
    effect: 'write',
    callers: REALM,
    input: z.strictObject({ taskId: TaskId, fence: z.int().min(1), renewedAt: Timestamp }),
    output: Written,
    errors: ['lease.stale'],
  }),
] as const;

// ── Sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────

export const SessionRow = z.strictObject({
  sessionId: SessionId,
  agent: AgentName,
  role: z.enum(['worker', 'runner']),
  swarm: SwarmId.optional(),
  status: z.enum(['open', 'closed']),
  liveness: Liveness,
  /** Why the liveness is what it is. */
  reason: z.string(),
  lastEvidenceAt: Timestamp,
  lastEvidence: EvidenceKind,
  openedAt: Timestamp,
  capabilities: z.array(CapabilityId),
  leases: z.array(TaskId),
});
export type SessionRow = z.infer<typeof SessionRow>;

const Opened = z.strictObject({
  sessionId: SessionId,
  /** Bearer token of this session alone; short-lived and revocable. */
  token: z.string(),
  tokenExpiresAt: Timestamp,
  heartbeatMs: DurationMs,
});

export const sessionOperations = [
  defineOperation({
    name: 'sessions.open',
    summary: 'Start a session of an agent and get its own token.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({
      agent: AgentName,
      role: z.enum(['worker', 'runner']).optional(),
      swarm: SwarmId.optional(),
      capabilities: z.array(CapabilityId).max(CAPABILITIES_MAX).optional(),
      leasesMax: z.int().min(1).max(SESSION_LEASES_MAX).optional(),
      label: z.string().max(TITLE_CHARS_MAX).optional(),
    }),
    output: Opened,
    errors: [],
  }),
  defineOperation({
    name: 'sessions.heartbeat',
    summary:
      'Say that a session lives; past half of its token\u2019s life the answer brings a new token.',
    effect: 'soft',
    callers: ANYONE,
    input: z.strictObject({
      sessionId: SessionId,
      evidence: EvidenceKind.optional(),
      note: Text.optional(),
    }),
    output: z.strictObject({
      sessionId: SessionId,
      at: Timestamp,
      token: z.string().optional(),
      tokenExpiresAt: Timestamp.optional(),
    }),
    errors: ['session.not_found', 'session.ended'],
  }),
  defineOperation({
    name: 'sessions.close',
    summary: 'End a session; its leases end and their tasks are ready again.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({ sessionId: SessionId, reason: Reason.optional() }),
    output: z.strictObject({ sessionId: SessionId, released: z.array(TaskId) }),
    errors: ['session.not_found', 'session.ended'],
  }),
  defineOperation({
    name: 'sessions.revoke',
    summary: 'End a session against its will: its token and all of its leases end at once.',
    effect: 'write',
    callers: OPERATORS,
    input: z.strictObject({ sessionId: SessionId, reason: Reason }),
    output: z.strictObject({ sessionId: SessionId, released: z.array(TaskId) }),
    errors: ['session.not_found', 'session.ended'],
  }),
  defineOperation({
    name: 'sessions.expire',
    summary: 'Close a session of which nothing was seen for too long.',
    effect: 'write',
    callers: REALM,
    input: z.strictObject({ sessionId: SessionId, seenAt: Timestamp }),
    output: z.strictObject({ sessionId: SessionId, released: z.array(TaskId) }),
    errors: ['session.not_found', 'session.ended'],
  }),
  defineOperation({
    name: 'sessions.list',
    summary: 'Sessions with their liveness, its reason and the last evidence.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ status: z.enum(['open', 'closed']).optional(), ...Page }),
    output: z.strictObject({ sessions: z.array(SessionRow), next: z.string().optional() }),
    errors: [],
  }),
] as const;

// ── Blockers ─────────────────────────────────────────────────────────────────────────────────────────────────────

export const BlockerKind = z.enum([
  'dependency',
  'integration',
  'capability',
  'access',
  'decision',
  'question',
  'other',
]);

export const BlockerRow = z.strictObject({
  blockerId: BlockerId,
  taskId: TaskId,
  kind: BlockerKind,
  title: z.string(),
  needs: z.array(CapabilityId),
  waitsOn: TaskId.optional(),
  status: z.enum(['open', 'resolved']),
  raisedBy: SessionId,
  raisedAt: Timestamp,
  helpers: z.array(SessionId),
  resolution: z.string().optional(),
});
export type BlockerRow = z.infer<typeof BlockerRow>;

export const blockerOperations = [
  defineOperation({
    name: 'blockers.raise',
    summary:
      'Say what a task waits for that its holder cannot provide; with `release`, give the lease back too.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      ...Held,
      kind: BlockerKind,
      title: Reason,
      needs: z.array(CapabilityId).max(CAPABILITIES_MAX).optional(),
      /** The task whose completion would lift it; the blocker then resolves by itself. */
      waitsOn: TaskId.optional(),
      release: z.boolean().optional(),
    }),
    output: z.strictObject({ blockerId: BlockerId, taskId: TaskId, phase: TaskPhase }),
    errors: HOLDER_ERRORS,
  }),
  defineOperation({
    name: 'blockers.join',
    summary: 'Say that a session helps with a blocker.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({ blockerId: BlockerId, sessionId: SessionId, note: Text.optional() }),
    output: z.strictObject({ blockerId: BlockerId, helpers: z.array(SessionId) }),
    errors: ['blocker.not_found', 'blocker.resolved', 'session.not_found', 'session.ended'],
  }),
  defineOperation({
    name: 'blockers.resolve',
    summary:
      'Say how a blocker was lifted: by the session that raised it, one that helps, or an operator.',
    effect: 'write',
    callers: ANYONE,
    input: z.strictObject({
      blockerId: BlockerId,
      sessionId: SessionId.optional(),
      resolution: Reason,
    }),
    output: z.strictObject({ blockerId: BlockerId, taskId: TaskId, phase: TaskPhase }),
    errors: [
      'blocker.not_found',
      'blocker.resolved',
      'session.not_found',
      'session.ended',
      'auth.forbidden',
    ],
  }),
  defineOperation({
    name: 'blockers.list',
    summary: 'Blockers, who raised them and who helps.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ status: z.enum(['open', 'resolved']).optional(), ...Page }),
    output: z.strictObject({ blockers: z.array(BlockerRow), next: z.string().optional() }),
    errors: [],
  }),
] as const;
