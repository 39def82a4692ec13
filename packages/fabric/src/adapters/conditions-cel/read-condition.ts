/**
 * What a condition may be: a part of CEL of which every answer takes a bounded time, is the same each time, and needs
 * nothing but the facts.
 *
 * Left out, and why: `matches` (the library hands the pattern to a backtracking RegExp: one label of forty characters can
 * hold the leader for minutes); `map` and `cel.bind` (a text may double at each step, so twenty steps fill the memory);
 * `dyn`, `type`, `has` and maps (they hide types from the check); timestamps and durations (they follow the machine's
 * time zones); fractions (facts count in integers; a condition with 0.5 in it means another unit).
 */
import type { ASTNode, Environment, SourceRange } from '@marcbachmann/cel-js';
import {
  CAPABILITIES_MAX,
  CONDITION_CHARS_MAX,
  LABELS_MAX,
  PATHS_MAX,
  POLICY_FACTS,
} from '@infrafabric/protocol';
import { typedFacts } from './environment.ts';

export interface ConditionIssue {
  /** Place in the source, in characters: from `at` to before `end`. */
  readonly at: number;
  readonly end: number;
  readonly what: string;
}

export type ReadCondition =
  | { readonly kind: 'condition'; readonly tree: ASTNode }
  | { readonly kind: 'issue'; readonly issue: ConditionIssue };

/**
 * Steps of one evaluation at worst, where every list is as long as it may be: about 3 ms on a busy machine. `needs.all(n,
 * n in capabilities)` has 9,000, `labels.all(l, capabilities.all(c, c != l))` 60,000.
 */
export const CONDITION_STEPS_MAX = 20_000;
/** Members that `in` looks at in the time of one step: it is one loop of the engine, not an evaluation for each. */
const MEMBERS_PER_STEP = 10;
/** Loops inside loops. Two compare two lists; three would be 8,000,000 steps. */
const LOOPS_NESTED_MAX = 2;

const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'filter']);
/** Calls by the number of their arguments, the receiver not counted. */
const METHODS: Readonly<Record<string, number>> = {
  contains: 1,
  endsWith: 1,
  size: 0,
  startsWith: 1,
};
const FUNCTIONS: Readonly<Record<string, number>> = { size: 1 };

/** Members that a list of the facts may have; the longest stands for a list of which nothing is known. */
const FACT_MEMBERS_MAX: Readonly<Record<string, number>> = {
  labels: LABELS_MAX,
  needs: CAPABILITIES_MAX,
  // A session's own, and those of its swarm.
  capabilities: 2 * CAPABILITIES_MAX,
  owns: PATHS_MAX,
};
const MEMBERS_MAX = Math.max(...Object.values(FACT_MEMBERS_MAX));

let shared: Environment | undefined;
/** Making an environment costs milliseconds, and this one is never changed after it was made. */
const typed = (): Environment => (shared ??= typedFacts());

/** Parses, checks what may stand in it, its types, and what it costs. */
export const readCondition = (source: string): ReadCondition => {
  if (source.length > CONDITION_CHARS_MAX) {
    return issueAt(
      { start: CONDITION_CHARS_MAX, end: source.length },
      `it has ${source.length} characters; ${CONDITION_CHARS_MAX} are allowed`,
    );
  }
  try {
    const parsed = typed().parse(source);
    const tree = parsed.ast;
    const refusal = refusalIn(tree, new Set());
    if (refusal !== undefined) return { kind: 'issue', issue: refusal };
    const { valid, type, error } = parsed.check();
    if (!valid) return issueOf(error, source);
    if (type !== 'bool') {
      return issueAt(tree.range, `it answers with ${type ?? 'nothing'}, not with true or false`);
    }
    const steps = weigh(tree).steps;
    return steps <= CONDITION_STEPS_MAX
      ? { kind: 'condition', tree }
      : issueAt(
          tree.range,
          `it may take ${steps} steps where lists are long; ${CONDITION_STEPS_MAX} are allowed`,
        );
  } catch (cause) {
    return issueOf(cause, source);
  }
};

const issueAt = ({ start, end }: SourceRange, what: string): ReadCondition => ({
  kind: 'issue',
  issue: { at: start, end, what },
});

/** What the library says, without the drawing that it adds. */
const issueOf = (cause: unknown, source: string): ReadCondition => {
  if (!(cause instanceof Error)) throw cause;
  const range = 'range' in cause ? rangeOf(cause.range) : undefined;
  const summary = 'summary' in cause ? String(cause.summary) : cause.message;
  return issueAt(range ?? { start: 0, end: source.length }, plain(summary));
};

/** The library's limits in words: `Exceeded maxListElements (100)`. */
const plain = (summary: string): string =>
  summary.replace(
    /^Exceeded max(\w+) \((\d+)\)$/,
    (_, what: string, most: string) =>
      `it has more than ${most} ${LIMITED[what] ?? 'parts'}, which is all that a condition may have`,
  );
