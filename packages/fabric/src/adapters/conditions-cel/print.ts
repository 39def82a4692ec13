/** A condition's tree as text again: with facts under their flat names, or with one part put in another's place. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { POLICY_FACTS } from '@infrafabric/protocol';
import { flatName } from './environment.ts';

export interface PrintOptions {
  /** `task_priority` for `task.priority`. */
  readonly flat?: boolean;
  /** Parts that are printed as this text instead. */
  readonly instead?: ReadonlyMap<ASTNode, string>;
}

const GROUPS: ReadonlySet<string> = new Set(
  Object.entries(POLICY_FACTS)
    .filter(([, type]) => typeof type !== 'string')
    .map(([name]) => name),
);

/** Every operation stands in brackets, so no rule of precedence is needed. The tree is one that `readCondition` took. */
export const printCondition = (node: ASTNode, options: PrintOptions = {}): string => {
  const swapped = options.instead?.get(node);
  if (swapped !== undefined) return swapped;
  const print = (inner: ASTNode): string => printCondition(inner, options);
  const list = (nodes: readonly ASTNode[]): string => nodes.map(print).join(', ');
  switch (node.op) {
    case 'value':
      return typeof node.args === 'string' ? JSON.stringify(node.args) : String(node.args);
    case 'id':
      return node.args;
    case '.':
    case '.?':
      return printField(node.args, options);
    case '[]':
    case '[?]':
      return `${print(node.args[0])}[${print(node.args[1])}]`;
    case 'call':
      return `${node.args[0]}(${list(node.args[1])})`;
    case 'rcall':
      return `${print(node.args[1])}.${node.args[0]}(${list(node.args[2])})`;
    case 'list':
      return `[${list(node.args)}]`;
    case 'map':
      return `{${node.args.map(([key, value]) => `${print(key)}: ${print(value)}`).join(', ')}}`;
    case '?:':
      return `(${print(node.args[0])} ? ${print(node.args[1])} : ${print(node.args[2])})`;
    case '!_':
    case '-_':
      return `(${node.op.charAt(0)}${print(node.args)})`;
    default:
      return `(${print(node.args[0])} ${node.op} ${print(node.args[1])})`;
  }
};

const printField = ([of, field]: readonly [ASTNode, string], options: PrintOptions): string =>
  options.flat === true && of.op === 'id' && GROUPS.has(of.args)
    ? flatName(of.args, field)
    : `${printCondition(of, options)}.${field}`;
