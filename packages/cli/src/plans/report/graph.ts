/**
 * The order of a plan as a graph. Phases take part as nodes of weight 0: the end of a phase waits for all its tasks,
 * and its tasks wait for the ends of the phases before it; so a chain or a cycle across phases shows like any other.
 */
import type { PhaseSpec } from '@infrafabric/protocol';

export interface Graph {
  /** Names of the nodes: task ids, then `phase <id>` for the phases' ends. */
  readonly names: readonly string[];
  readonly taskCount: number;
  /** For each node, the nodes that must be done before it. */
  readonly before: readonly (readonly number[])[];
  readonly indexOf: ReadonlyMap<string, number>;
}

export interface GraphTask {
  readonly id: string;
  readonly phase: string | undefined;
  /** A phase does not wait for its fillers. */
  readonly filler?: boolean | undefined;
}

export interface GraphParts {
  readonly tasks: readonly GraphTask[];
  /** `from` waits for `to`; edges with an unknown end, and doubles, are left out. */
  readonly edges: readonly { readonly from: string; readonly to: string }[];
  readonly phases: readonly PhaseSpec[];
}

export const phaseNode = (phase: string): string => `phase ${phase}`;

/** The phases that must have passed before each one opens: as written, or the one before it in the list. */
export const phasesBefore = (
  phases: readonly PhaseSpec[],
): ReadonlyMap<string, readonly string[]> => {
  const before = new Map<string, readonly string[]>();
  for (const [index, phase] of phases.entries()) {
    const previous = phases[index - 1];
    before.set(phase.id, phase.after ?? (previous === undefined ? [] : [previous.id]));
  }
  return before;
};

export const buildGraph = ({ tasks, edges, phases }: GraphParts): Graph => {
  const names = [...tasks.map(({ id }) => id), ...phases.map(({ id }) => phaseNode(id))];
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const before = names.map((): Set<number> => new Set());
  const wait = (from: string, to: string): void => {
    const [node, other] = [indexOf.get(from), indexOf.get(to)];
    if (node !== undefined && other !== undefined) before[node]?.add(other);
  };
  for (const { from, to } of edges) wait(from, to);
  const opensAfter = phasesBefore(phases);
  for (const [phase, others] of opensAfter)
    for (const other of others) wait(phaseNode(phase), phaseNode(other));
  for (const { id, phase, filler } of tasks) {
    if (phase === undefined || !opensAfter.has(phase)) continue;
    if (filler !== true) wait(phaseNode(phase), id);
    for (const other of opensAfter.get(phase) ?? []) wait(id, phaseNode(other));
  }
  return { names, taskCount: tasks.length, before: before.map((set) => [...set]), indexOf };
};

/** For each node, the nodes that wait for it. */
const followers = (graph: Graph): readonly (readonly number[])[] => {
  const after: number[][] = graph.names.map(() => []);
  for (const [node, others] of graph.before.entries())
    for (const other of others) after[other]?.push(node);
  return after;
};

/** Nodes so that each comes after those it waits for; what sits on or behind a cycle is missing (Kahn 1962). */
const order = (graph: Graph): readonly number[] => {
  const after = followers(graph);
  const missing = graph.before.map((others) => others.length);
  const sorted: number[] = [];
  for (const [node, count] of missing.entries()) if (count === 0) sorted.push(node);
  for (let head = 0; head < sorted.length; head += 1) {
    for (const node of after[sorted[head] ?? -1] ?? []) {
      missing[node] = (missing[node] ?? 0) - 1;
      if (missing[node] === 0) sorted.push(node);
    }
  }
  return sorted;
};

export interface Chain {
  /** Sum of the weights along the path. */
  readonly length: number;
  /** The tasks of one such path, first to last. */
  readonly path: readonly string[];
  /** Every task that a path of this length ends in. */
  readonly ends: readonly string[];
}

