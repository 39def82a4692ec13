/** `ifab help`: the same text as --help, and the tree as JSON. */
import { EXIT_DONE } from '../output/exit.ts';
import type { CommandRun } from '../tree/command.ts';
import { commandHelp, groupHelp, helpJson, rootHelp } from '../tree/help.ts';
import { COMMANDS, commandsOf, findCommand, groupOf } from '../tree/tree.ts';
import { unknownCommand } from '../tree/usage.ts';

export const showHelp: CommandRun = async ({ args, out }) => {
  const spec = findCommand(args);
  const [noun = ''] = args;
  const group = args.length === 1 ? groupOf(noun) : undefined;
  if (args.length > 0 && spec === undefined && group === undefined) {
    throw unknownCommand(args);
  }
  const chosen = spec === undefined ? (group === undefined ? COMMANDS : commandsOf(noun)) : [spec];
  out.data(helpJson(chosen), () => {
    if (spec !== undefined) return commandHelp(spec);
    return group === undefined ? rootHelp() : groupHelp(noun);
  });
  return EXIT_DONE;
};
