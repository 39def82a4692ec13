/** The report of a draft. Terms as in its type; every count is over rows as the source has them. */
import { ID_USED, NESTING_MAX } from '../readers/draft.ts';
import type { Draft, DraftEdge, DraftTask } from '../readers/draft.ts';
import { foldEvents, largest, tally } from '../readers/events.ts';
import { buildGraph, cyclesOf, heaviestChain, wavesOf } from './graph.ts';
import type { Chain, Graph } from './graph.ts';
import { readinessOf } from './readiness.ts';
import type { ChainReport, Counts, ImportReport, NamedCount } from './report.ts';

const IN_FLIGHT = new Set(['hooked', 'in_progress']);

export const buildReport = (
  draft: Draft,
  { reopen }: { readonly reopen: boolean },
): ImportReport => {
  const { tasks, phases } = draft;
  const ids = new Set(tasks.map(({ id }) => id));
  const work = tasks.filter(({ filler }) => !filler);
  const usable = usableBlocks(draft.edges, ids);
  return {
    format: draft.format,
    title: draft.title,
    tasks: tasks.length,
    fillers: tasks.length - work.length,
    phases: {
      count: phases.length,
      autonomous: phases.filter(({ autonomous }) => autonomous === true).length,
    },
    byStatus: tally(stated(work.map(({ status }) => status))),
    byType: tally(stated(work.map(({ type }) => type))),
    byPriority: numberTally(stated(work.map(({ priority }) => priority))),
    byModel: tally(stated(work.map(({ model }) => model))),
    ...edgeCounts(draft, ids),
    usableBlocks: usable.length,
    ...orderOf(buildGraph({ tasks: work, edges: usable, phases }), work),
    ready: readinessOf(draft, { reopen }),
    mostDependants: mostFrequent(usable.map(({ to }) => to)),
    mostDependencies: mostFrequent(usable.map(({ from }) => from)),
    assigned: {
      rows: tasks.filter(({ assignee }) => assignee !== undefined).length,
      inFlight: tasks.filter(({ status }) => IN_FLIGHT.has(status ?? '')).length,
    },
    ephemeral: tasks.filter(({ ephemeral }) => ephemeral).length,
    parents: parentsOf(draft, ids),
    labels: labelsOf(draft),
    longestDescription: longestDescription(tasks),
    created: createdOf(draft),
    estimates: {
      minutes: minutesOf(work),
      fillerMinutes: minutesOf(tasks.filter(({ filler }) => filler)),
    },
    acceptanceCriteria: {
      total: tasks.reduce((sum, { acceptance }) => sum + acceptance.length, 0),
      ticked: tasks.reduce((sum, { ticked }) => sum + ticked, 0),
      tasksByCount: numberTally(
        work.map(({ acceptance }) => acceptance.length).filter((count) => count > 0),
      ),
    },
    skipped: draft.skipped,
    warnings: [...draft.warnings, ...graphWarnings(draft, usable)],
    events: draft.events === undefined ? undefined : foldEvents(draft.events, tasks),
  };
};

const edgeCounts = ({ edges, skipped }: Draft, ids: ReadonlySet<string>) => {
  const dangling = edges.filter(({ to, type }) => type !== 'other-plan' && !ids.has(to));
  const different = new Set(edges.map(({ from, to, type }) => JSON.stringify([from, to, type])));
  return {
    edges: {
      total: edges.length,
      byType: tally(edges.map(({ type }) => type)),
      fromProse: edges.filter(({ fromProse }) => fromProse).length,
    },
    dangling: {
      total: dangling.length,
      byType: tally(dangling.map(({ type }) => type)),
      ids: [...new Set(dangling.map(({ to }) => to))].toSorted(),
    },
    duplicates: {
      ids: stated(skipped.map(({ id, why }) => (why === ID_USED ? id : undefined))),
      edges: edges.length - different.size,
    },
    selfEdges: edges.filter(({ from, to }) => from === to).length,
  };
};

const orderOf = (graph: Graph, work: readonly DraftTask[]) => {
  const unfinished = new Set(work.filter(({ done }) => !done).map(({ id }) => id));
  return {
    cycles: cyclesOf(graph),
    longestChain: chainReport(heaviestChain(graph, () => 1)),
    unfinishedChain: chainReport(heaviestChain(graph, (id) => (unfinished.has(id) ? 1 : 0))),
    criticalPath: criticalPath(graph, work),
    waves: wavesOf(graph),
  };
};

const stated = <T>(values: readonly (T | undefined)[]): readonly T[] =>
  values.filter((value) => value !== undefined);

/** A tally by number, in the order of the numbers (which is how an object keeps keys that are integers). */
const numberTally = (values: readonly number[]): Counts => tally(values.map(String));

