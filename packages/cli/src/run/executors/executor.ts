/**
 * The executor port: how the work of one attempt is done. An executor knows no fabric: the runner holds the lease,
 * watches it, and says `abort` when it is lost.
 *
 * X1  When an outcome is told, nothing that the executor started runs any more.
 * X2  An abort ends the work at once; what it wrote is not handed in.
 * X3  Output is bounded: the newest and the first of it are kept, and how much was left out is said.
 */
import type { TaskSpec } from '@infrafabric/protocol';
import type { Transcript } from './transcript.ts';

/** One attempt at one task. */
export interface Work {
  readonly taskId: string;
  /** 1 for the first one. */
  readonly attempt: number;
  readonly task: TaskSpec;
}

export interface ExecutionContext {
  /** Where the work happens. It exists; the caller removes it. */
  readonly workFolder: string;
  /** A folder beside it for HOME and temporary files, so that nothing of the runner's user is in reach by name. */
  readonly privateFolder: string;
  /** Aborts when the lease is lost or the runner is told to stop now. */
  readonly abort: AbortSignal;
  /** Each complete line of output, in order, at most `LINE_CHARS_MAX` long. Must return at once. */
  readonly onLine: (line: string) => void;
}

/**
 * How an attempt ended.
 *
 * `exited`     it ended by itself.
 * `signalled`  something outside ended it.
 * `timed-out`  it ran longer than it may.
 * `aborted`    the caller said so; nothing is handed in.
 * `unstarted`  the machine could not start it.
 */
export type Ending =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'timed-out'; readonly timeoutMs: number }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'unstarted'; readonly detail: string };

export interface Execution {
  readonly ending: Ending;
  readonly transcript: Transcript;
  readonly durationMs: number;
}

export interface Executor {
  /** Whether it can do this task at all. */
  readonly takes: (task: TaskSpec) => boolean;
  /** Does the work. Never rejects: what goes wrong is an ending. */
  readonly start: (work: Work, context: ExecutionContext) => Promise<Execution>;
}
