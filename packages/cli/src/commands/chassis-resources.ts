/** `ifab chassis resources`: what runs might use and what they did use, the newest first. */
import type { OutputOf, RunLimits, RunMeasure } from '@infrafabric/protocol';
import { bytesText, paintOfCause } from '../chassis/report-text.ts';
import { EXIT_DONE } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { cell, table } from '../output/terminal.ts';
import type { Cell, Terminal } from '../output/terminal.ts';
import { withClient } from '../server/connect.ts';
import { isSet, optionOf } from '../tree/command.ts';
import type { CommandContext, CommandRun } from '../tree/command.ts';

type Run = OutputOf<'runs.show'>;

/** Runs that are shown where nobody says how many; each is a call. */
const RUNS_DEFAULT = 20;
const RUNS_MAX = 200;
const MEBIBYTE = 1024 * 1024;

export const showResources: CommandRun = async (context) => {
  const limit = rowsOf(context);
  const [swarmId, taskId] = [optionOf(context, 'swarm'), optionOf(context, 'task')];
  return withClient(context, async ({ client }) => {
    // The fabric parses the filter with the operation's schema; a wrong one is its refusal to make.
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- see above
    const filter = {
      swarmId,
      taskId,
      limit,
      ...(isSet(context, 'open') ? { open: true } : {}),
    } as never;
    const listed = await client.call('runs.list', filter);
    const runs: Run[] = [];
    for (const { runId } of listed.runs) runs.push(await client.call('runs.show', { runId }));
    context.out.data({ runs }, (terminal) => resourcesText(runs, terminal));
    return EXIT_DONE;
  });
};

const rowsOf = (context: CommandContext): number => {
  const word = optionOf(context, 'limit') ?? String(RUNS_DEFAULT);
  const rows = Number(word);
  if (/^\d{1,4}$/.test(word) && rows >= 1 && rows <= RUNS_MAX) return rows;
  throw cliError('cli.usage', `--limit is “${word}”`, `Write a number from 1 to ${RUNS_MAX}.`);
};

const right = (text: string): Cell => ({ ...cell(text), right: true });

/** `12/5000`: used, and the limit. */
const ofLimit = (used: number | undefined, limit: number): Cell => right(`${used ?? '—'}/${limit}`);

export const resourcesText = (runs: readonly Run[], terminal: Terminal): string => {
  if (runs.length === 0)
    return 'No runs. Bring a module: ifab chassis load FILE --contract CONTRACT\n';
  const heads = [
    'RUN',
    'TASK',
    'LEVEL',
    'END',
    'CPU MS',
    'WALL MS',
    'MEMORY MIB',
    'NETWORK',
    'BYTES',
  ];
  return table(terminal, heads, runs.map(rowOf));
};

const rowOf = ({ runId, taskId, level, cause, limits, measure }: Run): readonly Cell[] => [
  cell(runId),
  cell(taskId),
  cell(level),
  cell(cause ?? 'open', cause === undefined ? 'cyan' : paintOfCause(cause)),
  ...usedOf(limits, measure),
];

const usedOf = (limits: RunLimits, measure: RunMeasure | undefined): readonly Cell[] => [
  ofLimit(measure?.cpuMs, limits.cpuMsMax),
  ofLimit(measure?.wallMs, limits.wallMsMax),
  ofLimit(mebibytes(measure?.peakMemoryBytes), limits.memoryMibMax),
  ofLimit(measure?.networkCalls, limits.networkCallsMax),
  right(measure === undefined ? '—' : bytesText(measure.sentBytes + measure.receivedBytes)),
];

const mebibytes = (bytes: number | undefined): number | undefined =>
  bytes === undefined ? undefined : Math.ceil(bytes / MEBIBYTE);
