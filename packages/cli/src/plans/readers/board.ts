/**
 * Markdown task boards: tables with an `ID` and a `Task` column, states as words behind emoji, dependencies as ids or
 * prose, one section a task with its acceptance criteria, and tables of filler tasks below a heading that says so.
 */
import { DEPENDENCIES_MAX } from '@infrafabric/protocol';
import { boardOddities } from './board-oddities.ts';
import { EMPTY_TASK, ID_USED } from './draft.ts';
import type { Draft, DraftEdge, DraftTask, SkippedRow } from './draft.ts';
import { headingOf, linesOf, sectionsOf, tableRows } from './markdown.ts';
import type { MarkdownLine, TableRow } from './markdown.ts';

/** What a board's states mean; the rest, such as CLAIMED, are in somebody's hands. No state: nobody has begun. */
const DONE: ReadonlySet<string> = new Set(['COMPLETED', 'DONE']);
const OPEN: ReadonlySet<string> = new Set(['', 'AVAILABLE', 'BLOCKED']);

export const readBoard = ({
  text,
  title,
}: {
  readonly text: string;
  readonly title: string;
}): Draft => {
  const lines = linesOf(text);
  const bodies = bodiesOf(lines);
  const skipped: SkippedRow[] = [];
  const rows = tableRows(lines, 'id').filter(({ cells }) => cells.has('task'));

  const tasks: DraftTask[] = [];
  const rowOf = new Map<string, TableRow>();
  for (const row of rows) {
    const id = row.cells.get('id') ?? '';
    const why = id === '' ? 'it has no id' : rowOf.has(id) ? ID_USED : undefined;
    if (why === undefined) {
      rowOf.set(id, row);
      tasks.push(taskOf(row, id, bodies.get(id)));
    } else skipped.push({ file: 'board', row: row.row, id, why });
  }
  const found = edgesOf(rowOf);
  const dated = /^\*\*Last Updated:\*\*\s*(\S+)/m.exec(text)?.[1];
  const heading = lines.map(headingOf).find((line) => line?.depth === 1);
  return {
    format: 'markdown-board',
    title: heading?.text ?? title,
    tasks,
    edges: found.edges,
    phases: [],
    skipped,
    warnings: [...boardOddities({ text, tasks, edges: found.edges, rowOf }), ...found.unread],
    orphanLabels: 0,
    dated,
    events: undefined,
  };
};

/** `### P0.1.1: Setup …` is the section of task P0.1.1. */
const bodiesOf = (lines: readonly MarkdownLine[]): ReadonlyMap<string, readonly MarkdownLine[]> => {
  const bodies = new Map<string, readonly MarkdownLine[]>();
  for (const [heading, body] of sectionsOf(lines)) {
    const id = /^(\S+):\s/.exec(heading)?.[1];
    if (id !== undefined && !bodies.has(id)) bodies.set(id, body);
  }
  return bodies;
};

const taskOf = (
  { row, cells, headings }: TableRow,
  id: string,
  body: readonly MarkdownLine[] = [],
): DraftTask => {
  const status = statusOf(cells.get('status'));
  const filler = headings.some((heading) => /\bfiller\b/i.test(heading));
  const { criteria, rest } = splitCriteria(body);
  const section = headings.at(-1)?.replace(/\s*\bfiller tasks?\b/i, '');
  return {
    ...EMPTY_TASK,
    row,
    id,
    title: cells.get('task') || id,
    description: descriptionOf(cells, rest),
    status,
    done: DONE.has(status ?? ''),
    open: OPEN.has(status ?? ''),
    labels: section === undefined || section === '' ? [] : [section],
    assignee: present(cells.get('owner')),
    filler,
    estimateMinutes: minutesOf(cells.get('est') ?? cells.get('estimate')),
    model: present(cells.get('model')),
    acceptance: criteria.map(({ text }) => text),
    ticked: criteria.filter(({ ticked }) => ticked).length,
  };
};

