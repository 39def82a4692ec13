/** How a run in the sandbox looks to people: its end, what it used, what it was stopped from. */
import type { RunCause, RunMeasure, RunNote } from '@infrafabric/protocol';
import { EXIT_DONE, EXIT_NO, EXIT_OF_REMEDY } from '../output/exit.ts';
import { pairs } from '../output/terminal.ts';
import type { Paint, Terminal } from '../output/terminal.ts';

const MEBIBYTE = 1024 * 1024;
const KIBIBYTE = 1024;

/** A size in the unit that keeps three digits: 812 B, 3.4 KiB, 35 MiB. */
export const bytesText = (bytes: number): string => {
  if (bytes < KIBIBYTE) return `${bytes} B`;
  const [value, unit] = bytes < MEBIBYTE ? [bytes / KIBIBYTE, 'KiB'] : [bytes / MEBIBYTE, 'MiB'];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
};

/** What a run used, in a line. */
export const measureText = (measure: RunMeasure): string =>
  [
    `${measure.wallMs} ms`,
    `${measure.cpuMs} ms of CPU`,
    `${bytesText(measure.peakMemoryBytes)} of memory`,
    ...(measure.queueMs > 0 ? [`waited ${measure.queueMs} ms`] : []),
    ...(measure.apiCalls > 0
      ? [`${measure.apiCalls} ${measure.apiCalls === 1 ? 'call' : 'calls'}`]
      : []),
    ...(measure.networkCalls > 0
      ? [
          `${measure.networkCalls} over the network (${bytesText(measure.sentBytes)} out, ${bytesText(measure.receivedBytes)} in)`,
        ]
      : []),
    ...(measure.fuel === undefined ? [] : [`${measure.fuel} of fuel`]),
  ].join(', ');

/**
 * 0 it returned a result · 1 it did not, and that is its own doing · 3 it may not run here · 75 no runner could be had,
 * or the run was stopped from outside.
 */
export const exitOfCause = (cause: RunCause): number => {
  switch (cause) {
    case 'completed':
      return EXIT_DONE;
    case 'refused':
      return EXIT_OF_REMEDY['give-up'];
    case 'unavailable':
    case 'revoked':
      return EXIT_OF_REMEDY['retry-later'];
    case 'failed':
    case 'invalid':
    case 'trapped':
    case 'fuel':
    case 'cpu':
    case 'wall':
    case 'memory':
    case 'output':
    case 'protocol':
    case 'crashed':
      return EXIT_NO;
  }
};

export const paintOfCause = (cause: RunCause): Paint => {
  const exit = exitOfCause(cause);
  if (exit === EXIT_DONE) return 'green';
  return exit === EXIT_NO || exit === EXIT_OF_REMEDY['give-up'] ? 'red' : 'yellow';
};

/** A note of a run in words: a violation, or the use of a credential. Never a payload. */
export const noteText = (note: RunNote): string =>
  note.kind === 'violation'
    ? `stopped from: ${note.violation} (${note.subject})`
    : `${note.alias} used: ${note.method} ${note.host} answered ${note.status}, ${bytesText(note.bytes)}`;

export interface ReportFacts {
  readonly cause: RunCause;
  readonly detail: string;
  readonly measure: RunMeasure;
  readonly level: number;
  readonly notes: readonly RunNote[];
}

/** The end of a run, for stderr: the output alone is data. */
export const reportText = (
  { cause, detail, measure, level, notes }: ReportFacts,
  terminal: Terminal,
): string =>
  pairs(terminal, [
    ['ended', detail === '' ? cause : `${cause}: ${detail}`, paintOfCause(cause)],
    ['level', level],
    ['used', measureText(measure)],
    ...notes.map((note) => ['note', noteText(note), 'yellow'] as const),
  ]);
