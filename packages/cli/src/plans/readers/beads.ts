/** Beads plans: one JSON object a line (or a list of them), and the four-table backup of a Gas Town. */
import type { PlanSource } from '../source.ts';
import { ID_USED } from './draft.ts';
import type { Draft, DraftEdge, DraftTask, EventRows, SkippedRow } from './draft.ts';
import { oddities } from './beads-oddities.ts';
import { isObject } from './json.ts';
import type { JsonObject } from './json.ts';
import { parseRows } from './rows.ts';
import type { Row } from './rows.ts';

/** What a bead's status says about it: one that is neither open nor done is in somebody's hands. */
const DONE = new Set(['closed']);
const DELETED = 'tombstone';

const EDGE_TYPES = new Set([
  'blocks',
  'parent-child',
  'related',
  'relates-to',
  'discovered-from',
  'tracks',
  'waits-for',
  'conditional-blocks',
  'duplicates',
  'supersedes',
  'replies-to',
]);

/** @returns the rows and edges; dangling edges are still among them, so that the report can count them. */
export const readBeads = (source: PlanSource, title: string): Draft => {
  const folder = source.kind === 'folder' ? source.files : new Map([['issues.jsonl', source.text]]);
  const skipped: SkippedRow[] = [];
  const read = (name: string): readonly Row[] =>
    parseRows({ file: name, text: folder.get(name) ?? '' }, skipped);

  const issues = keptRows(read('issues.jsonl'), skipped);
  const labelsOf = labelsByIssue(read('labels.jsonl'));
  const tasks = issues.map((row) => taskOf(row, labelsOf.get(idOf(row)) ?? []));
  const edgeRows = read('dependencies.jsonl');
  const edges = [
    ...issues.flatMap((row) => edgesInside(row.value, idOf(row))),
    ...edgesOfTable(edgeRows, skipped),
  ];
  const events: EventRows = read('events.jsonl').map(({ value }) => value);
  const ids = new Set(issues.map(idOf));
  return {
    format: folder.has('dependencies.jsonl') ? 'gastown-backup' : 'beads-jsonl',
    title,
    tasks,
    edges,
    phases: [],
    skipped,
    warnings: oddities({ issues, edgeRows, tasks, edges, events }),
    orphanLabels: [...labelsOf].reduce(
      (sum, [id, labels]) => sum + (ids.has(id) ? 0 : labels.length),
      0,
    ),
    dated: undefined,
    events: folder.has('events.jsonl') ? events : undefined,
  };
};

const idOf = ({ value }: Row): string => text(value['id']) ?? '';

/** The rows that become tasks; the others go to the skipped ones, with the reason. */
const keptRows = (rows: readonly Row[], skipped: SkippedRow[]): readonly Row[] => {
  const seen = new Set<string>();
  return rows.filter(({ row, value }) => {
    const id = text(value['id']);
    const why = refusal(value, id, seen);
    if (why !== undefined) skipped.push({ file: 'issues.jsonl', row, id, why });
    else if (id !== undefined) seen.add(id);
    return why === undefined;
  });
};

const labelsByIssue = (rows: readonly Row[]): ReadonlyMap<string, readonly string[]> => {
  const labelsOf = new Map<string, string[]>();
  for (const { value } of rows) {
    const id = text(value['issue_id']) ?? '';
    const label = text(value['label']);
    if (label !== undefined) labelsOf.set(id, [...(labelsOf.get(id) ?? []), label]);
  }
  return labelsOf;
};

const edgesOfTable = (rows: readonly Row[], skipped: SkippedRow[]): readonly DraftEdge[] =>
  rows.flatMap(({ row, value }) => {
    const edge = edgeOf(value, '');
    if (edge !== undefined && edge.from !== '') return [edge];
    skipped.push({ file: 'dependencies.jsonl', row, id: undefined, why: 'it names no two tasks' });
    return [];
  });

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** Flags are `true` in one export and `1` in the next. */
const flag = (value: unknown): boolean => value === true || value === 1;

