/** `ifab plan submit` and `ifab plan import`: a plan's file becomes a plan of the fabric. */
import { basename, resolve } from 'node:path';
import type { OutputOf, PlanSpec } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { EXIT_DONE } from '../output/exit.ts';
import { CliError, cliError } from '../output/problem.ts';
import { entriesText } from '../output/views.ts';
import { loadPlanSource, readPlan, renderIssues, renderReport } from '../plans/index.ts';
import type { ImportReport, PlanIssue, PlanSource } from '../plans/index.ts';
import { withClient } from '../server/connect.ts';
import { isSet, optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';
import { callOperation } from './call.ts';
import { confirmed } from './confirmed.ts';
import { everyPage } from './pages.ts';
import { partsOf } from './plan-parts.ts';
import { entriesBehind } from './why.ts';

type Submitted = OutputOf<'plans.submit'>;

/** A plan of our own format; the answer is what the fabric says. */
export const submitPlan: CommandRun = async (context) => {
  const { plan, report } = await read(context);
  if (report.format !== 'ifab-yaml' && report.format !== 'ifab-json') {
    throw cliError(
      'cli.input',
      `this is a plan of another tool (${report.format})`,
      `Take it with its report: ifab plan import ${context.args[0] ?? 'FILE'} --dry-run`,
    );
  }
  if (context.flags.dryRun) {
    const said = {
      dryRun: true,
      operation: 'plans.submit',
      planId: plan.id,
      tasks: plan.tasks.length,
    };
    context.out.data(
      said,
      () => `dry run: nothing was sent; plan ${plan.id} with ${plan.tasks.length} tasks is right\n`,
    );
    return EXIT_DONE;
  }
  return withClient(context, async ({ client }) => {
    const { submitted, trace } = await submit(context, client, plan);
    if (context.flags.why) {
      const why = await entriesBehind(client, { planId: submitted.planId }, { trace });
      context.out.data(
        { answer: submitted, why },
        (terminal) => `${submittedText(submitted)}\nBehind it:\n${entriesText(why, terminal)}`,
      );
    } else context.out.data(submitted, () => submittedText(submitted));
    return EXIT_DONE;
  });
};

/**
 * A plan of any format. Data is the report of what was found; without --dry-run the fabric's answer follows it, on a
 * line of its own.
 */
export const importPlan: CommandRun = async (context) => {
  const { plan, report } = await read(context);
  const { out, flags } = context;
  const showReport = (): void =>
    out.data(report, ({ width }) =>
      renderReport(report, { width: Math.min(width, REPORT_COLUMNS) }),
    );
  if (flags.dryRun) {
    showReport();
    out.note(`dry run: nothing was sent; it would become plan ${plan.id}`);
    return EXIT_DONE;
  }
  return withClient(context, async ({ client }) => {
    const { submitted } = await submit(context, client, plan);
    showReport();
    out.data(submitted, () => submittedText(submitted));
    return EXIT_DONE;
  });
};

/** Wider lines of a report are harder to read, however wide the terminal is. */
const REPORT_COLUMNS = 100;

const submittedText = ({ planId, tasks, ready, changed }: Submitted): string =>
  changed
    ? `plan ${planId}: ${tasks} tasks, ${ready} ready\n`
    : `plan ${planId} was there already, with these ${tasks} tasks; nothing changed\n`;

interface Read {
  readonly plan: PlanSpec;
  readonly report: ImportReport;
}

const read = async (context: CommandContext): Promise<Read> => {
  const { args, io } = context;
  const [path = ''] = args;
  const source: PlanSource =
    path === '-'
      ? { kind: 'text', name: 'stdin', text: await io.readStdin() }
      : await loadPlanSource(resolve(io.cwd, path));
  const planId = optionOf(context, 'id');
  const result = readPlan(source, {
    reopen: isSet(context, 'reopen'),
    ...(planId === undefined ? {} : { planId }),
  });
  if (result.kind === 'plan') return result;
  throw refusal(context, basename(path), result.issues);
};

/** All issues for people on stderr, above the two lines; all issues for programs as facts. */
const refusal = (
  { out, io }: CommandContext,
  name: string,
  issues: readonly PlanIssue[],
): CliError => {
  if (!out.isJson)
    io.stderr.write(renderIssues(issues, { width: Math.min(io.stderr.columns, REPORT_COLUMNS) }));
  const count = issues.length === 1 ? 'one thing' : `${issues.length} things`;
  return new CliError({
    code: 'cli.input',
    remedy: 'fix-request',
    detail: `${name} is no plan that can be taken: ${count} to mend`,
    next: issues[0] === undefined ? 'See: docs/guides/plans.md' : issues[0].mend,
    facts: { issues },
  });
};

const submit = async (
  context: CommandContext,
  client: Client,
  plan: PlanSpec,
): Promise<{ readonly submitted: Submitted; readonly trace: string | undefined }> => {
  const parts = partsOf(plan);
  if (parts.kind === 'refused') {
    throw cliError(
      'cli.input',
      `the plan needs several calls, and its phases ${parts.phases.join(', ')} would begin empty`,
      'Split it into plans of fewer phases, or shorten its descriptions.',
    );
  }
  if (parts.rest.length > 0) {
    return { submitted: await submitParts(context, client, plan, parts), trace: undefined };
  }
  const { output, trace } = await confirmed(context, (confirmation) =>
    callOperation(context, client, 'plans.submit', { plan, ...confirmation }),
  );
  // The fabric made the output with the schema of this very operation.
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return { submitted: output as Submitted, trace };
};

/** The plan rests until its last part is there: no phase may pass before all its tasks are known. */
const submitParts = async (
  context: CommandContext,
  client: Client,
  plan: PlanSpec,
  { first, rest }: { readonly first: PlanSpec; readonly rest: readonly PlanSpec['tasks'][] },
): Promise<Submitted> => {
  const { out, flags, io } = context;
  const signal = io.interrupted;
  const planId = plan.id;
  const there = new Set<string>();
  const known = (await client.call('plans.list', {})).plans.some((row) => row.planId === planId);
  if (known) for await (const { taskId } of everyPage.tasks(client, { planId })) there.add(taskId);
  else {
    await confirmed(context, (confirmation) =>
      client.call('plans.submit', { plan: first, ...confirmation }, { key: flags.key, signal }),
    );
    await client.call('plans.pause', { planId, reason: 'more parts follow' }, { signal });
    for (const { key } of first.tasks) there.add(`${planId}/${key}`);
  }
  let changed = !known;
  for (const [at, part] of rest.entries()) {
    const add = part.filter(({ key }) => !there.has(`${planId}/${key}`));
    if (add.length === 0) continue;
    await confirmed(context, (confirmation) =>
      client.call('plans.edit', { planId, add, ...confirmation }, { signal }),
    );
    changed = true;
    out.note(`part ${at + 2} of ${rest.length + 1}: ${add.length} tasks`);
  }
  if (changed) await client.call('plans.resume', { planId }, { signal });
  const { counts } = await client.call('plans.show', { planId });
  return { planId, tasks: counts.total, ready: counts.ready, changed };
};
