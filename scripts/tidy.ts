/**
 * House rules that no compiler, linter or formatter knows (STYLE.md). One line a finding; exit code 1 when there is one.
 *
 *     node scripts/bootstrap.mjs scripts/tidy.ts
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';

export interface Finding {
  readonly path: string;
  /** Counted from 1; 0 where the finding is about the file or the folder itself. */
  readonly line: number;
  readonly message: string;
}

/** What the rules need to know of the workspace besides the file in hand. */
export interface Workspace {
  readonly scripts: readonly string[];
  exists(path: string): boolean;
}

/** What a reader sees at the root in one look; a seventeenth entry belongs in a folder. */
const ROOT_ENTRIES_MAX = 16;
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', 'reports', '.git', '.tmp']);
const TEXT =
  /\.(?:[cm]?[jt]sx?|jsonc?|md|txt|ya?ml|html|css|go|sh|py)$|(?:^|\/)(?:\.ci\/run|LICENSE|\.git\w+)$/;
const CODE = /\.[cm]?[jt]sx?$/;
/** These two hold what they look for. */
const TIDY = /^scripts\/tidy(?:\.test)?\.ts$/;
const TEST = /\.test\.tsx?$|^(?:packages\/[^/]+\/test|tests)\//;

/** Words that say nothing (STYLE, words); at the end of a name, where the noun stands. */
const EMPTY_NOUN = /^(?:manager|helper|util|service|data|info|base|impl)s?$/i;
const EMPTY_VERB = /^(?:handle|do|process)[A-Z]/;
const DECLARATION =
  /^(?:export )?(?:declare |abstract |async )*(class|interface|type|function\*?|const|let) ([\w$]+)/;

interface Rule {
  readonly where: (path: string) => boolean;
  readonly pattern: RegExp;
  readonly message: string;
}

const anywhere = (): boolean => true;
const inCode = (path: string): boolean => CODE.test(path);

