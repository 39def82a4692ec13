/** How a tool reaches the fabric: in its process, or over the wire through a client. The tools know neither. */
import { problemOf, reject } from '@infrafabric/protocol';
import type { OperationName, Problem, SessionId, TraceId } from '@infrafabric/protocol';
import type { CallOptions, Fabric, Principal } from '../../engine/fabric.ts';
import type { CallMetrics } from '../http/metrics.ts';

export type Answer =
  | { readonly kind: 'ok'; readonly output: unknown; readonly index?: number }
  | { readonly kind: 'problem'; readonly problem: Problem };

export interface ToolCallOptions {
  /** The caller's name for this intention: the same key gives the same reply. */
  readonly key?: string;
  /** Ends a wait. What was decided by then stands. */
  readonly signal?: AbortSignal;
  /** The caller's trace, which the log's entry keeps. */
  readonly trace?: TraceId;
}

export interface ToolCaller {
  /** The session that the credential belongs to; it may act for no other. */
  readonly session?: SessionId;
  /** Calls an operation. A refusal is a value; nothing is thrown for what the caller or the wire did. */
  call(op: OperationName, input: unknown, options: ToolCallOptions): Promise<Answer>;
}

/** Calls of one principal on the fabric of this process, counted in `metrics` where there are any. */
export function fabricCaller(
  fabric: Fabric,
  principal: Principal,
  metrics?: CallMetrics,
): ToolCaller {
  return {
    ...(principal.session === undefined ? {} : { session: principal.session }),
    call: async (op, input, { key, signal, trace }) => {
      const options: CallOptions = {
        principal,
        ...(key === undefined ? {} : { idempotencyKey: key }),
        ...(signal === undefined ? {} : { signal }),
        ...(trace === undefined ? {} : { trace }),
      };
      const startedAt = performance.now();
      const reply = await fabric.call(op, input, options);
      const code = reply.kind === 'ok' ? 'ok' : reply.code;
      const seconds = (performance.now() - startedAt) / 1_000;
      metrics?.observeCall({ surface: 'mcp', operation: op, code, seconds });
      if (reply.kind === 'reject') return { kind: 'problem', problem: problemOf(reply, trace) };
      const { output, index } = reply;
      return index === undefined ? { kind: 'ok', output } : { kind: 'ok', output, index };
    },
  };
}

/** What is needed of a client of a running fabric. It throws an error with a `problem` when the fabric says no. */
export interface OperationClient {
  call(op: OperationName, input: unknown, options: ToolCallOptions): Promise<unknown>;
}

/** Calls over the wire, with the client's credential. */
export function clientCaller(client: OperationClient): ToolCaller {
  return {
    call: async (op, input, options) => {
      try {
        return { kind: 'ok', output: await client.call(op, input, options) };
      } catch (cause) {
        return { kind: 'problem', problem: problemIn(cause) ?? unreachable(options) };
      }
    },
  };
}

function problemIn(cause: unknown): Problem | undefined {
  if (typeof cause !== 'object' || cause === null || !('problem' in cause)) return undefined;
  // Only the client's own error for a refusal carries one, as the fabric sent it.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return cause.problem as Problem;
}

function unreachable({ signal }: ToolCallOptions): Problem {
  const detail =
    signal?.aborted === true
      ? 'The call was cancelled before the fabric answered; whatever it decided stands.'
      : 'The fabric did not answer. It may not run: see `ifab status`.';
  return problemOf(reject('log.outcome_unknown', detail));
}
