/** A tool as data: a name, words for models, arguments, and how it uses the registry's operations. */
import { hash, randomUUID } from 'node:crypto';
import { IdempotencyKey, problemOf, reject } from '@infrafabric/protocol';
import type {
  InputOf,
  OperationName,
  OutputOf,
  Problem,
  SessionId,
  TraceId,
} from '@infrafabric/protocol';
import type { Tool } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { advertised } from './advertise.ts';
import type { JsonObject } from './fit.ts';
import type { ToolCaller } from './tool-caller.ts';

export type ToolResult =
  | { readonly kind: 'ok'; readonly content: JsonObject }
  | { readonly kind: 'problem'; readonly problem: Problem };

export type Outcome<N extends OperationName> =
  | { readonly kind: 'ok'; readonly output: OutputOf<N>; readonly index?: number }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** What a tool call has of its surroundings. */
export interface ToolContext {
  readonly caller: ToolCaller;
  /** What the client calls itself, `name version`. A hint: authority comes from the credential. */
  readonly client?: string;
  readonly trace?: TraceId;
  /** Aborts when the client cancels the call or is gone. */
  readonly signal: AbortSignal;
  /** Tells the client that the call lives, where it asked to be told. Seconds. */
  readonly progress: (done: { readonly seconds: number; readonly of: number }) => void;
}

export interface Call extends ToolContext {
  readonly session?: SessionId;
  /** The key under which the writes of this tool call go out, if the caller gave one. */
  readonly key?: string;
  readonly call: <N extends OperationName>(
    op: N,
    input: InputOf<N>,
    key?: string,
  ) => Promise<Outcome<N>>;
}

interface Definition<Args extends z.ZodObject> {
  readonly name: string;
  /** The first sentence carries the words that clients search by. */
  readonly description: string;
  readonly args: Args;
  readonly effect: 'read' | 'write';
  /** The arguments that say whose intention a write is: two agents may choose the same idempotency key. */
  readonly owner?: (args: z.output<Args>) => string;
  /** Shown to the model without a search: the tools by which everything begins. */
  readonly entry?: true;
  readonly run: (args: z.output<Args>, call: Call) => Promise<ToolResult>;
}

export interface McpTool {
  readonly name: string;
  /** As it goes out in `tools/list`. */
  readonly listed: Tool;
  /** Parses the arguments and runs the tool. Throws for defects only. */
  call(args: unknown, context: ToolContext): Promise<ToolResult>;
}

export const ok = (content: JsonObject): ToolResult => ({ kind: 'ok', content });

/** The optional argument of every write. */
export const Key = z
  .string()
  .min(1)
  .max(128)
  .optional()
  .describe('Name this intention; repeat it to get the same answer after a lost one.');

export function defineTool<Args extends z.ZodObject>(definition: Definition<Args>): McpTool {
  const { name, args, run, effect } = definition;
  return {
    name,
    listed: {
      name,
      description: definition.description,
      inputSchema: { ...advertised(args), type: 'object' },
      // Without a word about it, clients take every write for a destructive one and ask a person.
      annotations: {
        readOnlyHint: effect === 'read',
        destructiveHint: false,
        openWorldHint: false,
      },
      ...(definition.entry === undefined ? {} : { _meta: { 'anthropic/alwaysLoad': true } }),
    },
    call: async (input, context) => {
      const parsed = args.safeParse(input ?? {});
      if (!parsed.success) return { kind: 'problem', problem: invalid(definition, parsed.error) };
      const own = definition.owner?.(parsed.data) ?? '';
      const given = 'idempotencyKey' in parsed.data ? parsed.data['idempotencyKey'] : undefined;
      const key = typeof given === 'string' ? scopedKey([name, own, given]) : undefined;
      return run(parsed.data, callOf(context, key));
    },
  };
}

/** A key of our own, where the caller gave none and a lost answer would cost a lease. */
export const newKey = (): string => randomUUID();

/** The caller's key below the tool and the handles that it belongs to. */
export function scopedKey(parts: readonly string[]): IdempotencyKey {
  return IdempotencyKey.parse(`mcp.${hash('sha256', parts.join('\n'), 'base64url')}`);
}

function callOf(context: ToolContext, key: string | undefined): Call {
  const { caller, signal, trace } = context;
  const around = trace === undefined ? { signal } : { signal, trace };
  return {
    ...context,
    ...(caller.session === undefined ? {} : { session: caller.session }),
    ...(key === undefined ? {} : { key }),
    call: async <N extends OperationName>(op: N, input: InputOf<N>, own = key) => {
      const options = own === undefined ? around : { ...around, key: own };
      const answer = await caller.call(op, input, options);
      // The fabric is trusted for its outputs, which the registry types.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return answer as Outcome<N>;
    },
  };
}

const ISSUES_MAX = 5;

function invalid(definition: Definition<z.ZodObject>, error: z.ZodError): Problem {
  const issues = error.issues.slice(0, ISSUES_MAX).map(({ path, message }) => {
    const at = path.length === 0 ? 'arguments' : path.join('.');
    return `${at}: ${message.slice(0, 200)}`;
  });
  const known = Object.keys(definition.args.shape).join(', ');
  const detail = `${definition.name} cannot take these arguments: ${issues.join('; ')}. It takes ${known}.`;
  return problemOf(reject('request.invalid', detail));
}
