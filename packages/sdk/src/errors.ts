import type { ErrorCode, Problem, Remedy } from '@infrafabric/protocol';

/** The fabric said no. `code` and `remedy` are for programs; `message` is for people and models. */
export class FabricError extends Error {
  override readonly name = 'FabricError';
  readonly code: ErrorCode;
  readonly remedy: Remedy;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.code = problem.code;
    this.remedy = problem.remedy;
    this.problem = problem;
  }

  /** After how many ms the same call may work. */
  get retryAfterMs(): number | undefined {
    return this.problem.retryAfterMs;
  }
}

/**
 * The fabric could not be reached for as long as the caller was willing to wait. Whether a write
 * was committed is not known; the same idempotency key will tell.
 */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  readonly remedy: Remedy = 'retry-later';
  /** The key that the call carried. */
  readonly key: string | undefined;

  constructor(
    detail: string,
    options: { readonly key?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.key = options.key;
  }
}

/**
 * Why the signal of a lease was aborted: the task may be another session's now, and what is
 * written is refused.
 */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
  readonly taskId: string;

  constructor(taskId: string, detail: string) {
    super(`${taskId}: ${detail}`);
    this.taskId = taskId;
  }
}

/** The proof of the log does not hold: it was rolled back, forked or is signed by somebody else. */
export class ProofError extends Error {
  override readonly name = 'ProofError';
  readonly reason: 'rollback' | 'fork' | 'inconsistent' | 'signature' | 'origin' | 'missing';

  constructor(reason: ProofError['reason'], detail: string) {
    super(detail);
    this.reason = reason;
  }
}
