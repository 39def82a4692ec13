/**
 * The executor port: how the work of one attempt is done. An executor knows no fabric: the runner holds the lease,
 * watches it, and says `abort` when it is lost.
 *
 * X1  When an outcome is told, nothing that the executor started runs any more.
 * X2  An abort ends the work at once; what it wrote is not handed in.
 * X3  Output is bounded: the newest and the first of it are kept, and how much was left out is said.
 */
import type { RunCause, TaskSpec } from '@infrafabric/protocol';
import type { StoredBlob } from '../blobs.ts';
import type { ChassisLink } from './chassis-link.ts';
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
  /** What a run in the sandbox asks of, and tells to, whoever keeps its account; absent: nothing runs in one. */
  readonly chassis?: ChassisLink | undefined;
}

/**
 * How an attempt ended.
 *
 * `exited`     it ended by itself.
 * `signalled`  something outside ended it.
 * `timed-out`  it ran longer than it may.
 * `aborted`    the caller said so; nothing is handed in.
 * `unstarted`  the machine could not start it.
 * `ran`        a module in the sandbox, whose end has a cause.
 * `unfit`      nothing was started: another runner may do it, or this one once an operator has mended what is named.
 */
export type Ending =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'timed-out'; readonly timeoutMs: number }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'unstarted'; readonly detail: string }
  | { readonly kind: 'ran'; readonly cause: RunCause; readonly detail: string }
  | { readonly kind: 'unfit'; readonly detail: string };

/** Something that the work made, as a blob. */
export interface Artifact extends StoredBlob {
  readonly name: string;
}

export interface Execution {
  readonly ending: Ending;
  readonly transcript: Transcript;
  readonly durationMs: number;
  readonly artifacts?: readonly Artifact[];
  /** What was measured, in a few words. */
  readonly measured?: string;
}

export interface Executor {
  /** Whether it can do this task at all. */
  readonly takes: (task: TaskSpec) => boolean;
  /** Does the work. Never rejects: what goes wrong is an ending. */
  readonly start: (work: Work, context: ExecutionContext) => Promise<Execution>;
  /** Ends what it holds beyond single attempts. */
  readonly close?: () => Promise<void>;
}

/** An attempt that never began. */
export function nothing(ending: Ending): Execution {
  return { ending, transcript: { bytes: new Uint8Array(), leftOutBytes: 0 }, durationMs: 0 };
}

/** The first of them that takes a task does it. */
export function anyExecutor(all: readonly Executor[]): Executor {
  const executorOf = (task: TaskSpec): Executor | undefined => all.find((one) => one.takes(task));
  return {
    takes: (task) => executorOf(task) !== undefined,
    start: (work, context) =>
      executorOf(work.task)?.start(work, context) ??
      Promise.resolve(nothing({ kind: 'unstarted', detail: `${work.taskId} names no command` })),
    close: async () => {
      for (const one of all) await one.close?.();
    },
  };
}
