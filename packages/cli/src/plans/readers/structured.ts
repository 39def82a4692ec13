/** JSON and YAML from people: parsed with limits, and with a way back from a field to its line. */
import { Composer, LineCounter, Parser } from 'yaml';
import type { CST, Document } from 'yaml';
import { JSON_DEPTH_MAX } from '@infrafabric/protocol';
import type { PlanIssue } from '../issues.ts';

/** Characters of a plan's text: what one request may carry (REQUEST_BYTES_MAX), so that whatever is read can be sent. */
export const PLAN_CHARS_MAX = 16 * 1024 * 1024;

/** Nodes that aliases may unfold to, per anchor and level; more is a file that wants to be large. */
const ALIASES_MAX = 1_000;

export type Structured =
  | {
      readonly kind: 'value';
      readonly value: unknown;
      readonly lineOf: (path: readonly PropertyKey[]) => number | undefined;
    }
  | { readonly kind: 'refused'; readonly issues: readonly PlanIssue[] };

const refused = (what: string, mend: string, line?: number): Structured => ({
  kind: 'refused',
  issues: [{ path: '', line, what, mend }],
});

export const parseStructured = (text: string): Structured => {
  if (text.length > PLAN_CHARS_MAX) {
    return refused(
      `it has ${text.length} characters`,
      `a plan has at most ${PLAN_CHARS_MAX}; submit it in parts`,
    );
  }
  if (text.trimStart().startsWith('{')) {
    const parsed = parseStrictJson(text);
    if (parsed !== undefined) return parsed;
  }
  return parseYaml(text);
};

/** JSON parses a hundred times faster than YAML; lines are looked up, by the YAML parser, only when one is asked for. */
const parseStrictJson = (text: string): Structured | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    if (depthOf(value) > JSON_DEPTH_MAX) return tooDeep();
    let located: Structured | undefined;
    const lineOf = (path: readonly PropertyKey[]): number | undefined => {
      located ??= parseYaml(text);
      return located.kind === 'value' ? located.lineOf(path) : undefined;
    };
    return { kind: 'value', value, lineOf };
  } catch {
    return undefined;
  }
};

const tooDeep = (): Structured =>
  refused(
    `it nests deeper than ${JSON_DEPTH_MAX} levels`,
    'a plan needs five levels; look for a bracket that is never closed',
  );

const parseYaml = (text: string): Structured => {
  const lines = new LineCounter();
  // The token parser keeps its own stack, the composer calls itself: depth is measured between the two.
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  if (tokenDepth(tokens) > 2 * JSON_DEPTH_MAX) return tooDeep();
  const documents = [
    ...new Composer({
      version: '1.2',
      schema: 'core',
      merge: true,
      strict: true,
      stringKeys: true,
      logLevel: 'error',
      prettyErrors: false,
    }).compose(tokens),
  ];
  const [document] = documents;
  if (document === undefined)
    return refused('the file is empty', 'a plan has at least an id and tasks');
  if (documents.length > 1)
    return refused(
      `it holds ${documents.length} YAML documents`,
      'put one plan into one file',
      lineAt(lines, documents[1]),
    );
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    return {
      kind: 'refused',
      issues: problems.map(({ message, pos }) => ({
        path: '',
        line: lines.linePos(pos[0]).line,
        what: message,
        mend: 'mend the YAML at this line',
      })),
    };
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: ALIASES_MAX });
    if (depthOf(value) > JSON_DEPTH_MAX) return tooDeep();
    return { kind: 'value', value, lineOf: (path) => lineOfPath(document, lines, path) };
  } catch (cause) {
    // The library throws for aliases that unfold without bound and for merges of what is no map: the document's fault.
    if (cause instanceof Error) {
      return refused(
        cause.message,
        `mend the aliases and merges; at most ${ALIASES_MAX} nodes may unfold`,
      );
    }
    throw cause;
  }
};

const lineAt = (lines: LineCounter, document: Document | undefined): number | undefined =>
  document?.range === undefined ? undefined : lines.linePos(document.range[0]).line;

/** The line of the field, or of the nearest thing around it that the file does have. */
const lineOfPath = (
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): number | undefined => {
  for (let length = path.length; length >= 0; length -= 1) {
    const node: unknown = document.getIn(path.slice(0, length), true);
    if (typeof node !== 'object' || node === null || !('range' in node)) continue;
    const range = node.range;
    if (Array.isArray(range) && typeof range[0] === 'number') return lines.linePos(range[0]).line;
  }
  return undefined;
};

/** Levels of a value, counted with a list instead of the stack. A node reached twice by aliases counts where it is deepest. */
const depthOf = (value: unknown): number => {
  let level: readonly unknown[] = [value];
  let depth = 0;
  while (level.length > 0 && depth <= JSON_DEPTH_MAX) {
    const next = new Set<unknown>();
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      for (const child of Object.values(item))
        if (typeof child === 'object' && child !== null) next.add(child);
    }
    level = [...next];
    depth += 1;
  }
  return depth;
};

const tokenDepth = (tokens: readonly CST.Token[]): number => {
  let level: readonly unknown[] = tokens;
  let depth = 0;
  while (level.length > 0 && depth <= 2 * JSON_DEPTH_MAX) {
    const next: unknown[] = [];
    for (const token of level) for (const inner of tokensInside(token)) next.push(inner);
    level = next;
    depth += 1;
  }
  return depth;
};

const tokensInside = (token: unknown): readonly unknown[] => {
  if (typeof token !== 'object' || token === null) return [];
  const { value, items } = token as { readonly value?: unknown; readonly items?: unknown };
  const inside: unknown[] = typeof value === 'object' && value !== null ? [value] : [];
  if (!Array.isArray(items)) return inside;
  for (const item of items as readonly { readonly key?: unknown; readonly value?: unknown }[]) {
    for (const part of [item.key, item.value])
      if (typeof part === 'object' && part !== null) inside.push(part);
  }
  return inside;
};
