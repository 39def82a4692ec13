/** `ifab help`: the same text as --help, and the tree as JSON. */
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import type { CommandRun } from '../tree/command.ts';
import { commandHelp, groupHelp, helpJson, rootHelp } from '../tree/help.ts';
import { COMMANDS, commandsOf, findCommand, groupOf, suggestCommand } from '../tree/tree.ts';

export const showHelp: CommandRun = async ({ args, out }) => {
  const spec = findCommand(args);
  const [noun = ''] = args;
  const group = args.length === 1 ? groupOf(noun) : undefined;
  if (args.length > 0 && spec === undefined && group === undefined) {
    const near = suggestCommand(args);
    throw cliError(
      'cli.usage',
      `there is no command “${args.join(' ')}”`,
      near === undefined
        ? 'See which commands there are: ifab --help'
        : `Did you mean: ifab ${near}`,
    );
  }
  const chosen = spec === undefined ? (group === undefined ? COMMANDS : commandsOf(noun)) : [spec];
  out.data(helpJson(chosen), () => {
    if (spec !== undefined) return commandHelp(spec);
    return group === undefined ? rootHelp() : groupHelp(noun);
  });
  return EXIT_DONE;
};
