/** Differences of two policies, and explanations of one act, as text. */
import type { Verdict } from '@infrafabric/fabric';
import { cell, table } from '../output/terminal.ts';
import type { Paint, Terminal } from '../output/terminal.ts';
import { printable } from '../plans/report/printable.ts';
import { isSame } from './diff-policies.ts';
import type { PolicyDiff, RuleChange, VerdictChange } from './diff-policies.ts';

export const diffText = (diff: PolicyDiff, terminal: Terminal): string => {
  const head = `${printable(diff.before)} → ${printable(diff.after)}\n`;
  if (isSame(diff)) return `${head}No difference.\n`;
  return [
    head,
    ...section('Figures', figuresText(diff, terminal), terminal),
    ...section('Governed', governsText(diff, terminal), terminal),
    ...section('Rules', rulesText(diff, terminal), terminal),
    ...section(
      `Verdicts (of ${diff.acts} acts in the rules’ tests)`,
      verdictsText(diff, terminal),
      terminal,
    ),
  ].join('');
};

const section = (title: string, text: string, terminal: Terminal): readonly string[] =>
  text === '' ? [] : [`\n${terminal.paint('bold', title)}\n`, text];

const figuresText = ({ figures }: PolicyDiff, terminal: Terminal): string =>
  figures.length === 0
    ? ''
    : table(
        terminal,
        ['figure', 'before', 'after'],
        figures.map(({ name, before, after }) => [
          cell(name),
          cell(before, 'red'),
          cell(after, 'green'),
        ]),
      );

const line = (sign: '+' | '-' | '~', text: string, terminal: Terminal): string => {
  const paints = { '+': 'green', '-': 'red', '~': 'yellow' } as const;
  return `${terminal.paint(paints[sign], sign)} ${printable(text)}\n`;
};

const governsText = ({ governs }: PolicyDiff, terminal: Terminal): string =>
  [
    ...governs.removed.map((action) => line('-', `${action} (allowed unless forbidden)`, terminal)),
    ...governs.added.map((action) => line('+', `${action} (denied unless permitted)`, terminal)),
  ].join('');

const rulesText = ({ rules }: PolicyDiff, terminal: Terminal): string =>
  [
    ...rules.removed.map(({ id, effect, on }) =>
      line('-', `${id}: ${effect} ${on.join(', ')}`, terminal),
    ),
    ...rules.added.map(({ id, effect, on, when }) =>
      line('+', `${id}: ${effect} ${on.join(', ')} when ${oneLine(when)}`, terminal),
    ),
    ...rules.changed.map((change) => changeText(change, terminal)),
    ...(rules.reordered
      ? [line('~', 'another order: where several apply, another one may speak', terminal)]
      : []),
  ].join('');

const changeText = ({ id, fields }: RuleChange, terminal: Terminal): string =>
  line('~', id, terminal) +
  fields
    .map(({ name, before, after }) => {
      const label = name.padEnd('effect'.length);
      return `    ${terminal.paint('dim', label)} ${terminal.paint('red', printable(oneLine(before)))}\n    ${' '.repeat(label.length - 1)}→ ${terminal.paint('green', printable(oneLine(after)))}\n`;
    })
    .join('');

const oneLine = (text: string): string => text.trim().replaceAll(/\s+/g, ' ');

/** Acts that a terminal shows; JSON has all. */
const VERDICTS_SHOWN_MAX = 20;

const verdictsText = ({ verdicts }: PolicyDiff, terminal: Terminal): string => {
  if (verdicts.length === 0) return 'No verdict changes.\n';
  const shown = verdicts
    .slice(0, VERDICTS_SHOWN_MAX)
    .map((change) => verdictText(change, terminal));
  const more = verdicts.length - shown.length;
  return shown.join('') + (more > 0 ? `… and ${more} more; --json has all of them\n` : '');
};

const verdictText = (change: VerdictChange, terminal: Terminal): string => {
  const { action, given, from, before, after } = change;
  const { action: _, ...facts } = given;
  return `${terminal.paint('bold', action)} ${printable(JSON.stringify(facts))} ${terminal.paint('dim', `(a test of ${printable(from)})`)}\n    was ${heard(before, terminal)}\n    now ${heard(after, terminal)}\n`;
};

const VERDICT_PAINTS: Readonly<Record<Verdict['kind'], Paint>> = { permit: 'green', deny: 'red' };

const heard = ({ kind, rule, reason }: Verdict, terminal: Terminal): string =>
  `${terminal.paint(VERDICT_PAINTS[kind], kind)}${rule === undefined ? '' : ` by ${printable(rule)}`}: ${printable(reason)}`;

/** What `policies.explain` answers, and what a policy in a file would. */
export interface ExplainedAct {
  readonly verdict: Verdict['kind'];
  readonly rule?: string | undefined;
  readonly reason: string;
  readonly rules: readonly {
    readonly id: string;
    readonly effect: 'permit' | 'forbid';
    readonly said: 'applies' | 'does-not' | 'error';
    readonly reason: string;
    readonly detail?: string | undefined;
  }[];
}

const SAID_PAINTS = { applies: 'bold', 'does-not': 'dim', error: 'red' } as const;

export const explainText = (
  action: string,
  { verdict, rule, reason, rules }: ExplainedAct,
  terminal: Terminal,
): string => {
  const by = rule === undefined ? '' : ` by ${printable(rule)}`;
  const head = `${terminal.paint('bold', action)}: ${terminal.paint(VERDICT_PAINTS[verdict], verdict)}${by}\n${printable(reason)}\n`;
  if (rules.length === 0) return `${head}No rule is on this action.\n`;
  return `${head}\n${table(
    terminal,
    ['rule', 'effect', 'said', 'why'],
    rules.map((one) => [
      cell(one.id),
      cell(one.effect),
      cell(one.said, SAID_PAINTS[one.said]),
      cell(one.said === 'error' ? (one.detail ?? 'it has no answer, so it denies') : one.reason),
    ]),
  )}`;
};
