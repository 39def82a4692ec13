/** What a plan is read from, and how its format is told from its bytes. Nothing here touches a disk. */

import { isObject, parseJson } from './readers/json.ts';

/** One text, or the named files of one folder. `name` is the file's or folder's own name and gives the plan its id. */
export type PlanSource =
  | { readonly kind: 'text'; readonly name: string; readonly text: string }
  | { readonly kind: 'folder'; readonly name: string; readonly files: ReadonlyMap<string, string> };

export type PlanFormat =
  | 'ifab-json'
  | 'ifab-yaml'
  | 'beads-jsonl'
  | 'gastown-backup'
  | 'markdown-board';

/** The files of a Gas Town backup; the first one makes a folder a plan. */
export const BACKUP_FILES = [
  'issues.jsonl',
  'dependencies.jsonl',
  'events.jsonl',
  'labels.jsonl',
] as const;

const PLAN_ID_CHARS_MAX = 64;

/** The format of a source, by content first: names lie more often than bytes do. Undefined: it is none that we read. */
export const detectFormat = (source: PlanSource): PlanFormat | undefined => {
  if (source.kind === 'folder') {
    if (!source.files.has('issues.jsonl')) return undefined;
    return source.files.has('dependencies.jsonl') ? 'gastown-backup' : 'beads-jsonl';
  }
  const text = source.text.trimStart();
  if (text === '') return undefined;
  if (text.startsWith('{') || text.startsWith('[')) return detectJson(text);
  if (/^\|.*\bID\b.*\|/m.test(text) || source.name.endsWith('.md')) return 'markdown-board';
  return 'ifab-yaml';
};

/** Fields that only our own plans have. */
const OWN_FIELDS = ['tasks', 'phases', 'format'] as const;

/** A first line that is an object of its own, and no plan, is a row; a list of objects is the same rows in brackets. */
const detectJson = (text: string): PlanFormat => {
  if (text.startsWith('[')) return 'beads-jsonl';
  const end = text.indexOf('\n');
  const first = parseJson(end < 0 ? text : text.slice(0, end));
  return isObject(first) && !OWN_FIELDS.some((field) => field in first)
    ? 'beads-jsonl'
    : 'ifab-json';
};

/** A plan id from a name: the same name gives the same id, so that a second import is the same plan. */
export const planIdFromName = (name: string): string => {
  const slug = name
    .toLowerCase()
    .replace(/\.(issues\.)?(jsonl|json|ya?ml|md)$/, '')
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '')
    .slice(0, PLAN_ID_CHARS_MAX)
    .replace(/[._-]+$/, '');
  return slug === '' ? 'imported' : slug;
};
