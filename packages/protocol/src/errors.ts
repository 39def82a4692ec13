/**
 * The error catalogue: every way the fabric says no. Codes are `noun.reason` and append-only (a golden file pins them).
 * `remedy` is for programs: fix-request (change the call) · retry-later (the same call may work) · give-up (this
 * intention is over) · report-bug. `status` is HTTP's; the CLI exits by remedy.
 */
export type Remedy = 'fix-request' | 'retry-later' | 'give-up' | 'report-bug';

interface CatalogueRow {
  readonly status: number;
  readonly remedy: Remedy;
  readonly message: string;
}

const row = (status: number, remedy: Remedy, message: string): CatalogueRow => ({
  status,
  remedy,
  message,
});

export const ERRORS = {
  // The request itself.
  'request.invalid': row(
    400,
    'fix-request',
    'The request does not fit the schema of the operation.',
  ),
  'request.malformed': row(400, 'fix-request', 'The request is not well-formed JSON.'),
  'request.too_large': row(413, 'fix-request', 'The request is larger than the fabric accepts.'),
  'request.too_deep': row(400, 'fix-request', 'The request nests deeper than the fabric accepts.'),
  'request.unknown_operation': row(404, 'fix-request', 'There is no such operation.'),
  'request.method': row(405, 'fix-request', 'The operation is called with POST.'),
  'request.host': row(
    421,
    'fix-request',
    'The Host header names a host that this fabric does not serve.',
  ),
  'request.origin': row(
    403,
    'fix-request',
    'The Origin header names a page that may not call this fabric.',
  ),
  'request.key_reused': row(422, 'fix-request', 'The idempotency key was used for another input.'),
  'auth.missing': row(401, 'fix-request', 'The call carries no credential.'),
  'auth.invalid': row(401, 'fix-request', 'The credential is not valid.'),
  'auth.expired': row(401, 'fix-request', 'The credential has expired.'),
  'auth.forbidden': row(403, 'give-up', 'The credential does not allow this operation.'),
  // Plans and phases.
  'plan.not_found': row(404, 'fix-request', 'There is no such plan.'),
  'plan.exists': row(409, 'fix-request', 'A plan with this id and other content exists.'),
  'plan.cycle': row(422, 'fix-request', 'The dependencies form a cycle.'),
  'plan.unknown_dependency': row(
    422,
    'fix-request',
    'A task depends on a task that does not exist.',
  ),
  'plan.duplicate_task': row(422, 'fix-request', 'The plan names one task twice.'),
  'plan.unknown_phase': row(
    422,
    'fix-request',
    'A task names a phase that the plan does not have.',
  ),
  'plan.duplicate_phase': row(422, 'fix-request', 'The plan names one phase twice.'),
  'plan.paused': row(409, 'retry-later', 'The plan is paused.'),
  'plan.ended': row(409, 'give-up', 'The plan was cancelled.'),
  'phase.not_found': row(404, 'fix-request', 'There is no such phase.'),
  'phase.not_waiting': row(409, 'give-up', 'The phase does not wait for this.'),
  // Tasks and leases.
  'task.not_found': row(404, 'fix-request', 'There is no such task.'),
  'task.not_ready': row(409, 'retry-later', 'The task waits for something.'),
  'task.leased': row(409, 'retry-later', 'Another session holds the lease.'),
  'task.parked': row(409, 'give-up', 'The task is parked until an operator unparks it.'),
  'task.done': row(409, 'give-up', 'The task is done.'),
  'task.cancelled': row(409, 'give-up', 'The task was cancelled.'),
  'task.suspended': row(409, 'retry-later', 'The plan of the task is paused.'),
  'task.path_owned': row(
    409,
    'retry-later',
    'A lease owns an overlapping path of the same repository.',
  ),
  'task.none_ready': row(409, 'retry-later', 'No task is ready for this session.'),
  'task.not_parked': row(409, 'give-up', 'The task is not parked.'),
  'task.not_submitted': row(409, 'give-up', 'The task does not wait for a verdict.'),
  'lease.stale': row(409, 'give-up', 'The fencing token is not of the task\u2019s current lease.'),
  'lease.forged': row(403, 'give-up', 'The fencing token was not issued by this fabric.'),
  'evidence.missing': row(
    422,
    'fix-request',
    'The completion lacks evidence that the task asks for.',
  ),
  'gate.failed': row(422, 'give-up', 'A gate of the task did not pass.'),
  'review.own_work': row(403, 'give-up', 'Nobody reviews their own work.'),
  'capability.missing': row(409, 'give-up', 'The session lacks a capability that the task needs.'),
  'budget.exceeded': row(402, 'give-up', 'The account cannot cover the cost.'),
  'swarm.suspended': row(409, 'give-up', 'The swarm is suspended.'),
  // Money, swarms, policy.
  'budget.too_low': row(
    422,
    'fix-request',
    'The limit is lower than what is spent and reserved already.',
  ),
  'budget.too_wide': row(
    422,
    'fix-request',
    'The limit is higher than that of the account above it.',
  ),
  'budget.unconfirmed': row(
    402,
    'fix-request',
    'The plan may cost more than is taken without a confirmation.',
  ),
  'budget.not_found': row(404, 'fix-request', 'There is no such account.'),
  'price.unknown': row(422, 'fix-request', 'There is no price of this model.'),
  'swarm.not_found': row(404, 'fix-request', 'There is no such swarm.'),
  'swarm.too_many': row(409, 'give-up', 'The realm has as many swarms as it may.'),
  'breaker.open': row(409, 'give-up', 'The breaker of the swarm is open already.'),
  'breaker.closed': row(409, 'give-up', 'The breaker of the swarm is closed.'),
  'capability.unknown': row(422, 'fix-request', 'There is no such capability.'),
  'capability.exists': row(409, 'fix-request', 'The capability has another description.'),
  'policy.denied': row(403, 'give-up', 'The policy does not allow this.'),
  'policy.invalid': row(422, 'fix-request', 'The policy does not hold its own rules.'),
  'escalation.not_found': row(404, 'fix-request', 'There is no such escalation.'),
  // Contracts, modules and runs.
  'contract.not_found': row(404, 'fix-request', 'There is no contract of this swarm and module.'),
  'contract.entrypoint': row(
    422,
    'fix-request',
    'The contract does not have the entrypoint that the task names.',
  ),
  'contract.too_many': row(409, 'give-up', 'The realm has as many contracts as it may.'),
  'module.refused': row(409, 'give-up', 'The module was refused by its admission.'),
  'isolation.too_low': row(
    409,
    'give-up',
    'The runner host does not isolate as well as the run asks for.',
  ),
  'run.exists': row(409, 'give-up', 'The lease has a run that has not ended.'),
  'run.not_found': row(404, 'fix-request', 'There is no such run.'),
  'run.ended': row(409, 'give-up', 'The run has ended.'),
  // Sessions and blockers.
  'session.not_found': row(404, 'fix-request', 'There is no such session.'),
  'session.ended': row(409, 'give-up', 'The session has ended.'),
  'session.full': row(409, 'retry-later', 'The session holds as many leases as it may.'),
  'session.too_many': row(409, 'retry-later', 'The realm has as many open sessions as it may.'),
  'blocker.not_found': row(404, 'fix-request', 'There is no such blocker.'),
  'blocker.resolved': row(409, 'give-up', 'The blocker is resolved.'),
  // The witness.
  'witness.tampered': row(409, 'report-bug', 'The log was changed after it was written.'),
  'witness.unanchored': row(409, 'give-up', 'No checkpoint vouches for the log.'),
  'witness.no_such_entry': row(404, 'fix-request', 'The log has no such entry.'),
  'replay.diverged': row(409, 'report-bug', 'Deciding again gave another result.'),
  'journal.damaged': row(503, 'give-up', 'The journal is damaged.'),
  'blob.not_found': row(404, 'fix-request', 'There is no blob with this digest.'),
  'blob.mismatch': row(422, 'fix-request', 'The bytes do not have the digest that was named.'),
  // The world around the fabric.
  'log.unavailable': row(503, 'retry-later', 'The journal cannot be written now.'),
  'log.full': row(
    503,
    'retry-later',
    'The disk is full; the realm is read-only until there is room.',
  ),
  'log.outcome_unknown': row(
    503,
    'retry-later',
    'It is not known whether the command was committed; the same idempotency key will tell.',
  ),
  'log.damaged': row(503, 'give-up', 'The journal is damaged and was not opened.'),
  'log.locked': row(503, 'give-up', 'Another process leads this realm.'),
  'log.fsync_failed': row(503, 'give-up', 'The disk refused to sync; the process ends.'),
  'fabric.overloaded': row(503, 'retry-later', 'The leader is behind; slow down.'),
  'fabric.starting': row(503, 'retry-later', 'The leader is reading its journal.'),
  'fabric.stopping': row(503, 'retry-later', 'The leader is stopping.'),
  'config.invalid': row(400, 'fix-request', 'The configuration is not valid.'),
  'feed.lagging': row(
    503,
    'retry-later',
    'The reader fell behind and was dropped; resume from the cursor.',
  ),
  internal: row(500, 'report-bug', 'The fabric made a mistake.'),
  // Secrets.
  'secret.unavailable': row(503, 'retry-later', 'The secret store does not answer now.'),
  'secret.not_found': row(404, 'fix-request', 'The secret store has no such secret.'),
  'secret.denied': row(403, 'give-up', 'The secret store does not give this secret out.'),
  'secret.invalid': row(
    422,
    'fix-request',
    'The reference or the value of the secret is not valid.',
  ),
  // Runners of the chassis.
  'runner.unavailable': row(503, 'retry-later', 'No runner can be had now.'),
} as const satisfies Readonly<Record<string, CatalogueRow>>;

