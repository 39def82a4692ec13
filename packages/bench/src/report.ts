/** What a run prints and keeps. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Judged } from './goals.ts';
import type { Machine } from './machine.ts';
import { median } from './stats.ts';
import type { Size, Values } from './probe.ts';

export interface Run {
  readonly at: string;
  readonly command: string;
  readonly size: Size;
  readonly seconds: number;
  readonly machine: Machine;
  /** What was compared with, with its version; or why it was not. */
  readonly peer: string;
  readonly loadBefore: number;
  readonly loadAfter: number;
  /** Names of scenarios that ran, and of those that did not, with the reason. */
  readonly ran: readonly string[];
  readonly notRun: Readonly<Record<string, string>>;
  readonly rounds: readonly Values[];
  readonly goals: readonly Judged[];
}

/** Appends the run as one line to `results/<month>.jsonl`. Answers the path. */
export function keep(run: Run, folder = join(import.meta.dirname, '..', 'results')): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${run.at.slice(0, 7)}.jsonl`);
  appendFileSync(path, `${JSON.stringify(run, rounded)}\n`);
  return path;
}

/** Five digits are more than any figure here is good for. */
const DIGITS = 5;

const rounded = (_: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(DIGITS)) : value;

/** Text for people: the machine, every figure with its spread, every goal. */
export function reportText(run: Run): string {
  const { machine, rounds, goals, size } = run;
  const head = [
    `size ${size}, ${rounds.length} rounds, ${run.seconds} s, load ${run.loadBefore} to ${run.loadAfter}`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.kernel}, ${machine.fileSystem}, Node ${machine.node}, commit ${machine.commit}`,
    `peer: ${run.peer}`,
    'durability: fsync (bare, file, remote, bullmq.always) · os · memory, by the name of the figure',
  ];
  const skipped = Object.entries(run.notRun).map(([name, why]) => `NOT RUN ${name}: ${why}`);
  const figures = figureNames(rounds).map((name) => figureLine(name, rounds));
  const judged = goals.filter(({ verdict }) => verdict !== 'not run').map(goalLine);
  return [...head, ...skipped, '', ...figures, '', ...judged, ''].join('\n');
}

const figureNames = (rounds: readonly Values[]): readonly string[] => [
  ...new Set(rounds.flatMap((round) => Object.keys(round))),
];

function figureLine(name: string, rounds: readonly Values[]): string {
  const values = rounds.map((round) => round[name]).filter((one) => one !== undefined);
  const spread =
    values.length > 1 ? `  (${shown(Math.min(...values))} to ${shown(Math.max(...values))})` : '';
  return `${name.padEnd(36)} ${shown(median(values)).padStart(10)}${spread}`;
}

function goalLine({ id, text, bound, verdict, value, interval, rounds }: Judged): string {
  const spread =
    interval === undefined ? '' : ` [${shown(interval.low)}, ${shown(interval.high)}] of ${rounds}`;
  return `${id.padEnd(5)} ${verdict.padEnd(7)} ${shown(value ?? Number.NaN).padStart(9)} ${bound.padEnd(10)}${spread}  ${text}`;
}

/** A number as tables show it: three digits, or whole where it is large. */
export const shown = (value: number): string => {
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  return Math.abs(value) >= 1_000
    ? Math.round(value).toLocaleString('en-US')
    : String(Number(value.toPrecision(3)));
};
