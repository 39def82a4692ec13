/** `--csv FILE|-`: a table in a file, or on stdout in the place of the text. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { cliError } from '../output/problem.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext } from '../tree/command.ts';

/** Where the table goes, if it was asked for. Throws a CliError where stdout would be asked to hold two things. */
export const csvTarget = (context: CommandContext): string | undefined => {
  const target = optionOf(context, 'csv');
  const { flags } = context;
  if (target !== '-' || !(flags.json || flags.why || flags.mode !== 'normal')) return target;
  throw cliError(
    'cli.usage',
    '--csv - leaves no room for --json, --why or a mode on stdout',
    'Name a file: --csv costs.csv',
  );
};

/** Writes it, and says so on stderr. True where stdout holds it now. */
export const writeCsv = ({ io, out }: CommandContext, target: string, csv: string): boolean => {
  if (target === '-') {
    io.stdout.write(csv);
    return true;
  }
  const path = resolve(io.cwd, target);
  writeFileSync(path, csv);
  out.note(`wrote ${path}`);
  return false;
};