const LIMITED: Readonly<Record<string, string>> = {
  AstNodes: 'parts',
  Depth: 'levels',
  ListElements: 'members of a list',
  MapEntries: 'entries of a map',
  CallArguments: 'arguments',
};

const rangeOf = (range: unknown): SourceRange | undefined => {
  if (typeof range !== 'object' || range === null) return undefined;
  const { start, end } = range as Partial<SourceRange>;
  return start === undefined || end === undefined ? undefined : { start, end };
};

/** The first thing in a tree that may not stand there; `loops` are the variables of the loops around it. */
const refusalIn = (node: ASTNode, loops: ReadonlySet<string>): ConditionIssue | undefined => {
  const what = refused(node, loops);
  if (what !== undefined) return { at: node.start, end: node.end, what };
  if (node.op === 'rcall' && LOOPS.has(node.args[0])) {
    const [, range, [variable, body]] = node.args;
    const inside = new Set(loops);
    if (variable?.op === 'id') inside.add(variable.args);
    return refusalIn(range, loops) ?? (body === undefined ? undefined : refusalIn(body, inside));
  }
  for (const inner of partsOf(node)) {
    const refusal = refusalIn(inner, loops);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
};

const refused = (node: ASTNode, loops: ReadonlySet<string>): string | undefined => {
  switch (node.op) {
    case 'value':
      return refusedValue(node.args);
    case 'id':
      return loops.has(node.args) || Object.hasOwn(POLICY_FACTS, node.args)
        ? undefined
        : `there is no fact “${node.args}”`;
    case 'call':
      return refusedCall(FUNCTIONS, node.args[0], node.args[1].length);
    case 'rcall':
      return LOOPS.has(node.args[0])
        ? refusedLoop(node.args[2], loops)
        : refusedCall(METHODS, node.args[0], node.args[2].length);
    case '[]':
      return node.args[1].op === 'value' && typeof node.args[1].args === 'bigint'
        ? undefined
        : 'an index is a number as it is written';
    case 'map':
    case '.?':
    case '[?]':
      return 'maps and optional fields are not part of conditions';
    default:
      return undefined;
  }
};

const refusedValue = (value: unknown): string | undefined => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'bigint':
      return value > BigInt(Number.MAX_SAFE_INTEGER) ? 'no fact is as large as this' : undefined;
    case 'number':
      return 'facts are integers: micro-dollars, per mille, milliseconds';
    default:
      return 'only integers, texts, true and false may be written';
  }
};

const refusedCall = (
  allowed: Readonly<Record<string, number>>,
  name: string,
  count: number,
): string | undefined =>
  Object.hasOwn(allowed, name) && allowed[name] === count
    ? undefined
    : `“${name}” with ${count} arguments is not part of conditions; there are size, contains, startsWith, endsWith, exists, exists_one, all, filter`;

const refusedLoop = (
  [variable, body, ...more]: readonly ASTNode[],
  loops: ReadonlySet<string>,
): string | undefined => {
  if (variable?.op !== 'id' || body === undefined || more.length > 0)
    return 'a loop is written as list.exists(name, condition)';
  const name = variable.args;
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) return `“${name}” is no name of a loop’s variable`;
  if (loops.has(name) || Object.hasOwn(POLICY_FACTS, name)) return `“${name}” is a name already`;
  return loops.size >= LOOPS_NESTED_MAX ? 'loops stand two deep at most' : undefined;
};

/** The direct parts of a node, in the order of the text. */
export const partsOf = (node: ASTNode): readonly ASTNode[] => {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return node.args;
  }
};

interface Weight {
  /** Nodes that one evaluation visits at worst. */
  readonly steps: number;
  /** Members of the list that it gives at worst; it may give none. */
  readonly members: number;
}

const weigh = (node: ASTNode): Weight => {
  if (node.op === 'rcall' && LOOPS.has(node.args[0])) {
    const [, range, [, body]] = node.args;
    const { steps, members } = weigh(range);
    return { steps: 1 + steps + members * (body === undefined ? 1 : weigh(body).steps), members };
  }
  const parts = partsOf(node).map(weigh);
  const steps = parts.reduce((sum, part) => sum + part.steps, 1);
  switch (node.op) {
    case '.':
      return { steps, members: FACT_MEMBERS_MAX[node.args[1]] ?? 0 };
    case 'list':
      return { steps, members: node.args.length };
    case 'in':
      return { steps: steps + Math.ceil((parts[1]?.members ?? 0) / MEMBERS_PER_STEP), members: 0 };
    case '+':
      return { steps, members: parts.reduce((sum, part) => sum + part.members, 0) };
    case '?:':
      return { steps, members: Math.max(...parts.map(({ members }) => members)) };
    case 'id':
    case '[]':
      return { steps, members: MEMBERS_MAX };
    default:
      return { steps, members: 0 };
  }
};
