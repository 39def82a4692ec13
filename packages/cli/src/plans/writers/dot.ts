/** A plan as a Graphviz graph. Phases are clusters, states are classes and colours. */
import type { PlanSpec } from '@infrafabric/protocol';
import { printable, shortened } from '../report/printable.ts';
import { select } from './selection.ts';
import type { DrawOptions, DrawnState, DrawnTask } from './selection.ts';

/** `dot` lays out a few thousand nodes in minutes; beyond that nobody waits and nobody could read it. */
export const DOT_TASKS_MAX = 2_000;
const TITLE_CHARS_MAX = 60;

const COLOUR_OF: Readonly<Record<DrawnState, string>> = {
  waiting: 'gray',
  ready: 'blue',
  leased: 'orange',
  blocked: 'red',
  submitted: 'purple',
  parked: 'darkred',
  done: 'darkgreen',
  cancelled: 'lightgray',
  filler: 'gray80',
};

export const planToDot = (plan: PlanSpec, options: DrawOptions = {}): string => {
  const { tasks, edges, note } = select(plan, { tasksMax: DOT_TASKS_MAX, ...options });
  const node = ({ key, title, state }: DrawnTask): string => {
    const label = quoted(`${key}: ${shortened(title, TITLE_CHARS_MAX)}`);
    return `${quoted(key)} [label=${label}, class=${quoted(state)}, color=${quoted(COLOUR_OF[state])}];`;
  };
  const lines = [`digraph ${quoted(plan.id)} {`, '  rankdir=LR;', '  node [shape=box];'];
  if (note !== undefined) lines.push(`  label=${quoted(note)};`);
  for (const [index, phase] of (plan.phases ?? []).entries()) {
    const inside = tasks.filter((task) => task.phase === phase.id);
    if (inside.length === 0) continue;
    const approval = phase.autonomous === true ? ' (needs approval)' : '';
    lines.push(
      `  subgraph cluster_${index} {`,
      `    label=${quoted(`${phase.title ?? phase.id}${approval}`)};`,
    );
    lines.push(...inside.map((task) => `    ${node(task)}`), '  }');
  }
  lines.push(...tasks.filter(({ phase }) => phase === undefined).map((task) => `  ${node(task)}`));
  for (const [before, after] of edges) lines.push(`  ${quoted(before)} -> ${quoted(after)};`);
  lines.push('}');
  return `${lines.join('\n')}\n`;
};

/** A backslash would start an escape of Graphviz's own (`\N`, `\l`), so it is doubled like the quote. */
const quoted = (text: string): string =>
  `"${printable(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
