import { assert } from './assert.ts';

// Canonical JSON: RFC 8785 cut down to integers, so that one value has one text and no reader's
// number format can move it. Keys ascend by UTF-16 code units; a key that looks like an array
// index is refused, since engines move those to the front and would write another order.

/** Depth of arrays and objects. A call is flat by nature; deeper input only aims at stacks. */
export const JSON_DEPTH_MAX = 64;

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type CanonicalFlaw =
  | 'syntax'
  | 'depth'
  | 'number'
  | 'string'
  | 'index_key'
  | 'key_order'
  | 'text';

export type CheckedLine =
  | { readonly kind: 'canonical'; readonly value: JsonValue }
  | { readonly kind: 'refused'; readonly reason: CanonicalFlaw };

/** Whether `line` is the one canonical text of a value. Catches doubled keys, white space, `1.0`,
    `-0`, `1e400`, integers above 2^53 − 1, lone surrogates and index-like keys. Linear; never
    throws. */
export function checkCanonicalLine(line: string): CheckedLine {
  const value = parsed(line);
  if (value === undefined) return { kind: 'refused', reason: 'syntax' };
  const flaw = flawOf(value, 0, 'sorted');
  if (flaw !== undefined) return { kind: 'refused', reason: flaw };
  // Compared last: within the depth limit stringify cannot exhaust the stack.
  if (JSON.stringify(value) !== line) return { kind: 'refused', reason: 'text' };
  return { kind: 'canonical', value };
}

/** Writes `value` canonically; keys in any order. Defect: a value that has no canonical text (a
    fraction, an unsafe integer, −0, a lone surrogate, an index-like key, too deep). */
export function canonicalJson(value: JsonValue): string {
  const flaw = flawOf(value, 0, 'any');
  assert(flaw === undefined, `value has no canonical text: ${flaw}`);
  return written(value);
}

/** `__proto__` is an own property to the parser, so no key can reach a prototype. */
function parsed(line: string): JsonValue | undefined {
  try {
    const value: JsonValue = JSON.parse(line);
    return value;
  } catch {
    // Not JSON, or deeper than the engine's own stack: either way no text of ours.
    return undefined;
  }
}

function flawOf(
  value: JsonValue,
  depth: number,
  order: 'sorted' | 'any',
): CanonicalFlaw | undefined {
  if (typeof value !== 'object' || value === null) return scalarFlawOf(value);
  if (depth === JSON_DEPTH_MAX) return 'depth';
  const flaw = isList(value) ? undefined : keyFlawOf(Object.keys(value), order);
  if (flaw !== undefined) return flaw;
  for (const member of isList(value) ? value : Object.values(value)) {
    const inner = flawOf(member, depth + 1, order);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function scalarFlawOf(value: string | number | boolean | null): CanonicalFlaw | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'string';
  return typeof value !== 'number' || isCanonicalNumber(value) ? undefined : 'number';
}

function keyFlawOf(keys: readonly string[], order: 'sorted' | 'any'): CanonicalFlaw | undefined {
  let before: string | undefined;
  for (const key of keys) {
    if (!key.isWellFormed()) return 'string';
    if (/^(?:0|[1-9][0-9]*)$/.test(key)) return 'index_key';
    if (order === 'sorted' && before !== undefined && before > key) return 'key_order';
    before = key;
  }
  return undefined;
}

function isCanonicalNumber(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

function written(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(written).join(',')}]`;
  // Code units, not a locale: the default order of strings is RFC 8785's.
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${written(member)}`).join(',')}}`;
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
