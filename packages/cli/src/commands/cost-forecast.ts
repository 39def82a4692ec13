/** `ifab cost forecast`: how fast money goes, and when it is gone. */
import { ask } from '../costs/read.ts';
import { forecastText } from '../costs/tables.ts';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { parseDurationMs } from './duration.ts';

export const forecastCosts: CommandRun = async (context) => {
  const planId = optionOf(context, 'plan');
  const swarmId = optionOf(context, 'swarm');
  const windowMs = windowOf(context);
  return withClient(context, async ({ client }) => {
    const wish = { planId, swarmId, windowMs };
    const forecast = await ask({ context, client }, 'costs.forecast', wish);
    context.out.data(forecast, (terminal) => forecastText(forecast, terminal));
    return EXIT_DONE;
  });
};

const windowOf = (context: CommandContext): number | undefined => {
  const word = optionOf(context, 'window');
  if (word === undefined) return undefined;
  const windowMs = parseDurationMs(word);
  if (windowMs !== undefined) return windowMs;
  throw cliError('cli.usage', `“${word}” is no length of time`, 'Write --window 30m, 6h or 7d.');
};
