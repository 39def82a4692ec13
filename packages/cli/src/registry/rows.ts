/**
 * The registry as the command line sees it at every start: names, effects and fields, without schemas. Loading zod
 * takes longer than all the rest of `ifab --version` or a completion, so the rows are generated (index-text.ts) and a
 * golden test holds them to the registry.
 *
 *     tasks.cancel write operator: End a task that nobody should do; a lease of it ends.
 *       taskId! string
 *       reason! string
 *
 * A line of an operation: name, effect, callers, summary. Below it a line a field: name, `!` where it is required, kind.
 */
import { REGISTRY_TEXT } from './index-text.ts';

/** How a field is written on a command line; `json` is everything with a structure of its own. */
export type FieldKind =
  | { readonly kind: 'string' | 'int' | 'bool' | 'json' | 'strings' }
  | { readonly kind: 'enum'; readonly values: readonly string[] };

export interface FieldRow {
  readonly name: string;
  readonly required: boolean;
  readonly type: FieldKind;
}

export interface OperationRow {
  readonly name: string;
  readonly effect: 'write' | 'soft' | 'read';
  readonly callers: readonly string[];
  readonly summary: string;
  readonly fields: readonly FieldRow[];
}

const EFFECTS = ['write', 'soft', 'read'] as const;
const SIMPLE_KINDS = ['string', 'int', 'bool', 'json', 'strings'] as const;

/** Rows of a generated text. Throws on a line that the generator does not write. */
export const parseRegistryText = (text: string): readonly OperationRow[] => {
  const rows: { row: Omit<OperationRow, 'fields'>; fields: FieldRow[] }[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    if (line.startsWith('  ')) rows.at(-1)?.fields.push(parseField(line.trim()));
    else rows.push({ row: parseOperation(line), fields: [] });
  }
  return rows.map(({ row, fields }) => ({ ...row, fields }));
};

const parseOperation = (line: string): Omit<OperationRow, 'fields'> => {
  const colon = line.indexOf(': ');
  const [name = '', word = '', callers = ''] = line.slice(0, colon).split(' ');
  const effect = EFFECTS.find((known) => known === word);
  if (effect === undefined) throw new Error(`no effect in “${line}”`);
  return { name, effect, callers: callers.split(','), summary: line.slice(colon + 2) };
};

const parseField = (line: string): FieldRow => {
  const [word = '', type = ''] = line.split(' ');
  const required = word.endsWith('!');
  return { name: required ? word.slice(0, -1) : word, required, type: parseKind(type) };
};

const parseKind = (type: string): FieldKind => {
  const kind = SIMPLE_KINDS.find((known) => known === type);
  return kind === undefined ? { kind: 'enum', values: type.split('|') } : { kind };
};

/** Operations that somebody outside the fabric may call, in the registry's order. */
export const OPERATION_ROWS: readonly OperationRow[] = parseRegistryText(REGISTRY_TEXT);

export const rowOf = (operation: string): OperationRow => {
  const row = OPERATION_ROWS.find(({ name }) => name === operation);
  if (row === undefined) throw new Error(`the registry has no operation ${operation}`);
  return row;
};
