/** A plan as a Mermaid flow chart. Phases are boxes, states are classes. */
import type { PlanSpec } from '@infrafabric/protocol';
import { printable, shortened } from '../report/printable.ts';
import { select, STATES } from './selection.ts';
import type { DrawOptions, DrawnState, DrawnTask } from './selection.ts';

/** Mermaid refuses a text of more than 50,000 characters and a chart of more than 500 edges unless it is configured. */
export const MERMAID_TASKS_MAX = 300;
const MERMAID_EDGES_MAX = 500;
const TITLE_CHARS_MAX = 60;

const STYLE_OF: Readonly<Record<DrawnState, string>> = {
  waiting: 'fill:#eee,stroke:#999,color:#333',
  ready: 'fill:#dbeafe,stroke:#2563eb,color:#111',
  leased: 'fill:#fef3c7,stroke:#d97706,color:#111',
  blocked: 'fill:#fee2e2,stroke:#dc2626,color:#111',
  submitted: 'fill:#ede9fe,stroke:#7c3aed,color:#111',
  parked: 'fill:#fee2e2,stroke:#7f1d1d,color:#111,stroke-dasharray:4',
  done: 'fill:#dcfce7,stroke:#16a34a,color:#111',
  cancelled: 'fill:#eee,stroke:#999,color:#999,stroke-dasharray:4',
  filler: 'fill:#fff,stroke:#bbb,color:#666,stroke-dasharray:2',
};

export const planToMermaid = (plan: PlanSpec, options: DrawOptions = {}): string => {
  const { tasks, edges, note } = select(plan, { tasksMax: MERMAID_TASKS_MAX, ...options });
  const nameOf = new Map(tasks.map(({ key }, index): [string, string] => [key, `t${index}`]));
  const node = ({ key, title, state }: DrawnTask): string =>
    `${nameOf.get(key) ?? ''}["${label(key)}: ${label(shortened(title, TITLE_CHARS_MAX))}"]:::${state}`;
  const lines = ['flowchart LR'];
  for (const [index, phase] of (plan.phases ?? []).entries()) {
    const inside = tasks.filter((task) => task.phase === phase.id);
    if (inside.length === 0) continue;
    const approval = phase.autonomous === true ? ' (needs approval)' : '';
    lines.push(`  subgraph p${index}["${label(phase.title ?? phase.id)}${approval}"]`);
    lines.push(...inside.map((task) => `    ${node(task)}`), '  end');
  }
  lines.push(...tasks.filter(({ phase }) => phase === undefined).map((task) => `  ${node(task)}`));
  const drawn = edges.slice(0, MERMAID_EDGES_MAX);
  lines.push(
    ...drawn.map(
      ([before, after]) => `  ${nameOf.get(before) ?? ''} --> ${nameOf.get(after) ?? ''}`,
    ),
  );
  const used = new Set(tasks.map(({ state }) => state));
  const notes = [
    note,
    drawn.length < edges.length ? `${edges.length - drawn.length} edges are not drawn.` : undefined,
  ];
  const noted = notes.filter((text) => text !== undefined).join(' ');
  if (noted !== '') lines.push(`  note["${label(noted)}"]`);
  lines.push(
    ...STATES.filter((state) => used.has(state)).map(
      (state) => `  classDef ${state} ${STYLE_OF[state]}`,
    ),
  );
  return `${lines.join('\n')}\n`;
};

/** Mermaid renders labels as HTML; its own entity codes (`#34;`) keep every character a character. */
const label = (text: string): string =>
  printable(text).replaceAll(/["#&<>`[\]{}()|\\;]/g, (char) => `#${char.codePointAt(0) ?? 0};`);
