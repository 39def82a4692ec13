/** `ifab op`: any operation by its name, with its input as JSON. */
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { nearest } from '../plans/issues.ts';
import type { CommandRun } from '../tree/command.ts';
import { isSet, optionOf } from '../tree/command.ts';
import { readJson } from './input.ts';
import { runNamed } from './operation.ts';

export const callOperation: CommandRun = async (context) => {
  const { findOperation, isOperationName, OPERATIONS } = await import('@infrafabric/protocol');
  const [name = ''] = context.args;
  const operation = findOperation(name);
  if (operation === undefined || !isOperationName(name)) {
    const near = nearest(
      name,
      OPERATIONS.map((one): string => one.name),
    );
    throw cliError(
      'cli.usage',
      `there is no operation “${name}”`,
      near === undefined ? 'See which there are: ifab help --json' : `Did you mean ${near}?`,
      near === undefined ? {} : { facts: { near } },
    );
  }
  if (isSet(context, 'schema')) {
    const { z } = await import('zod');
    const schemas = {
      operation: name,
      input: z.toJSONSchema(operation.input, { io: 'input' }),
      output: z.toJSONSchema(operation.output),
    };
    context.out.data(schemas, () => `${JSON.stringify(schemas, undefined, 2)}\n`);
    return EXIT_DONE;
  }
  const input = await readJson(optionOf(context, 'input') ?? '{}', '--input', context.io);
  return runNamed(context, name, input);
};
