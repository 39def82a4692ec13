/** `ifab policy set`: a policy that passes its own tests takes the place of the one in force. */
import type { OutputOf } from '@infrafabric/protocol';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { checkPolicy } from '../policies/check-policy.ts';
import { loadPolicy } from '../policies/load-policy.ts';
import { counted, reportText } from '../policies/render-report.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandRun } from '../tree/command.ts';
import { callOperation } from './call.ts';

/** Nothing is sent unless every condition is one and every test passes. */
export const setPolicy: CommandRun = async (context) => {
  const { io, out, args, flags } = context;
  const { name, policy, places } = await loadPolicy(io, args[0] ?? '-');
  const report = checkPolicy(
    policy,
    places === undefined ? { file: name } : { file: name, places },
  );
  if (!report.ok) {
    if (!out.isJson) io.stderr.write(reportText(report, out.terminal));
    const failed = report.rules.filter(({ ok }) => !ok).map(({ id }) => id);
    throw cliError(
      'cli.input',
      `${name} does not hold its own tests, so it was not set; rules: ${failed.join(', ')}`,
      `See where: ifab policy check ${name}`,
      { facts: { report } },
    );
  }
  const { rules, governs } = policy;
  if (flags.dryRun) {
    out.data(
      {
        dryRun: true,
        operation: 'policies.set',
        rules: rules.length,
        tests: report.tests.total,
        governs,
      },
      () =>
        `dry run: nothing was sent; ${counted(rules.length, 'rule')}, ${counted(report.tests.total, 'test')}, all of which pass\n`,
    );
    return EXIT_DONE;
  }
  return withClient(context, async ({ client }) => {
    const reason = optionOf(context, 'reason');
    const input = reason === undefined ? { policy } : { policy, reason };
    const { output } = await callOperation(context, client, 'policies.set', input);
    // The fabric made the output with the schema of this very operation.
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    const set = output as OutputOf<'policies.set'>;
    out.data(set, () =>
      set.changed
        ? `policy ${set.digest} governs from the next decision on: ${counted(set.rules, 'rule')}\n`
        : `policy ${set.digest} governs already; nothing changed\n`,
    );
    return EXIT_DONE;
  });
};
