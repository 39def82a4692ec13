/** How well a machine isolates what it runs, for people. */
import type { Attained } from '@infrafabric/fabric/chassis';
import type { IsolationLevel } from '@infrafabric/protocol';
import { cell, pairs, table } from '../output/terminal.ts';
import type { Paint, Terminal } from '../output/terminal.ts';
import { printable } from '../plans/index.ts';

/** What each level is, as CHASSIS has it: what it is made of decides what it holds. */
export const LEVEL_WORDS: Readonly<Record<IsolationLevel, string>> = {
  3: 'namespaces, a filter of system calls and exact limits of the kernel',
  2: 'exact limits of the kernel, without namespaces',
  1: 'a process of its own, and nothing more',
  0: 'no module runs here',
};

const PAINTS: Readonly<Record<IsolationLevel, Paint>> = {
  3: 'green',
  2: 'yellow',
  1: 'yellow',
  0: 'red',
};

export const levelsText = (attained: Attained, terminal: Terminal): string => {
  const { level, layers, node, platform, attempts } = attained;
  const named = (outcome: 'denied' | 'allowed'): string =>
    attempts
      .filter((one) => one.outcome === outcome)
      .map(({ name }) => name)
      .join(', ');
  const head = pairs(terminal, [
    ['level', `${level} of 3: ${LEVEL_WORDS[level]}`, PAINTS[level]],
    ['made of', layers.join(', ')],
    ['denied to a runner', named('denied')],
    ['open to a runner', named('allowed'), 'red'],
    ['node', node],
    ['platform', platform],
  ]);
  return head + missingLines(attained, terminal);
};

/** The attempts one by one, with what the runner said of each. */
export const attemptsText = ({ attempts }: Attained, terminal: Terminal): string =>
  table(
    terminal,
    ['TRIED', 'OUTCOME', 'SAID'],
    attempts.map(({ name, outcome, detail }) => [
      cell(name),
      cell(outcome, outcome === 'denied' ? 'green' : 'red'),
      cell(detail),
    ]),
  );

const missingLines = ({ missing }: Attained, terminal: Terminal): string =>
  missing.length === 0
    ? ''
    : `\nMissing:\n${missing
        .map(
          ({ layer, why, remedy }) =>
            `  ${terminal.paint('bold', printable(layer))}  ${printable(why)}\n    → ${printable(remedy)}\n`,
        )
        .join('')}`;
