/** An operation is defined once; HTTP, MCP, CLI, SDK and OpenAPI are loops over the definitions. */
import type { z } from 'zod';
import type { ErrorCode } from './errors.ts';

/**
 * Who may call: `operator` holds the realm's operator token; `runner` is a session opened by an operator to run work
 * and gates for the fabric; `worker` is any other session; `realm` is the engine itself (internal commands).
 */
export type Caller = 'operator' | 'runner' | 'worker' | 'realm';

/** `write` is decided and journaled; `soft` changes only the leader's memory; `read` changes nothing. */
export type Effect = 'write' | 'soft' | 'read';

export interface Operation<
  Name extends string = string,
  Input extends z.ZodType = z.ZodType,
  Output extends z.ZodType = z.ZodType,
  Of extends Effect = Effect,
> {
  readonly name: Name;
  readonly summary: string;
  readonly effect: Of;
  readonly callers: readonly Caller[];
  readonly input: Input;
  readonly output: Output;
  readonly errors: readonly ErrorCode[];
}

export const defineOperation = <
  const Name extends string,
  Input extends z.ZodType,
  Output extends z.ZodType,
  const Of extends Effect,
>(
  operation: Operation<Name, Input, Output, Of>,
): Operation<Name, Input, Output, Of> => operation;

export const ANYONE: readonly Caller[] = ['operator', 'runner', 'worker'];
export const OPERATORS: readonly Caller[] = ['operator'];
export const RUNNERS: readonly Caller[] = ['operator', 'runner'];
export const REALM: readonly Caller[] = ['realm'];
