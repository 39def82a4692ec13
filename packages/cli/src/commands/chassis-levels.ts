/** `ifab chassis levels` and `ifab chassis probe`: how well this machine isolates a module, found out by trying. */
import { attemptsText, levelsText } from '../chassis/levels-text.ts';
import { withSandbox } from '../chassis/sandbox.ts';
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';

/** Exits 1 where `--at-least` asks for more than is attained. */
export const showLevels: CommandRun = async (context) => {
  const wanted = levelOf(context, 'at-least') ?? 0;
  return withSandbox(context, { blankRunners: 0 }, async (host) => {
    const attained = host.attained();
    context.out.data(attained, (terminal) => levelsText(attained, terminal));
    return attained.level >= wanted ? EXIT_DONE : EXIT_NO;
  });
};

/** The same with every attempt as the runner told it. */
export const showProbe: CommandRun = async (context) => {
  const node = optionOf(context, 'node');
  return withSandbox(context, { node, blankRunners: 0 }, async (host) => {
    const attained = host.attained();
    context.out.data(
      attained,
      (terminal) => `${levelsText(attained, terminal)}\n${attemptsText(attained, terminal)}`,
    );
    return EXIT_DONE;
  });
};

const LEVELS = [0, 1, 2, 3] as const;

/** A level that a flag gives. Throws a CliError where it is none. */
export const levelOf = (
  context: Pick<CommandContext, 'options'>,
  flag: string,
): (typeof LEVELS)[number] | undefined => {
  const word = optionOf(context, flag);
  if (word === undefined) return undefined;
  const level = LEVELS.find((one) => String(one) === word);
  if (level !== undefined) return level;
  throw cliError('cli.usage', `--${flag} is “${word}”`, 'Write a level: 0, 1, 2 or 3.');
};