export type ErrorCode = keyof typeof ERRORS;

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

/** RFC 9457 problem details, with the code and the remedy that programs act on. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly remedy: Remedy;
  /** What happened this time and what to do next, for people and models. */
  readonly detail: string;
  /** Facts a program may use: holder, until, blockers, path of the field. */
  readonly facts?: Readonly<Record<string, unknown>>;
  /** After how many ms the same call may work. */
  readonly retryAfterMs?: number;
  readonly trace?: string;
}

/** A no that is nobody's fault, as a value. */
export interface Rejection {
  readonly kind: 'reject';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly retryAfterMs?: number;
}

export const reject = (
  code: ErrorCode,
  detail: string,
  facts?: Readonly<Record<string, unknown>>,
): Rejection =>
  facts === undefined ? { kind: 'reject', code, detail } : { kind: 'reject', code, detail, facts };

/** The problem document of a rejection. */
export const problemOf = (rejection: Omit<Rejection, 'kind'>, trace?: string): Problem => {
  const { status, remedy, message } = ERRORS[rejection.code];
  return {
    type: `urn:infrafabric:error:${rejection.code}`,
    title: message,
    status,
    code: rejection.code,
    remedy,
    detail: rejection.detail,
    ...(rejection.facts === undefined ? {} : { facts: rejection.facts }),
    ...(rejection.retryAfterMs === undefined ? {} : { retryAfterMs: rejection.retryAfterMs }),
    ...(trace === undefined ? {} : { trace }),
  };
};

/** What the CLI exits with, by remedy (0 done, 1 the answer is no, 130 interrupted are the command's own). */
export const EXIT_CODES: Readonly<Record<Remedy, number>> = {
  'fix-request': 2,
  'give-up': 3,
  'retry-later': 75,
  'report-bug': 70,
};
