/** `ifab mcp`: MCP on standard input and output, as a client of the running fabric. */
import { clientCaller, serveMcpStdio } from '@infrafabric/fabric';
import { EXIT_DONE } from '../output/exit.ts';
import { jsonLog } from '../server/json-log.ts';
import { withClient } from '../server/connect.ts';
import type { CommandRun } from '../tree/command.ts';
import { VERSION } from '../version.ts';

export const serveMcp: CommandRun = async (context) =>
  withClient(
    context,
    async ({ client }) => {
      const log = jsonLog(context.io.stderr, context.flags.quiet ? 'error' : 'warn');
      const call = client.call.bind(client);
      await serveMcpStdio({
        // The tools name their operations and build their inputs by the registry.
        // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
        caller: clientCaller({ call: (op, input, options) => call(op, input as never, options) }),
        version: VERSION,
        log,
      });
      return EXIT_DONE;
    },
    'auto',
  );
