/** `ifab policy diff`: what a policy would change, before it is set. */
import { EXIT_DONE } from '../output/exit.ts';
import { diffPolicies } from '../policies/diff-policies.ts';
import { loadPolicy, runningPolicy } from '../policies/load-policy.ts';
import { diffText } from '../policies/render-diff.ts';
import { withClient } from '../server/connect.ts';
import type { CommandRun } from '../tree/command.ts';

/** Two files, or one file against the policy in force. */
export const diffPolicyFiles: CommandRun = async (context) => {
  const { io, out, args } = context;
  const [first = '-', second] = args;
  const [before, after] =
    second === undefined
      ? [
          await withClient(context, ({ client }) => runningPolicy(client)),
          await loadPolicy(io, first),
        ]
      : [await loadPolicy(io, first), await loadPolicy(io, second)];
  const diff = diffPolicies(before, after);
  out.data(diff, (terminal) => diffText(diff, terminal));
  return EXIT_DONE;
};
