/** `ifab policy explain`: what a policy says of one act, rule by rule. */
import { celConditions, compilePolicy, explainAction } from '@infrafabric/fabric';
import { factsFrom, GivenFacts, POLICY_ACTIONS, PolicyAction } from '@infrafabric/protocol';
import type { PolicySpec } from '@infrafabric/protocol';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { didYouMean, pathText } from '../plans/issues.ts';
import { loadPolicy, textOf } from '../policies/load-policy.ts';
import { explain } from '../policies/read-policy.ts';
import { readPolicyText } from '../policies/policy-text.ts';
import { explainText } from '../policies/render-diff.ts';
import type { ExplainedAct } from '../policies/render-diff.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { callOperation } from './call.ts';

/** Asks the policy in force, or the one of --policy. */
export const explainPolicy: CommandRun = async (context) => {
  const action = actionOf(context.args[0] ?? '');
  const facts = await factsOf(context, action);
  const path = optionOf(context, 'policy');
  const explained =
    path === undefined
      ? await inForce(context, action, facts)
      : inFile((await loadPolicy(context.io, path)).policy, action, facts);
  context.out.data({ action, ...explained }, (terminal) =>
    explainText(action, explained, terminal),
  );
  return EXIT_DONE;
};

const actionOf = (word: string): PolicyAction => {
  const parsed = PolicyAction.safeParse(word);
  if (parsed.success) return parsed.data;
  throw cliError(
    'cli.usage',
    `“${word}” is no action of a policy`,
    `${didYouMean(word, POLICY_ACTIONS)}Actions: ${POLICY_ACTIONS.join(', ')}`,
  );
};

/** From JSON on the command line, from a file of JSON or YAML, or from standard input. */
const factsOf = async (context: CommandContext, action: PolicyAction): Promise<GivenFacts> => {
  const word = optionOf(context, 'facts') ?? '{}';
  const { name, text } = word.startsWith('{')
    ? { name: '--facts', text: word }
    : await textOf(context.io, word);
  const facts = parsedFacts(name, text);
  if (facts.action === undefined || facts.action === action) return { ...facts, action };
  throw cliError(
    'cli.usage',
    `the facts are about ${facts.action}, and ${action} was asked for`,
    'Leave the action out of the facts.',
  );
};

const parsedFacts = (name: string, text: string): GivenFacts => {
  const read = readPolicyText(text);
  if (read.kind === 'refused') {
    const [problem] = read.problems;
    throw cliError('cli.input', `${name} holds no facts: ${problem?.what ?? ''}`, EXAMPLE);
  }
  const parsed = GivenFacts.safeParse(read.text.value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  // The schema of a test's `given` is the same, so are the words about it.
  const [finding] =
    issue === undefined ? [] : explain({ ...issue, path: ['given', ...issue.path] }, issue.path);
  const what = finding === undefined ? '' : `${pathText(finding.at)}: ${finding.what}`;
  throw cliError('cli.input', `${name}: ${what}`, finding?.mend ?? EXAMPLE, {
    facts: { issues: parsed.error.issues },
  });
};

const EXAMPLE = `Write them as --facts '{"task": {"labels": ["prod"]}, "amountMicroUsd": 2000000}'`;

const inForce = async (
  context: CommandContext,
  action: PolicyAction,
  facts: GivenFacts,
): Promise<ExplainedAct> =>
  withClient(context, async ({ client }) => {
    const { output } = await callOperation(context, client, 'policies.explain', { action, facts });
    // The fabric made the output with the schema of this very operation.
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    return output as ExplainedAct;
  });

const inFile = (policy: PolicySpec, action: PolicyAction, given: GivenFacts): ExplainedAct => {
  const compiled = compilePolicy(policy, celConditions());
  const { verdict, rules } = explainAction(compiled, action, factsFrom(given));
  return {
    verdict: verdict.kind,
    ...(verdict.rule === undefined ? {} : { rule: verdict.rule }),
    reason: verdict.reason,
    rules: rules.map(({ id, effect, reason, outcome }) => ({
      id,
      effect,
      said: outcome.kind,
      reason,
      ...(outcome.kind === 'error' ? { detail: outcome.detail } : {}),
    })),
  };
};
