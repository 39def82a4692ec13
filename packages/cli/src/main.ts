/** From words to an exit code. Nothing here ends the process: tests run it as it is. */
import type { Io } from './io.ts';
import { EXIT_DONE, EXIT_INTERRUPTED } from './output/exit.ts';
import { Output } from './output/output.ts';
import { CliError, cliError, exitOf } from './output/problem.ts';
import type { CliProblem } from './output/problem.ts';
import type { CommandContext } from './tree/command.ts';
import { commandName } from './tree/command.ts';
import { globalFlags } from './tree/globals.ts';
import { helpJson } from './tree/help.ts';
import { checkedMode, parseCommandLine } from './tree/program.ts';
import type { Parsed } from './tree/program.ts';
import { VERSION } from './version.ts';

/** Runs one command line and resolves to its exit code. Rejects never. */
export const main = async (words: readonly string[], io: Io): Promise<number> => {
  // Before the words are parsed nobody knows for sure; a wrong guess costs the look of one error.
  const ahead = new Set(words.slice(0, words.includes('--') ? words.indexOf('--') : words.length));
  let out = new Output(io, {
    json: ahead.has('--json'),
    quiet: false,
    color: ahead.has('--no-color') ? false : undefined,
  });
  try {
    if (words[0] === '__complete') {
      return await (await import('./commands/complete.ts')).complete(words.slice(1), io);
    }
    const parsed = parseCommandLine(words, VERSION);
    if (parsed.kind === 'version') {
      out.data({ version: VERSION }, () => parsed.text);
      return EXIT_DONE;
    }
    if (parsed.kind === 'help') {
      out.data(helpJson(parsed.specs), () => parsed.text);
      return EXIT_DONE;
    }
    const flags = globalFlags(parsed.flags, checkedMode(parsed.flags));
    out = new Output(io, flags);
    const context: CommandContext = { ...parsed, flags, io, out };
    refuseUnfit(parsed, context);
    const run = (await parsed.spec.load?.()) ?? (await import('./commands/help.ts')).showHelp;
    return await run(context);
  } catch (cause) {
    const problem = await problemOfCause(cause, io);
    out.problem(problem);
    return exitOf(problem, EXIT_INTERRUPTED);
  }
};

const refuseUnfit = (
  { spec }: Parsed & { readonly kind: 'command' },
  { flags }: CommandContext,
): void => {
  if (flags.mode === 'normal' || spec.modes?.includes(flags.mode) === true) return;
  throw cliError(
    'cli.not_available',
    `--mode=${flags.mode} is not available for this command (${commandName(spec)})`,
    'It is for: ifab status, ifab task explain, ifab witness verify, ifab witness replay.',
  );
};

const problemOfCause = async (cause: unknown, io: Io): Promise<CliProblem> => {
  if (cause instanceof CliError) return cause.problem;
  if (io.interrupted.aborted) {
    return cliError('cli.interrupted', 'interrupted', 'The same command goes on where it can.')
      .problem;
  }
  // Loaded only for what the fabric, the SDK or the system said.
  return (await import('./output/cause.ts')).problemOfCause(cause);
};
