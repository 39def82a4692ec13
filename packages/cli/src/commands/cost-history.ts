/** `ifab cost history`: what was spent hour by hour, day by day, week by week. */
import { attemptsText, disproveCosts } from '../costs/falsify.ts';
import { csvTarget, writeCsv } from '../costs/csv-file.ts';
import { figuresCsv } from '../costs/figures-csv.ts';
import type { FigureRow } from '../costs/figures-csv.ts';
import { stepName } from '../costs/from-log.ts';
import { indexedPosition, readHistory } from '../costs/read.ts';
import type { Asking, Step } from '../costs/read.ts';
import { historyText } from '../costs/tables.ts';
import { behindText, entriesBehindRows } from '../costs/why.ts';
import { dimensionOf, filterOf, filterOfGroup, withSpan } from '../costs/wish.ts';
import type { CostFilter } from '../costs/wish.ts';
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { withClient } from '../server/connect.ts';
import { optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';

const BUCKETS = ['hour', 'day', 'week'] as const;
type Bucket = (typeof BUCKETS)[number];
const BUCKET_MS: Readonly<Record<Bucket, number>> = {
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
};

export const showCostHistory: CommandRun = async (context) => {
  const bucket = bucketOf(optionOf(context, 'bucket') ?? 'day');
  const by = groupOf(context);
  const wished = filterOf(context, Date.now());
  const csv = csvTarget(context);
  return withClient(context, async ({ client }) => {
    const asking = { context, client };
    const filter = { ...wished, before: await indexedPosition(asking) };
    const history = await readHistory(asking, { ...filter, bucket, by });
    const names = ['from', ...(by === undefined ? [] : [by])];
    const rows = history.rows.map((row) => ({
      ...row,
      group: { from: new Date(row.from).toISOString(), ...row.group },
    }));
    if (csv !== undefined && writeCsv(context, csv, figuresCsv(names, rows))) return EXIT_DONE;
    return context.flags.mode === 'falsify'
      ? falsifyHistory(asking, { bucket, filter, history })
      : showHistory(asking, { bucket, filter, history });
  });
};

interface Made {
  readonly bucket: Bucket;
  readonly filter: CostFilter & { readonly before: number };
  readonly history: { readonly rows: readonly Step[]; readonly indexedTo: number };
}

const showHistory = async (asking: Asking, { bucket, filter, history }: Made): Promise<number> => {
  const { out, flags } = asking.context;
  if (!flags.why) {
    out.data(history, (terminal) => historyText(bucket, history, terminal));
    return EXIT_DONE;
  }
  const why = await entriesBehindRows(
    asking,
    history.rows.map(({ from, group = {}, records }) => ({
      row: { from: new Date(from).toISOString(), ...group },
      records,
      filter: withSpan(filterOfGroup(filter, group), from, BUCKET_MS[bucket]),
    })),
  );
  out.data(
    { answer: history, why },
    (terminal) => historyText(bucket, history, terminal) + behindText(why),
  );
  return EXIT_DONE;
};

const falsifyHistory = async (
  asking: Asking,
  { bucket, filter, history }: Made,
): Promise<number> => {
  const { before } = filter;
  const step = stepName(bucket);
  const rows = history.rows.map((row): FigureRow => ({
    ...row,
    group: { [step]: String(row.from), ...row.group },
  }));
  const by = [step, ...Object.keys(history.rows[0]?.group ?? {})];
  const attempts = await disproveCosts(asking, { by, filter, rows, before });
  const holds = attempts.every((attempt) => attempt.holds);
  asking.context.out.data(
    { answer: history, mode: 'falsify', size: before, holds, attempts },
    (terminal) => historyText(bucket, history, terminal) + attemptsText(attempts, before, terminal),
  );
  return holds ? EXIT_DONE : EXIT_NO;
};

const bucketOf = (word: string): Bucket => {
  const found = BUCKETS.find((bucket) => bucket === word);
  if (found !== undefined) return found;
  throw cliError('cli.usage', `there are no steps of a “${word}”`, 'Take hour, day or week.');
};

const groupOf = (
  context: CommandContext,
): Exclude<ReturnType<typeof dimensionOf>, 'day'> | undefined => {
  const word = optionOf(context, 'by');
  if (word === undefined) return undefined;
  const found = dimensionOf(word);
  if (found !== 'day') return found;
  throw cliError('cli.usage', 'a history has its days already', 'Take --bucket day instead.');
};