const refusal = (
  value: JsonObject,
  id: string | undefined,
  seen: ReadonlySet<string>,
): string | undefined => {
  if (id === undefined) return 'it has no id';
  if (value['status'] === DELETED || text(value['deleted_at']) !== undefined)
    return 'it is a tombstone: deleted';
  if (seen.has(id)) return ID_USED;
  return undefined;
};

const taskOf = ({ row, value }: Row, labels: readonly string[]): DraftTask => {
  const id = text(value['id']) ?? '';
  const status = text(value['status']) ?? 'open';
  const own = Array.isArray(value['labels'])
    ? value['labels'].filter((label) => typeof label === 'string')
    : [];
  const minutes = value['estimated_minutes'];
  return {
    row,
    id,
    title: text(value['title']) ?? id,
    description: text(value['description']),
    more: moreOf(value),
    status,
    done: DONE.has(status),
    open: status === 'open',
    type: text(value['issue_type']) ?? text(value['type']),
    priority: typeof value['priority'] === 'number' ? value['priority'] : undefined,
    labels: [...own, ...labels].filter((label) => label !== ''),
    assignee: text(value['assignee']),
    parentField: text(value['parent']) ?? text(value['parent_id']),
    ephemeral: flag(value['ephemeral']) || flag(value['wisp']),
    pinned: flag(value['pinned']) || status === 'pinned',
    filler: false,
    estimateMinutes: typeof minutes === 'number' && minutes > 0 ? minutes : undefined,
    model: undefined,
    acceptance: acceptanceOf(text(value['acceptance_criteria'])),
    ticked: acceptanceOf(text(value['acceptance_criteria'])).filter((line) =>
      /^[-*] \[x\]/i.test(line),
    ).length,
    createdAt: text(value['created_at']),
    phase: undefined,
  };
};

/** The design and the notes are as much the task's text as its description; headings keep them apart. */
const moreOf = (value: JsonObject): readonly string[] =>
  (['design', 'notes'] as const).flatMap((name) => {
    const part = text(value[name]);
    return part === undefined ? [] : [`## ${name}\n\n${part}`];
  });

const acceptanceOf = (criteria: string | undefined): readonly string[] =>
  (criteria ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/**
 * The edges that stand inside a row, in every shape that exports have had: objects with both ends, objects with the far
 * end only, the far row itself with a `dependency_type`, plain ids, and `type:id`.
 */
const edgesInside = (value: JsonObject, id: string): readonly DraftEdge[] => {
  const edges: DraftEdge[] = [];
  for (const field of ['dependencies', 'depends_on', 'deps', 'blocked_by'] as const) {
    const list = value[field];
    if (!Array.isArray(list)) continue;
    for (const item of list) {
      const edge = edgeOf(item, id);
      if (edge !== undefined) edges.push(edge);
    }
  }
  return edges;
};

const edgeOf = (item: unknown, from: string): DraftEdge | undefined => {
  if (typeof item === 'string') return edgeOfText(item, from);
  if (!isObject(item)) return undefined;
  const to = text(item['depends_on_id']) ?? text(item['id']);
  if (to === undefined) return undefined;
  const type =
    text(item['type']) ?? text(item['dependency_type']) ?? text(item['dep_type']) ?? 'blocks';
  return { from: text(item['issue_id']) ?? from, to, type, fromProse: false };
};

/** Ids hold colons too (`external:town:gt-1`), so only a known type may stand before the first one. */
const edgeOfText = (item: string, from: string): DraftEdge | undefined => {
  const colon = item.indexOf(':');
  const type = item.slice(0, Math.max(colon, 0));
  if (EDGE_TYPES.has(type)) return { from, to: item.slice(colon + 1), type, fromProse: false };
  return item === '' ? undefined : { from, to: item, type: 'blocks', fromProse: false };
};