/** The heaviest path; of equal ones, the one whose last node comes first in the plan. */
export const heaviestChain = (graph: Graph, weightOf: (task: string) => number): Chain => {
  const weights = graph.names.map((name, node) => (node < graph.taskCount ? weightOf(name) : 0));
  const lengths: number[] = graph.names.map(() => 0);
  const via: (number | undefined)[] = graph.names.map(() => undefined);
  const lengthOf = (node: number | undefined): number =>
    node === undefined ? -1 : (lengths[node] ?? 0);
  for (const node of order(graph)) {
    let best: number | undefined;
    for (const other of graph.before[node] ?? [])
      if (lengthOf(other) > lengthOf(best)) best = other;
    via[node] = best;
    lengths[node] = Math.max(0, lengthOf(best)) + (weights[node] ?? 0);
  }
  const counted = [...weights.keys()].filter((node) => (weights[node] ?? 0) > 0);
  const longest = counted.reduce((length, node) => Math.max(length, lengthOf(node)), 0);
  const ends = counted.filter((node) => lengthOf(node) === longest);
  const path: number[] = [];
  for (let node = ends[0]; node !== undefined; node = via[node]) path.push(node);
  const names = (nodes: readonly number[]): readonly string[] =>
    nodes.filter((node) => (weights[node] ?? 0) > 0).map((node) => graph.names[node] ?? '');
  return { length: longest, path: names(path.toReversed()), ends: names(ends) };
};

/** Sizes of the successive ready sets when every task is open and all ready ones finish together. */
export const wavesOf = (graph: Graph): readonly number[] => {
  const wave: number[] = graph.names.map(() => 0);
  const sizes: number[] = [];
  for (const node of order(graph)) {
    for (const other of graph.before[node] ?? []) {
      const step = other < graph.taskCount ? 1 : 0;
      wave[node] = Math.max(wave[node] ?? 0, (wave[other] ?? 0) + step);
    }
    const at = wave[node] ?? 0;
    if (node < graph.taskCount) sizes[at] = (sizes[at] ?? 0) + 1;
  }
  return Array.from(sizes, (size) => size ?? 0);
};

/**
 * The cycles by name, one for each strongly connected part: the shortest through its first node, closed by that node.
 * A node that waits for itself is such a part.
 */
export const cyclesOf = (graph: Graph): readonly (readonly string[])[] => {
  const sorted = new Set(order(graph));
  const after = followers(graph);
  const named = new Set<number>();
  const cycles: (readonly string[])[] = [];
  for (const start of graph.names.keys()) {
    if (sorted.has(start) || named.has(start)) continue;
    const path = shortestCycle(after, start);
    if (path === undefined) continue;
    for (const node of connected(graph.before, after, start)) named.add(node);
    cycles.push([...path, start].map((node) => graph.names[node] ?? ''));
  }
  return cycles;
};

/** A node together with all that it reaches and is reached from. */
const connected = (
  before: readonly (readonly number[])[],
  after: readonly (readonly number[])[],
  start: number,
): readonly number[] => {
  const reach = (next: readonly (readonly number[])[]): ReadonlySet<number> => {
    const seen = new Set([start]);
    for (const node of seen) for (const other of next[node] ?? []) seen.add(other);
    return seen;
  };
  const back = reach(before);
  return [...reach(after)].filter((node) => back.has(node));
};

/** Breadth first along “waits for me”, from the start back to it. */
const shortestCycle = (
  after: readonly (readonly number[])[],
  start: number,
): readonly number[] | undefined => {
  const via = new Map<number, number>();
  const queue = [start];
  for (const node of queue) {
    for (const other of after[node] ?? []) {
      if (other === start) {
        const path = [node];
        for (let at = via.get(node); at !== undefined; at = via.get(at)) path.push(at);
        return path.toReversed();
      }
      if (via.has(other)) continue;
      via.set(other, node);
      queue.push(other);
    }
  }
  return undefined;
};