/** Doubles and edges of a task to itself are counted elsewhere and order nothing. */
const usableBlocks = (
  edges: readonly DraftEdge[],
  ids: ReadonlySet<string>,
): readonly DraftEdge[] => {
  const usable = new Map<string, DraftEdge>();
  for (const edge of edges) {
    if (edge.type !== 'blocks' || edge.from === edge.to || !ids.has(edge.from) || !ids.has(edge.to))
      continue;
    const name = JSON.stringify([edge.from, edge.to]);
    if (!usable.has(name)) usable.set(name, edge);
  }
  return [...usable.values()];
};

/** Ends that a chain's report names. Chains of one task end in every task. */
const ENDS_MAX = 20;

const chainReport = ({ length, path, ends }: Chain): ChainReport => ({
  tasks: length,
  path,
  ends: ends.slice(0, ENDS_MAX),
});

const criticalPath = (graph: Graph, tasks: readonly DraftTask[]): ImportReport['criticalPath'] => {
  const minutes = new Map(tasks.map(({ id, estimateMinutes }) => [id, estimateMinutes ?? 0]));
  const { length, path } = heaviestChain(graph, (id) => minutes.get(id) ?? 0);
  return length === 0 ? undefined : { minutes: length, path };
};

const mostFrequent = (ids: readonly string[]): NamedCount | undefined => {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  let most: NamedCount | undefined;
  for (const [id, count] of counts)
    if (most === undefined || count > most.count) most = { id, count };
  return most;
};

const parentsOf = ({ tasks, edges }: Draft, ids: ReadonlySet<string>): ImportReport['parents'] => {
  const all = new Map<string, string[]>();
  for (const { from, to, type } of edges) {
    if (type === 'parent-child') all.set(from, [...(all.get(from) ?? []), to]);
  }
  const present = new Map(
    [...all].map(([id, parents]) => [id, parents.filter((parent) => ids.has(parent))]),
  );
  const counts = tasks.map(({ id }) => present.get(id)?.length ?? 0);
  const withBoth = tasks.filter(({ id, parentField }) => parentField !== undefined && all.has(id));
  const agreeing = withBoth.filter(({ id, parentField = '' }) =>
    all.get(id)?.includes(parentField),
  );
  return {
    usable: counts.reduce((sum, count) => sum + count, 0),
    nesting: largest(tasks.map(({ id }) => levelsAbove(id, present))),
    perTaskMax: largest(counts),
    fieldAgrees: agreeing.length,
    fieldDiffers: withBoth.length - agreeing.length,
  };
};

/** Levels from a task to its farthest ancestor, both counted. */
const levelsAbove = (id: string, parents: ReadonlyMap<string, readonly string[]>): number => {
  let at = parents.get(id)?.[0];
  let levels = at === undefined ? 0 : 1;
  while (at !== undefined && levels < NESTING_MAX) {
    levels += 1;
    at = parents.get(at)?.[0];
  }
  return levels;
};

const labelsOf = ({ tasks, orphanLabels }: Draft): ImportReport['labels'] => {
  const uses = tasks.flatMap(({ labels }) => labels);
  return {
    uses: uses.length,
    rows: tasks.filter(({ labels }) => labels.length > 0).length,
    different: new Set(uses).size,
    orphans: orphanLabels,
  };
};

const longestDescription = (tasks: readonly DraftTask[]): ImportReport['longestDescription'] => {
  let longest: { id: string; chars: number } | undefined;
  for (const { id, description = '' } of tasks) {
    // Code points, as people count characters.
    const chars = Array.from(description).length;
    if (chars > (longest?.chars ?? 0)) longest = { id, chars };
  }
  return longest;
};

const createdOf = ({ tasks, dated }: Draft): ImportReport['created'] => {
  const times = stated(tasks.map(({ createdAt }) => createdAt)).toSorted();
  const [from, to] = [times[0] ?? dated, times.at(-1) ?? dated];
  return from === undefined || to === undefined ? undefined : { from, to };
};

const minutesOf = (tasks: readonly DraftTask[]): number =>
  tasks.reduce((sum, { estimateMinutes }) => sum + (estimateMinutes ?? 0), 0);

const graphWarnings = (
  { tasks, edges }: Draft,
  usable: readonly DraftEdge[],
): readonly string[] => {
  const warnings: string[] = [];
  const taskOf = new Map(tasks.map((task) => [task.id, task]));
  const early = usable.filter(
    ({ from, to }) => taskOf.get(from)?.done === true && taskOf.get(to)?.done !== true,
  );
  if (early.length > 0) {
    const list = early.slice(0, 5).map(({ from, to }) => `${from} (waits for ${to})`);
    warnings.push(
      `${early.length} closed tasks have an unfinished dependency: ${list.join(', ')}.`,
    );
  }
  const orderless = edges.filter(
    ({ type }) => !['blocks', 'parent-child', 'other-plan'].includes(type),
  );
  if (orderless.length > 0) {
    const types = Object.entries(tally(orderless.map(({ type }) => type))).map(
      ([type, count]) => `${type} ${count}`,
    );
    warnings.push(`Edges that order nothing were not taken into the plan: ${types.join(', ')}.`);
  }
  return warnings;
};
