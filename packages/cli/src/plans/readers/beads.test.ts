/** Rows as real exports have had them, with fields missing, of other types, or from another clock. */
import { expect, test } from 'vitest';
import type { PlanSource } from '../source.ts';
import { readBeads } from './beads.ts';

const jsonl = (rows: readonly unknown[]): string =>
  rows.map((row) => JSON.stringify(row)).join('\n');
const read = (rows: readonly unknown[]) =>
  readBeads({ kind: 'text', name: 'x.jsonl', text: jsonl(rows) }, 'x');
const readTables = (tables: Readonly<Record<string, readonly unknown[]>>) => {
  const files = new Map(Object.entries(tables).map(([name, rows]) => [name, jsonl(rows)]));
  const source: PlanSource = { kind: 'folder', name: 'town', files };
  return readBeads(source, 'town');
};

test('a row needs an id and nothing else', () => {
  const [task] = read([
    { id: 'x-1', labels: 'no list', priority: 'high', estimated_minutes: 0 },
  ]).tasks;
  expect(task).toMatchObject({
    id: 'x-1',
    title: 'x-1',
    status: 'open',
    open: true,
    done: false,
    labels: [],
    priority: undefined,
    estimateMinutes: undefined,
    acceptance: [],
  });
});

test('types, parents, pins and wisps are found under each of their names', () => {
  const { tasks } = read([
    { id: 'x-1', issue_type: 'bug', type: 'task', parent: 'x-9', pinned: 1, wisp: true },
    { id: 'x-2', type: 'epic', parent_id: 'x-8', status: 'pinned', estimated_minutes: 30 },
    { id: 'x-3', labels: ['a', 5, ''], acceptance_criteria: '- [x] one\n\n- [ ] two' },
  ]);
  expect(tasks[0]).toMatchObject({
    type: 'bug',
    parentField: 'x-9',
    pinned: true,
    ephemeral: true,
  });
  expect(tasks[1]).toMatchObject({
    type: 'epic',
    parentField: 'x-8',
    pinned: true,
    ephemeral: false,
    estimateMinutes: 30,
  });
  expect(tasks[2]).toMatchObject({
    labels: ['a'],
    acceptance: ['- [x] one', '- [ ] two'],
    ticked: 1,
  });
});

test('what names no far end is no edge, and a type is found under each of its names', () => {
  const { edges } = read([
    {
      id: 'x-1',
      deps: [
        '',
        7,
        {},
        { id: 'x-2', dep_type: 'tracks' },
        { depends_on_id: 'x-3', issue_id: 'x-4' },
      ],
    },
  ]);
  expect(edges).toEqual([
    { from: 'x-1', to: 'x-2', type: 'tracks', fromProse: false },
    { from: 'x-4', to: 'x-3', type: 'blocks', fromProse: false },
  ]);
});

test('a task that was deleted is left out by its status or by its time', () => {
  const { tasks, skipped } = read([
    { id: 'x-1', deleted_at: '2026-01-01T00:00:00Z' },
    { id: 'x-2', status: 'tombstone' },
    { id: 'x-3', deleted_at: '' },
  ]);
  expect(tasks.map(({ id }) => id)).toEqual(['x-3']);
  expect(skipped.map(({ why }) => why)).toEqual(Array(2).fill('it is a tombstone: deleted'));
});

test('tables join by id: labels without a task are counted, edges without ends are skipped', () => {
  const draft = readTables({
    'issues.jsonl': [{ id: 'x-1' }, { id: 'x-2' }],
    'labels.jsonl': [
      { issue_id: 'x-1', label: 'one' },
      { issue_id: 'x-1', label: 'two' },
      { issue_id: 'gone', label: 'lost' },
      { issue_id: 'x-2' },
      { label: 'whose' },
    ],
    'dependencies.jsonl': [
      { issue_id: 'x-2', depends_on_id: 'x-1', type: 'blocks' },
      { depends_on_id: 'x-1' },
      { issue_id: 'x-2' },
    ],
  });
  expect(draft.format).toBe('gastown-backup');
  expect(draft.tasks.map(({ labels }) => labels)).toEqual([['one', 'two'], []]);
  expect(draft.orphanLabels).toBe(2);
  expect(draft.edges.map(({ from, to }) => [from, to])).toEqual([['x-2', 'x-1']]);
  expect(draft.skipped.map(({ row, why }) => [row, why])).toEqual([
    [2, 'it names no two tasks'],
    [3, 'it names no two tasks'],
  ]);
  expect(draft.events).toBeUndefined();
});

test('a list that is no JSON is one skipped row', () => {
  const draft = readBeads({ kind: 'text', name: 'x', text: '[{"id":' }, 'x');
  expect(draft.tasks).toEqual([]);
  expect(draft.skipped).toMatchObject([{ row: 1, why: 'it is not a JSON object' }]);
});

test('contradictions inside an export are told', () => {
  const at = (hour: number): string => `2026-01-01T${String(hour).padStart(2, '0')}:00:00Z`;
  const { warnings } = readTables({
    'issues.jsonl': [
      { id: 'a-1', created_at: at(9), dependency_count: 3, comment_count: 2, comments: [{}] },
      {
        id: 'a-1.2',
        created_at: at(9),
        dependency_count: 1,
        created_by: 'deacon',
        assignee: 'deacon/',
        dependencies: [{ issue_id: 'a-1.2', depends_on_id: 'a-1', created_at: at(8) }],
      },
      { id: 'b-1', created_at: at(9), assignee: 'ada' },
    ],
    'dependencies.jsonl': [],
    'events.jsonl': [
      { event_type: 'created', issue_id: 'a-1', created_at: at(8), actor: 'ada/' },
      { event_type: 'created', issue_id: 'gone', created_at: at(8), actor: 7 },
      { event_type: 'closed', issue_id: 'a-1', created_at: at(9) },
    ],
  });
  expect(warnings).toEqual([
    'dependency_count counts all edges in 1 of 3 rows and only blocks edges in 1; it was recomputed from the edges.',
    'The rows count 2 comments and hold 1.',
    'Ids of several trackers share the file: a 2, b 1.',
    '1 of 1 edges carry a time before their own task was created; times were not used.',
    'Workers with two spellings: ada and ada/, deacon and deacon/; kept as they stand.',
    'A parent by name alone, without an edge, was not taken: a-1.2.',
    'Event times are 1 h behind the times on the tasks; events were ordered by id, never by time.',
  ]);
});

test('an event clock that runs ahead is told as such, and equal clocks say nothing', () => {
  const rows = (hour: string) => ({
    'issues.jsonl': [{ id: 'a-1', created_at: '2026-01-01T09:00:00Z' }],
    'dependencies.jsonl': [],
    'events.jsonl': [
      { event_type: 'created', issue_id: 'a-1', created_at: `2026-01-01T${hour}:00:00Z` },
    ],
  });
  expect(readTables(rows('11')).warnings).toEqual([
    'Event times are 2 h ahead of the times on the tasks; events were ordered by id, never by time.',
  ]);
  expect(readTables(rows('09')).warnings).toEqual([]);
});
