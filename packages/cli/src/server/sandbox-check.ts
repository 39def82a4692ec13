/** What `ifab doctor` says of the sandbox: the level that this machine attains, and what would raise it. */
import type { Attained } from '@infrafabric/fabric/chassis';
import { LEVEL_WORDS } from '../chassis/levels-text.ts';
import { withSandbox } from '../chassis/sandbox.ts';
import { problemOfCause } from '../output/cause.ts';
import { CliError } from '../output/problem.ts';
import type { CommandContext } from '../tree/command.ts';
import type { Check } from './check.ts';

const NAME = 'sandbox';

/** Starts a runner and tries what it must not do. Commands of shells need none of it, so nothing here fails a machine. */
export const sandboxCheck = async (context: CommandContext): Promise<Check> => {
  try {
    return await withSandbox(context, { blankRunners: 0 }, async (host) =>
      checkOf(host.attained()),
    );
  } catch (cause) {
    const { detail } = cause instanceof CliError ? cause.problem : await problemOfCause(cause);
    return {
      name: NAME,
      state: 'warn',
      found: `no module can be run here: ${detail}`,
      mend: 'See what was tried: ifab chassis probe',
    };
  }
};

/** The finding for what was attained. */
export const checkOf = ({ level, layers, missing }: Attained): Check => {
  const found = `level ${level} of 3 (${LEVEL_WORDS[level]}): ${layers.join(', ')}`;
  if (level === 3) return { name: NAME, state: 'ok', found };
  const lacks = missing.map(({ why, remedy }) => `${why}: ${remedy}`).join('; ');
  return {
    name: NAME,
    state: 'warn',
    found: `${found}; modules of strangers ask for level 3`,
    mend: lacks === '' ? 'Attach a runner host on Linux: docs/guides/chassis.md' : lacks,
  };
};
