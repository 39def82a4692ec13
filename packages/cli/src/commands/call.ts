/** One call of an operation, with all that a terminal adds: dry runs, questions, traces, ids that were meant, reasons. */
import type { OperationName } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { FabricError } from '@infrafabric/sdk';
import { CliError, cliError, withNext } from '../output/problem.ts';
import type { CliProblem } from '../output/problem.ts';
import { nearest } from '../plans/issues.ts';
import type { CommandContext } from '../tree/command.ts';
import { commandName } from '../tree/command.ts';
import { traceOf } from '../server/connect.ts';

export interface Called {
  readonly output: unknown;
  readonly trace: string | undefined;
}

/** How long a fabric that says it cannot now (starting, overloaded, disk full) is asked again: a person waits. */
const RETRY_MS = 3_000;

/** Calls; a refusal comes back as a CliError that names the id that was meant, where one is near. */
export const callOperation = async (
  context: CommandContext,
  client: Client,
  operation: OperationName,
  input: unknown,
): Promise<Called> => {
  const trace = traceOf(context);
  const { key } = context.flags;
  try {
    // The fabric parses the input with the operation's schema; a wrong one is its refusal to make.
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    const output: unknown = await client.call(operation, input as never, {
      key,
      trace,
      signal: context.io.interrupted,
      retryMs: RETRY_MS,
    });
    return { output, trace };
  } catch (cause) {
    if (!(cause instanceof FabricError)) throw cause;
    throw new CliError(await withNearId(withNext(cause.problem), client, input), { cause });
  }
};

/** Ids that are compared with a wrong one; more would make an error slow. */
const IDS_MAX = 1_000;

const withNearId = async (
  problem: CliProblem,
  client: Client,
  input: unknown,
): Promise<CliProblem> => {
  const wrong = wrongId(problem.code, input);
  if (wrong === undefined) return problem;
  const ids = await idsLike(client, wrong).catch((): readonly string[] => []);
  const near = nearest(wrong.id, ids);
  if (near === undefined) return problem;
  return { ...problem, next: `Did you mean ${near}?`, facts: { ...problem.facts, near } };
};

interface WrongId {
  readonly kind: 'plan' | 'task' | 'session' | 'blocker';
  readonly id: string;
}

const FIELDS = {
  plan: 'planId',
  task: 'taskId',
  session: 'sessionId',
  blocker: 'blockerId',
} as const;

const wrongId = (code: string, input: unknown): WrongId | undefined => {
  const kind = (['plan', 'task', 'session', 'blocker'] as const).find(
    (one) => code === `${one}.not_found`,
  );
  if (kind === undefined || typeof input !== 'object' || input === null) return undefined;
  const id: unknown = Object.entries(input).find(([name]) => name === FIELDS[kind])?.[1];
  return typeof id === 'string' ? { kind, id } : undefined;
};

const idsLike = async (client: Client, { kind, id }: WrongId): Promise<readonly string[]> => {
  const limit = IDS_MAX;
  switch (kind) {
    case 'plan':
      return (await client.call('plans.list', { limit })).plans.map(({ planId }) => planId);
    case 'task': {
      const [planId = ''] = id.split('/');
      const { plans } = await client.call('plans.list', { limit });
      const plan = plans.map((row): string => row.planId).find((one) => one === planId);
      if (plan === undefined) {
        const near = nearest(
          planId,
          plans.map((row): string => row.planId),
        );
        return near === undefined ? [] : [`${near}/${id.slice(planId.length + 1)}`];
      }
      return (await client.call('tasks.list', { planId: plan, limit })).tasks.map(
        ({ taskId }) => taskId,
      );
    }
    case 'session':
      return (await client.call('sessions.list', { limit })).sessions.map(
        ({ sessionId }) => sessionId,
      );
    case 'blocker':
      return (await client.call('blockers.list', { limit })).blockers.map(
        ({ blockerId }) => blockerId,
      );
  }
};

/** Says what would be sent, after the operation's own schema has taken it. Throws a CliError where it would not. */
export const dryRun = async (
  { out }: CommandContext,
  operation: string,
  input: unknown,
): Promise<void> => {
  const { findOperation } = await import('@infrafabric/protocol');
  const parsed = findOperation(operation)?.input.safeParse(input);
  if (parsed?.success !== true) {
    const issue = parsed?.error.issues[0];
    throw new CliError({
      code: parsed === undefined ? 'request.unknown_operation' : 'request.invalid',
      remedy: 'fix-request',
      detail: `${issue?.path.map(String).join('.') ?? operation}: ${issue?.message ?? 'there is no such operation'}`,
      next: `See what it takes: ifab op ${operation} --schema`,
    });
  }
  out.data(
    { dryRun: true, operation, input },
    () =>
      `dry run: nothing was sent; it would be ${operation}\n${JSON.stringify(input, undefined, 2)}\n`,
  );
};

/** Asks before what cannot be undone. Throws a CliError where nobody may be asked, or where the answer was no. */
export const confirm = async ({ spec, flags, io, args }: CommandContext): Promise<void> => {
  if (spec.destructive !== true || flags.yes) return;
  const act = `${commandName(spec)} ${args.join(' ')}`.trim();
  if (!flags.input || !io.stdinIsTerminal) {
    throw cliError(
      'cli.confirm',
      `${act} cannot be undone`,
      'Say --yes to do it without a question.',
    );
  }
  const answer = await io.ask(`${act} cannot be undone. Do it? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw cliError('cli.confirm', 'nothing was done', 'Answer y, or say --yes.');
  }
};