/** A line that matches is a finding. */
const LINE_RULES: readonly Rule[] = [
  {
    where: (path) =>
      inCode(path) &&
      !/(?:^|\/)config\.ts$|^(?:scripts|\.stryker)\/|\.config\.ts$/.test(path) &&
      !TEST.test(path),
    pattern: /\bprocess\.env\b|\bprocess\[['"]env/,
    message: 'the environment is read in config.ts only',
  },
  {
    where: (path) => inCode(path) && /^packages\/(?:core|tlog|protocol)\//.test(path),
    pattern: /\bMath\.random\b/,
    message: 'randomness is an argument here (STYLE, types)',
  },
  {
    where: anywhere,
    pattern: /\b(?:TODO|FIXME|XXX)\b(?!.*#\d+)/,
    message: 'a note of work to do names its issue: #123',
  },
  {
    where: anywhere,
    pattern: /(?:^|[\s"'`(=:])\/(?:home|Users|root|work)\/[\w.-]+/,
    message: "a path of one person's machine",
  },
  {
    where: anywhere,
    pattern:
      /registry\.(?:npmjs|yarnpkg)\b|\b(?:artifactory|verdaccio|jfrog)\b|pypi\.org\b|proxy\.golang\b/i,
    message: 'the name of a package registry: which one is used is a matter of the machine',
  },
  {
    where: inCode,
    pattern: /\b(?:test|it|describe|suite)(?:\.\w+)*\.only\b/,
    message: 'the other tests would not run',
  },
];

const SKIP = /\b(?:test|it|describe|suite)(?:\.\w+)*\.(?:skip|skipIf|runIf|todo|fails)\b/;

/** A name that hides what the thing is, or undefined. */
function emptyName(line: string): string | undefined {
  const [, kind, name] = DECLARATION.exec(line) ?? [];
  if (kind === undefined || name === undefined) return undefined;
  const noun = name.split(/(?<=[a-z\d])(?=[A-Z])|_/).at(-1) ?? name;
  const prefixed =
    (kind === 'interface' || kind === 'class') && /^(?:I[A-Z][a-z]|Base[A-Z])/.test(name);
  return EMPTY_NOUN.test(noun) || EMPTY_VERB.test(name) || prefixed ? name : undefined;
}

function lineFindings(path: string, text: string): readonly Finding[] {
  const findings: Finding[] = [];
  const rules = LINE_RULES.filter((rule) => rule.where(path));
  let above = '';
  for (const [index, line] of text.split('\n').entries()) {
    const add = (message: string): number => findings.push({ path, line: index + 1, message });
    for (const rule of rules) if (rule.pattern.test(line)) add(rule.message);
    if (inCode(path)) {
      if (SKIP.test(line) && !line.includes('//') && !/^\s*(?:\/\/|\*)/.test(above)) {
        add('a test that does not always run says why, in a comment above it');
      }
      const name = emptyName(line);
      if (name !== undefined) add(`the name ${name} says nothing: name the noun (STYLE, words)`);
    }
    above = line;
  }
  return findings;
}

/** Commands that a document tells its reader to run must exist. */
function documentFindings(path: string, text: string, workspace: Workspace): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    for (const [, name = 'test'] of line.matchAll(/\bnpm (?:run ([\w:-]+)|test\b)/g)) {
      if (!workspace.scripts.includes(name)) {
        findings.push({ path, line: index + 1, message: `package.json has no script ${name}` });
      }
    }
    for (const [script] of line.matchAll(/\bscripts\/[\w-]+\.(?:ts|mjs)\b/g)) {
      if (!workspace.exists(script))
        findings.push({ path, line: index + 1, message: `there is no ${script}` });
    }
  }
  return findings;
}

/** All findings of one text file; `path` is relative to the root, with slashes. Pure. */
export function fileFindings(path: string, text: string, workspace: Workspace): readonly Finding[] {
  const findings = [...lineFindings(path, text)];
  const stem = basename(path).replace(/\..*$/, '').split('-').at(-1) ?? '';
  if (inCode(path) && EMPTY_NOUN.test(stem)) {
    findings.push({
      path,
      line: 0,
      message: 'a file is named for the noun it holds (STYLE, words)',
    });
  }
  if (path.endsWith('.sh')) findings.push({ path, line: 0, message: 'scripts are TypeScript' });
  if (path.endsWith('.md')) findings.push(...documentFindings(path, text, workspace));
  return findings;
}

/** Findings about the root folder, from the names of its entries. Pure. */
export function rootFindings(entries: readonly string[]): readonly Finding[] {
  const visible = entries.filter((name) => !name.startsWith('.') && !NOT_OURS.has(name));
  if (visible.length <= ROOT_ENTRIES_MAX) return [];
  return [
    {
      path: '.',
      line: 0,
      message: `${visible.length} visible entries, ${ROOT_ENTRIES_MAX} allowed`,
    },
  ];
}

function* filesUnder(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name) || entry.name.startsWith('.stryker-tmp')) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesUnder(path);
    else if (entry.isFile()) yield path;
  }
}

function main(): void {
  const root = join(import.meta.dirname, '..');
  const manifest: { readonly scripts: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const paths = [...filesUnder(root)].map((path) => relative(root, path));
  const present = new Set(paths);
  const workspace = {
    scripts: Object.keys(manifest.scripts),
    exists: (path: string) => present.has(path),
  };
  const findings = [
    ...rootFindings(readdirSync(root)),
    ...paths
      .filter((path) => TEXT.test(path) && !TIDY.test(path))
      .flatMap((path) => fileFindings(path, readFileSync(join(root, path), 'utf8'), workspace)),
  ];
  for (const { path, line, message } of findings) console.log(`${path}:${line}: ${message}`);
  console.log(`tidy: ${paths.length} files, ${findings.length} findings`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}

if (import.meta.main) main();
