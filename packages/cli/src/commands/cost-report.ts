/** `ifab cost report`: what was spent on what; with --why down to the entries of the log. */
import { disproveCosts, attemptsText } from '../costs/falsify.ts';
import { csvTarget, writeCsv } from '../costs/csv-file.ts';
import { figuresCsv } from '../costs/figures-csv.ts';
import { indexedPosition, readReport } from '../costs/read.ts';
import type { Asking, Report } from '../costs/read.ts';
import { reportText } from '../costs/tables.ts';
import { behindText, entriesBehindRows } from '../costs/why.ts';
import { dimensionsOf, filterOf, filterOfGroup } from '../costs/wish.ts';
import type { CostFilter, Dimension } from '../costs/wish.ts';
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandRun } from '../tree/command.ts';

const BY_DEFAULT = 'plan,model';

export const reportCosts: CommandRun = async (context) => {
  const by = dimensionsOf(optionOf(context, 'by') ?? BY_DEFAULT);
  const wished = filterOf(context, Date.now());
  const csv = csvTarget(context);
  return withClient(context, async ({ client }) => {
    const asking = { context, client };
    const filter = { ...wished, before: await indexedPosition(asking) };
    const found = await readReport(asking, { ...filter, by: [...by] });
    const report = { ...found, rows: found.rows.toSorted(dearestFirst) };
    if (csv !== undefined && writeCsv(context, csv, figuresCsv(by, report.rows))) {
      return EXIT_DONE;
    }
    return context.flags.mode === 'falsify'
      ? falsifyReport(asking, { by, filter, report })
      : showReport(asking, { by, filter, report });
  });
};

interface Made {
  readonly by: readonly Dimension[];
  readonly filter: CostFilter & { readonly before: number };
  readonly report: Report;
}

const showReport = async (asking: Asking, { by, filter, report }: Made): Promise<number> => {
  const { out, flags } = asking.context;
  if (!flags.why) {
    out.data(report, (terminal) => reportText(by, report, terminal));
    return EXIT_DONE;
  }
  const why = await entriesBehindRows(
    asking,
    report.rows.map(({ group, records }) => ({
      row: group,
      records,
      filter: filterOfGroup(filter, group),
    })),
  );
  out.data(
    { answer: report, why },
    (terminal) => reportText(by, report, terminal) + behindText(why),
  );
  return EXIT_DONE;
};

const falsifyReport = async (asking: Asking, { by, filter, report }: Made): Promise<number> => {
  const { rows, total } = report;
  const { before } = filter;
  const attempts = await disproveCosts(asking, { by, filter, rows, total, before });
  const holds = attempts.every((attempt) => attempt.holds);
  asking.context.out.data(
    { answer: report, mode: 'falsify', size: before, holds, attempts },
    (terminal) => reportText(by, report, terminal) + attemptsText(attempts, before, terminal),
  );
  return holds ? EXIT_DONE : EXIT_NO;
};

/** By cost; of equal costs the order of the fabric, which sorting leaves. */
const dearestFirst = (
  { microUsd: one }: Report['rows'][number],
  { microUsd: other }: Report['rows'][number],
): number => other - one;
