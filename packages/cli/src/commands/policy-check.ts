/** `ifab policy check`: a policy is checked where it is written, without a fabric. */
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { checkPolicy } from '../policies/check-policy.ts';
import { readPolicyFile } from '../policies/load-policy.ts';
import { mutatePolicy } from '../policies/mutate-policy.ts';
import { issuesText, mutationText, reportText } from '../policies/render-report.ts';
import { isSet } from '../tree/command.ts';
import type { CommandRun } from '../tree/command.ts';

/** Of a thousand mistakes in rules, how many their tests must notice; what the fabric's own examples are held to. */
const CAUGHT_PERMILLE_MIN = 950;

/** Exits 1 where the file is no policy, a condition or a test fails, or (with --mutate) too many mistakes pass unnoticed. */
export const checkPolicyFile: CommandRun = async (context) => {
  const { io, out, args } = context;
  const { name, read } = await readPolicyFile(io, args[0] ?? '-');
  if (read.kind === 'refused') {
    out.data({ file: name, ok: false, issues: read.issues }, (terminal) =>
      issuesText(read.issues, terminal),
    );
    return EXIT_NO;
  }
  const { policy, places } = read;
  const report = checkPolicy(policy, { file: name, places });
  // Mutants of rules that do not hold say nothing about their tests.
  if (!isSet(context, 'mutate') || !report.ok) {
    out.data(report, (terminal) => reportText(report, terminal));
    return report.ok ? EXIT_DONE : EXIT_NO;
  }
  const mutation = mutatePolicy(policy, places);
  const ok = mutation.caughtPermille >= CAUGHT_PERMILLE_MIN;
  out.data({ ...report, ok, mutation }, (terminal) =>
    [reportText(report, terminal), mutationText(mutation, name, terminal)].join(''),
  );
  return ok ? EXIT_DONE : EXIT_NO;
};
