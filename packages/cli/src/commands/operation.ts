/** Runs a command that is one operation: words in, output out. */
import type { OperationName } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { EXIT_DONE } from '../output/exit.ts';
import { CliError } from '../output/problem.ts';
import { entriesText, viewOf } from '../output/views.ts';
import { rowOf } from '../registry/rows.ts';
import { withClient } from '../server/connect.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { callOperation, confirm, dryRun } from './call.ts';
import { inputOf } from './input.ts';
import { entriesBehind } from './why.ts';

export const runOperation: CommandRun = async (context) => {
  const input = await inputOf(context);
  return runNamed(context, nameOf(context), input);
};

/** The whole life of one call, whoever named the operation. */
export const runNamed = async (
  context: CommandContext,
  operation: OperationName,
  input: unknown,
): Promise<number> => {
  const { flags } = context;
  if (flags.dryRun) {
    await dryRun(context, operation, input);
    return EXIT_DONE;
  }
  await confirm(context);
  return withClient(context, async ({ client }) => {
    if (flags.mode === 'falsify') {
      const { falsify } = await import('./falsify.ts');
      return falsify(context, client, operation, input);
    }
    try {
      const { output, trace } = await callOperation(context, client, operation, input);
      await show(context, client, { operation, input, output, trace });
      return EXIT_DONE;
    } catch (cause) {
      if (flags.why && cause instanceof CliError)
        await showBehindRefusal(context, client, cause, input);
      throw cause;
    }
  });
};

interface Answered {
  readonly operation: OperationName;
  readonly input: unknown;
  readonly output: unknown;
  readonly trace: string | undefined;
}

const show = async (
  { flags, out }: CommandContext,
  client: Client,
  { operation, input, output, trace }: Answered,
): Promise<void> => {
  const text = viewOf(operation, output, out.terminal, Date.now());
  if (!flags.why) {
    out.data(output, () => text);
    return;
  }
  const isWrite = rowOf(operation).effect === 'write';
  const why = await entriesBehind(client, input, {
    trace: isWrite ? trace : undefined,
    output,
  });
  out.data(
    { answer: output, why },
    (terminal) => `${text}\nBehind it:\n${entriesText(why, terminal)}`,
  );
};

/** A refusal is answered on stderr; what is behind it is data. */
const showBehindRefusal = async (
  { out }: CommandContext,
  client: Client,
  { problem }: CliError,
  input: unknown,
): Promise<void> => {
  const why = await entriesBehind(client, input, { trace: problem.trace });
  out.data({ rule: problem.code, why }, (terminal) =>
    why.length === 0
      ? `Rule: ${problem.code}\n`
      : `Rule: ${problem.code}\nBehind it:\n${entriesText(why, terminal)}`,
  );
};

const nameOf = ({ spec }: CommandContext): OperationName => {
  if (spec.operation === undefined) throw new Error(`${spec.path.join(' ')} has no operation`);
  // Rows are generated from the registry, whose names these are.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return spec.operation.name as OperationName;
};