/** What the row says of the task, then its section. */
const descriptionOf = (cells: TableRow['cells'], section: string): string | undefined => {
  const deliverable = present(cells.get('deliverable'));
  const parts = [
    present(cells.get('description')),
    deliverable === undefined ? undefined : `Deliverable: ${deliverable}`,
    section === '' ? undefined : section,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join('\n\n');
};

/** A dash or nothing is how people write “none” into a table. */
const present = (cell: string | undefined): string | undefined =>
  cell === undefined || /^(-|–|—|none|n\/a)?$/i.test(cell) ? undefined : cell;

/** The word of a state; where only its emoji stands, the word that boards give it. */
const statusOf = (cell: string | undefined): string | undefined => {
  const word = /[A-Z][A-Z_]{2,}/.exec(cell ?? '')?.[0];
  if (word !== undefined || cell === undefined) return word;
  for (const [sign, meaning] of [
    ['🔵', 'AVAILABLE'],
    ['🟡', 'CLAIMED'],
    ['🟢', 'COMPLETED'],
    ['✅', 'COMPLETED'],
    ['🔴', 'BLOCKED'],
  ] as const) {
    if (cell.includes(sign)) return meaning;
  }
  return undefined;
};

const minutesOf = (cell: string | undefined): number | undefined => {
  const match = /^~?(\d+(?:\.\d+)?)\s*(h|m)/i.exec(cell ?? '');
  if (match === null) return undefined;
  return Math.ceil(Number(match[1]) * (match[2]?.toLowerCase() === 'h' ? 60 : 1));
};

interface Criterion {
  readonly text: string;
  readonly ticked: boolean;
}

const splitCriteria = (
  body: readonly MarkdownLine[],
): { readonly criteria: readonly Criterion[]; readonly rest: string } => {
  const criteria: Criterion[] = [];
  const rest: string[] = [];
  let listing = false;
  for (const { text, fenced } of body) {
    const item = fenced ? null : /^\s*[-*]\s+(?:\[([ xX])\]\s+)?(.+?)\s*$/.exec(text);
    if (!fenced && /^\*\*Acceptance Criteria:?\*\*/i.test(text)) listing = true;
    else if (listing && item !== null)
      criteria.push({ text: item[2] ?? '', ticked: (item[1] ?? ' ') !== ' ' });
    else if (!listing || text.trim() !== '') {
      listing = false;
      rest.push(text);
    } else listing = criteria.length === 0;
  }
  // A rule closes a section on the page; it is no part of the task.
  return {
    criteria,
    rest: rest
      .join('\n')
      .replace(/\n-{3,}\s*$/, '')
      .trim(),
  };
};

/** The edges of the dependency column: ids stand for themselves, prose for the tasks that it means. */
const edgesOf = (
  rowOf: ReadonlyMap<string, TableRow>,
): { readonly edges: readonly DraftEdge[]; readonly unread: readonly string[] } => {
  const edges: DraftEdge[] = [];
  const unread: string[] = [];
  for (const [id, row] of rowOf) {
    const cell = present(row.cells.get('dependencies') ?? row.cells.get('depends on')) ?? '';
    for (const word of cell.split(/\s*[,;]\s*/).filter((part) => part !== '')) {
      const meant = meantBy(word, id, rowOf);
      if (/^\w[\w.:-]*$/.test(word)) {
        edges.push({ from: id, to: word, type: 'blocks', fromProse: false });
      } else if (meant === undefined || meant.length > DEPENDENCIES_MAX) {
        const trouble = meant === undefined ? 'was not understood' : `means ${meant.length} tasks`;
        unread.push(
          `Row ${row.row}, ${id}: the dependency “${word}” ${trouble}; no edge was made of it.`,
        );
      } else {
        for (const to of meant) edges.push({ from: id, to, type: 'blocks', fromProse: true });
      }
    }
  }
  return { edges, unread };
};

/**
 * “All above” is every earlier row of the same table, and “All components” every row of the sections that are headed by
 * a component's dotted name, such as IF.governor. Undefined: it means nothing that we know.
 */
const meantBy = (
  prose: string,
  id: string,
  rowOf: ReadonlyMap<string, TableRow>,
): readonly string[] | undefined => {
  const rows = [...rowOf].filter(([other]) => other !== id);
  const own = rowOf.get(id);
  const idsOf = (matching: typeof rows): readonly string[] => matching.map(([other]) => other);
  if (/^all above$/i.test(prose)) {
    return idsOf(rows.filter(([, { table, row }]) => table === own?.table && row < own.row));
  }
  if (/^all components?$/i.test(prose)) {
    return idsOf(rows.filter(([, { headings }]) => COMPONENT_HEADING.test(headings.at(-1) ?? '')));
  }
  return undefined;
};

const COMPONENT_HEADING = /^\w+\.\w+\b.*\btasks?\b/i;
