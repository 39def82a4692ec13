/** The text of a policy's file: its value, and the way back from a field to its line and to what stands there. */
import { isAlias, isScalar, parseDocument } from 'yaml';
import type { Document, Scalar } from 'yaml';
import { parseStructured } from '../plans/readers/structured.ts';

/** Characters of a policy's file. 500 rules with tests have a tenth of it. */
export const POLICY_TEXT_CHARS_MAX = 4 * 1024 * 1024;

export type FieldPath = readonly PropertyKey[];

export interface PolicyText {
  readonly value: unknown;
  /** The line of a field, or of the nearest thing around it that the file has; counted from 1. */
  readonly lineOf: (path: FieldPath) => number | undefined;
  /** A scalar as it stands in the file, `10.0` and not 10; undefined where there is none. */
  readonly writtenAt: (path: FieldPath) => string | undefined;
  /** The line of a character of a text. Exact for plain texts and `|` blocks; the first line of a `>` block. */
  readonly lineInText: (path: FieldPath, at: number) => number | undefined;
}

export interface TextProblem {
  readonly line: number | undefined;
  readonly what: string;
}

export type ReadText =
  | { readonly kind: 'text'; readonly text: PolicyText }
  | { readonly kind: 'refused'; readonly problems: readonly TextProblem[] };

/** YAML or JSON. Never throws for what the text holds. */
export const readPolicyText = (text: string): ReadText => {
  if (text.length > POLICY_TEXT_CHARS_MAX)
    return refused(`it has ${text.length} characters; ${POLICY_TEXT_CHARS_MAX} are allowed`);
  if (text.trim() === '') return refused('the file is empty');
  // Its limits on depth and aliases are the same that a plan has; what it lets pass can be composed again.
  const parsed = parseStructured(text);
  if (parsed.kind === 'refused')
    return { kind: 'refused', problems: parsed.issues.map(({ line, what }) => ({ line, what })) };
  const { value, lineOf } = parsed;
  let composed: Document | undefined;
  const scalarAt = (path: FieldPath): Scalar | undefined => {
    composed ??= parseDocument(text, { version: '1.2', schema: 'core', merge: true });
    const node: unknown = composed.getIn(path, true);
    const meant = isAlias(node) ? node.resolve(composed) : node;
    return isScalar(meant) ? meant : undefined;
  };
  const writtenAt = (path: FieldPath): string | undefined => scalarAt(path)?.source;
  const lineInText = (path: FieldPath, at: number): number | undefined => {
    const line = lineOf(path);
    const node = scalarAt(path);
    if (line === undefined || typeof node?.value !== 'string') return line;
    switch (node.type) {
      case 'BLOCK_LITERAL':
        return line + 1 + breaksBefore(node.value, at);
      case 'BLOCK_FOLDED':
        return line + 1;
      default:
        return line;
    }
  };
  return { kind: 'text', text: { value, lineOf, writtenAt, lineInText } };
};

const refused = (what: string): ReadText => ({
  kind: 'refused',
  problems: [{ line: undefined, what }],
});

const breaksBefore = (text: string, at: number): number => text.slice(0, at).split('\n').length - 1;
