/**
 * Small mistakes that somebody could make in a condition, one at a time: what a rule's tests must notice. After the
 * classic mutation operators (relational, logical, constant, conditional; Jia and Harman 2011, table 3).
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { POLICY_FACTS } from '@infrafabric/protocol';
import { printCondition } from './print.ts';
import { partsOf, readCondition } from './read-condition.ts';

export interface ConditionMutant {
  /** What was changed, such as `> to >=`. */
  readonly what: string;
  /** Place of the change in the source, in characters. */
  readonly at: number;
  readonly source: string;
}

interface Change {
  readonly node: ASTNode;
  readonly what: string;
  readonly text: string;
}

/** Neighbours of each comparison: the other side of its limit, and its contrary. */
const COMPARISONS: Readonly<Record<string, readonly string[]>> = {
  '==': ['!='],
  '!=': ['=='],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
};
const LOOPS: Readonly<Record<string, string>> = { exists: 'all', all: 'exists' };

/** Every mutant of a condition that is a condition itself, without twins. None where the source is no condition. */
export const conditionMutants = (source: string): readonly ConditionMutant[] => {
  const read = readCondition(source);
  if (read.kind === 'issue') return [];
  const { tree } = read;
  const seen = new Set([printCondition(tree)]);
  const mutants: ConditionMutant[] = [];
  for (const { node, what, text } of [negated(tree), ...changesIn(tree)]) {
    const mutant = printCondition(tree, { instead: new Map([[node, text]]) });
    if (seen.has(mutant) || readCondition(mutant).kind === 'issue') continue;
    seen.add(mutant);
    mutants.push({ what, at: node.start, source: mutant });
  }
  return mutants;
};

const changesIn = (node: ASTNode): readonly Change[] => [
  ...changesOf(node),
  // What stands under a negation is negated by dropping it.
  ...(node.op === '!_' && node.args.op === '.' ? [] : partsOf(node).flatMap(changesIn)),
];

const negated = (node: ASTNode): Change => ({
  node,
  what: 'negated',
  text: node.op === '!_' ? printCondition(node.args) : `!(${printCondition(node)})`,
});

const changesOf = (node: ASTNode): readonly Change[] => {
  switch (node.op) {
    case '&&':
    case '||':
      return changesOfLogic(node, node.args);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return (COMPARISONS[node.op] ?? []).map((other) => withOperator(node, node.args, other));
    case 'in':
      return [{ ...negated(node), what: 'in to not in' }];
    case '!_':
      return [{ node, what: 'negation dropped', text: printCondition(node.args) }];
    case '.':
      return isBool(node.args) ? [negated(node)] : [];
    case 'rcall':
      return changesOfCall(node, node.args);
    case '?:': {
      const [condition, yes, no] = node.args.map((part) => printCondition(part));
      return [{ node, what: 'branches swapped', text: `(${condition} ? ${no} : ${yes})` }];
    }
    case 'value':
      return changesOfValue(node, node.args);
    default:
      return [];
  }
};

const changesOfLogic = (
  node: ASTNode,
  [left, right]: readonly [ASTNode, ASTNode],
): readonly Change[] => {
  const part = node.op === '&&' ? 'conjunct' : 'disjunct';
  return [
    withOperator(node, [left, right], node.op === '&&' ? '||' : '&&'),
    { node, what: `${part} dropped: ${printCondition(left)}`, text: printCondition(right) },
    { node, what: `${part} dropped: ${printCondition(right)}`, text: printCondition(left) },
  ];
};

const withOperator = (
  node: ASTNode,
  [left, right]: readonly [ASTNode, ASTNode],
  operator: string,
): Change => ({
  node,
  what: `${node.op} to ${operator}`,
  text: `(${printCondition(left)} ${operator} ${printCondition(right)})`,
});

const changesOfCall = (
  node: ASTNode,
  [name, receiver, args]: readonly [string, ASTNode, readonly ASTNode[]],
): readonly Change[] => {
  const other = LOOPS[name];
  if (other === undefined) return [];
  const inside = args.map((part) => printCondition(part)).join(', ');
  const text = `${printCondition(receiver)}.${other}(${inside})`;
  return [{ node, what: `${name} to ${other}`, text }];
};

const changesOfValue = (node: ASTNode, value: unknown): readonly Change[] => {
  switch (typeof value) {
    case 'bigint':
      return [value - 1n, value + 1n].map((shifted) => ({
        node,
        what: `${value} to ${shifted}`,
        text: String(shifted),
      }));
    case 'string':
      return ['', `${value}x`].map((other) => ({
        node,
        what: `${JSON.stringify(value)} to ${JSON.stringify(other)}`,
        text: JSON.stringify(other),
      }));
    case 'boolean':
      return [{ node, what: `${value} to ${!value}`, text: String(!value) }];
    default:
      return [];
  }
};

const isBool = ([of, field]: readonly [ASTNode, string]): boolean => {
  const group =
    of.op === 'id' ? Object.entries(POLICY_FACTS).find(([name]) => name === of.args) : undefined;
  const types = group?.[1];
  return (
    typeof types === 'object' &&
    Object.entries(types).some(([name, type]) => name === field && type === 'bool')
  );
};
