/** The last word of a run: for people, for programs, and as an exit code. */
import { EXIT_DONE, EXIT_INTERRUPTED, EXIT_NO, EXIT_OF_REMEDY } from '../output/exit.ts';
import type { Terminal } from '../output/terminal.ts';
import { printable } from '../plans/index.ts';
import type { RunSummary } from './run-plan.ts';

/** Tasks that are named; of the rest the number. */
const NAMED_MAX = 5;

/**
 * 0 the plan is done · 1 some tasks are parked after failed attempts · 75 something else must happen first, and the
 * same command goes on then · 130 interrupted.
 */
export function exitOfRun({ plan, isInterrupted }: RunSummary): number {
  if (plan.status === 'done') return EXIT_DONE;
  if (isInterrupted) return EXIT_INTERRUPTED;
  return plan.counts.parked > 0 ? EXIT_NO : EXIT_OF_REMEDY['retry-later'];
}

export function summaryJson(summary: RunSummary): unknown {
  const { plan, ...rest } = summary;
  const { planId, status, counts } = plan;
  return { type: 'summary', planId, status, counts, ...rest, exitCode: exitOfRun(summary) };
}

export function summaryText(terminal: Terminal, summary: RunSummary): string {
  const { plan, completed, failed, lost, released, doneBefore, seconds } = summary;
  const { counts, planId } = plan;
  const isDone = plan.status === 'done';
  const head = isDone ? terminal.paint('green', 'done') : terminal.paint('yellow', 'not done');
  const own = [
    `${completed} completed`,
    ...(failed > 0 ? [`${failed} attempts failed`] : []),
    ...(lost > 0 ? [`${lost} leases lost`] : []),
    ...(released > 0 ? [`${released} given back`] : []),
    ...(doneBefore > 0 ? [`${doneBefore} done before`] : []),
  ].join(', ');
  const lines = [
    `${head}  ${printable(planId)}  ${counts.done}/${counts.total} tasks in ${seconds} s: ${own}`,
    ...unsuitedLines(summary),
    ...summary.left.map((why) => `      ${printable(why)}`),
    ...(isDone ? [] : ['      The same command goes on where this one ended.']),
  ];
  return `${lines.join('\n')}\n`;
}

function unsuitedLines({ unsuited }: RunSummary): readonly string[] {
  if (unsuited.length === 0) return [];
  const named = unsuited.slice(0, NAMED_MAX).map(printable).join(', ');
  const more = unsuited.length > NAMED_MAX ? ` and ${unsuited.length - NAMED_MAX} more` : '';
  return [`      not for this runner, left alone: ${named}${more}`];
}
