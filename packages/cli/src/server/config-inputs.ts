/** The fabric's configuration reader, fed with what the command line was given. */
import { systemInputs } from '@infrafabric/fabric';
import type { ConfigInputs } from '@infrafabric/fabric';
import { cliError } from '../output/problem.ts';
import type { CommandContext } from '../tree/command.ts';
import { optionOf } from '../tree/command.ts';

export const configInputs = (context: CommandContext): ConfigInputs => {
  const { flags, io } = context;
  const port = optionOf(context, 'port');
  if (port !== undefined && !/^\d{1,5}$/.test(port)) {
    throw cliError('cli.usage', `“${port}” is no port`, 'Take 0 to 65535; 0 takes a free one.');
  }
  return {
    ...systemInputs({
      realm: flags.realm,
      dataDir: flags.dataDir,
      url: flags.url,
      listenHost: optionOf(context, 'host'),
      listenPort: port === undefined ? undefined : Number(port),
    }),
    env: io.env,
    cwd: io.cwd,
  };
};
