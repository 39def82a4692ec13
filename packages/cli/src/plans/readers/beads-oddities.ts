/** Contradictions inside a Beads export. They are told and never mended: the plan keeps what its rows say. */
import type { DraftEdge, DraftTask, EventRows } from './draft.ts';
import { isObject } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Row } from './rows.ts';

interface BeadsTables {
  readonly issues: readonly Row[];
  readonly edgeRows: readonly Row[];
  readonly tasks: readonly DraftTask[];
  readonly edges: readonly DraftEdge[];
  readonly events: EventRows;
}

const HOUR_MS = 3_600_000;

export const oddities = (tables: BeadsTables): readonly string[] =>
  [
    counterDrift(tables),
    missingComments(tables),
    foreignPrefixes(tables),
    earlyEdges(tables),
    spellings(tables),
    parentsByName(tables),
    eventClock(tables),
  ].filter((warning) => warning !== undefined);

const idOf = (value: JsonObject): string => (typeof value['id'] === 'string' ? value['id'] : '');

/** `dependency_count` was computed by different rules at different times. */
const counterDrift = ({ issues, tasks, edges }: BeadsTables): string | undefined => {
  const all = new Map<string, number>();
  const blocks = new Map<string, number>();
  for (const { from, type } of edges) {
    all.set(from, (all.get(from) ?? 0) + 1);
    if (type === 'blocks') blocks.set(from, (blocks.get(from) ?? 0) + 1);
  }
  const counted = issues.filter(({ value }) => typeof value['dependency_count'] === 'number');
  const matching = (counts: ReadonlyMap<string, number>): number =>
    counted.filter(({ value }) => value['dependency_count'] === (counts.get(idOf(value)) ?? 0))
      .length;
  const [asAll, asBlocks] = [matching(all), matching(blocks)];
  if (counted.length === 0 || asAll === counted.length || asBlocks === counted.length)
    return undefined;
  return (
    `dependency_count counts all edges in ${asAll} of ${tasks.length} rows ` +
    `and only blocks edges in ${asBlocks}; it was recomputed from the edges.`
  );
};

const missingComments = ({ issues }: BeadsTables): string | undefined => {
  let counted = 0;
  let present = 0;
  for (const { value } of issues) {
    if (typeof value['comment_count'] === 'number') counted += value['comment_count'];
    if (Array.isArray(value['comments'])) present += value['comments'].length;
  }
  return counted > present ? `The rows count ${counted} comments and hold ${present}.` : undefined;
};

const foreignPrefixes = ({ tasks }: BeadsTables): string | undefined => {
  const counts = new Map<string, number>();
  for (const { id } of tasks) {
    const prefix = id.slice(0, Math.max(id.indexOf('-'), 0));
    counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
  }
  if (counts.size < 2) return undefined;
  const list = [...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return `Ids of several trackers share the file: ${list.map(([prefix, count]) => `${prefix} ${count}`).join(', ')}.`;
};

/** Edges that are older than the task they belong to: their times come from another clock. */
const earlyEdges = ({ issues, edgeRows }: BeadsTables): string | undefined => {
  const createdOf = new Map(issues.map(({ value }) => [idOf(value), value['created_at']]));
  const stamped = [
    ...edgeRows.map(({ value }) => value),
    ...issues.flatMap(({ value }) =>
      Array.isArray(value['dependencies']) ? value['dependencies'].filter(isObject) : [],
    ),
  ];
  const early = stamped.filter((edge) => {
    const created = createdOf.get(String(edge['issue_id']));
    return Date.parse(String(edge['created_at'])) < Date.parse(String(created));
  });
  if (early.length === 0) return undefined;
  return `${early.length} of ${stamped.length} edges carry a time before their own task was created; times were not used.`;
};

/** `deacon` and `deacon/`: one worker under two names. A name is not a session, so nothing is merged. */
const spellings = ({ tasks, events, issues }: BeadsTables): string | undefined => {
  const names = new Set<string>();
  for (const { assignee } of tasks) if (assignee !== undefined) names.add(assignee);
  for (const { actor } of events) if (typeof actor === 'string') names.add(actor);
  for (const { value } of issues)
    if (typeof value['created_by'] === 'string') names.add(value['created_by']);
  const twice = [...names]
    .filter((name) => !name.endsWith('/') && names.has(`${name}/`))
    .toSorted();
  if (twice.length === 0) return undefined;
  return `Workers with two spellings: ${twice.map((name) => `${name} and ${name}/`).join(', ')}; kept as they stand.`;
};

/** `x-1.2` looks like a child of `x-1`. Only an edge makes it one. */
const parentsByName = ({ tasks, edges }: BeadsTables): string | undefined => {
  const ids = new Set(tasks.map(({ id }) => id));
  const children = new Set(
    edges.filter(({ type }) => type === 'parent-child').map(({ from }) => from),
  );
  const byName = tasks.filter(({ id, parentField }) => {
    const dot = id.lastIndexOf('.');
    return dot > 0 && !children.has(id) && parentField === undefined && ids.has(id.slice(0, dot));
  });
  if (byName.length === 0) return undefined;
  return `A parent by name alone, without an edge, was not taken: ${byName.map(({ id }) => id).join(', ')}.`;
};

/** A `created` event and its task's own time should agree; a shift by whole hours is local time with a `Z` on it. */
const eventClock = ({ issues, events }: BeadsTables): string | undefined => {
  const createdOf = new Map(
    issues.map(({ value }) => [idOf(value), Date.parse(String(value['created_at']))]),
  );
  const shifts = new Map<number, number>();
  for (const event of events) {
    if (event['event_type'] !== 'created') continue;
    const shift =
      (createdOf.get(String(event['issue_id'])) ?? Number.NaN) -
      Date.parse(String(event['created_at']));
    if (!Number.isFinite(shift)) continue;
    const hours = Math.round(shift / HOUR_MS);
    shifts.set(hours, (shifts.get(hours) ?? 0) + 1);
  }
  const [usual] = [...shifts].toSorted(([, m], [, n]) => n - m);
  if (usual === undefined || usual[0] === 0) return undefined;
  const [hours] = usual;
  return (
    `Event times are ${Math.abs(hours)} h ${hours > 0 ? 'behind' : 'ahead of'} the times on the tasks; ` +
    'events were ordered by id, never by time.'
  );
};
