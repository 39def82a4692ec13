/** Swarm manifests from files: YAML or JSON in, profiles or issues with field and line out. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { BUILT_IN_CAPABILITIES, MANIFEST_FIELDS, profilesOf } from '@infrafabric/protocol';
import type { KnownCapability, ManifestIssue, SwarmProfile } from '@infrafabric/protocol';
import { didYouMean, ISSUES_MAX, pathText } from '../plans/issues.ts';
import type { PlanIssue } from '../plans/issues.ts';
import { parseStructured } from '../plans/readers/structured.ts';

/** The manifest that a repository may hold, at its root. */
export const MANIFEST_NAMES = ['ifab-swarm.yaml', 'ifab-swarm.yml', 'ifab-swarm.json'] as const;
/** Bytes of a manifest: a thousand swarms with fifty capabilities each need a quarter of it. */
export const MANIFEST_BYTES_MAX = 4 * 1024 * 1024;

/** A manifest that holds no profiles that can be taken. */
export class ManifestFault extends Error {
  override readonly name = 'ManifestFault';
  /** The file, as it was named. */
  readonly path: string;
  readonly issues: readonly PlanIssue[];

  constructor(path: string, issues: readonly PlanIssue[]) {
    super(`${path} is no swarm manifest that can be taken`);
    this.path = path;
    this.issues = issues;
  }
}

/** Profiles of a manifest's text; issues with the field, the line, and the nearest known word where there is one. */
export const parseManifest = (
  text: string,
  known: KnownCapability,
):
  | { readonly kind: 'profiles'; readonly profiles: readonly SwarmProfile[] }
  | { readonly kind: 'refused'; readonly issues: readonly PlanIssue[] } => {
  if (text.trim() === '') return refusedAs('the file is empty');
  const parsed = parseStructured(text);
  if (parsed.kind === 'refused') {
    const issues = parsed.issues.map((issue) => ({ ...issue, mend: MEND_OF_TEXT }));
    return { kind: 'refused', issues };
  }
  const read = profilesOf(parsed.value, known);
  if (read.kind === 'profiles') return read;
  const issues = read.issues.slice(0, ISSUES_MAX).map((issue) => ({
    path: pathText(issue.path),
    line: parsed.lineOf(issue.path),
    what: issue.what,
    mend: `${hintOf(issue)}${issue.mend}`,
  }));
  return { kind: 'refused', issues };
};

const MEND_OF_TEXT = 'write one YAML document or JSON value, as in examples/swarms.yaml';

const refusedAs = (what: string) =>
  ({
    kind: 'refused',
    issues: [{ path: '', line: undefined, what, mend: MEND_OF_TEXT }],
  }) as const;

const hintOf = ({ unknown }: ManifestIssue): string => {
  if (unknown === undefined) return '';
  const words =
    unknown.kind === 'field' ? MANIFEST_FIELDS : BUILT_IN_CAPABILITIES.map(({ id }) => id);
  return didYouMean(unknown.word, words);
};

/**
 * Profiles of a manifest's file.
 *
 * @throws ManifestFault where it is too large, no UTF-8, or holds what cannot be taken; the system's own error where it
 *   cannot be opened.
 */
export const readManifest = async (
  path: string,
  known: KnownCapability,
): Promise<readonly SwarmProfile[]> => {
  const read = parseManifest(await readText(path, 0), known);
  if (read.kind === 'profiles') return read.profiles;
  throw new ManifestFault(path, read.issues);
};

export interface FoundManifest {
  /** File name below the root. */
  readonly name: string;
  readonly profiles: readonly SwarmProfile[];
}

/** The manifest at the root of a repository; undefined where there is none. Symbolic links are not followed. */
export const findManifest = async (
  root: string,
  known: KnownCapability,
): Promise<FoundManifest | undefined> => {
  for (const name of MANIFEST_NAMES) {
    const text = await readText(join(root, name), constants.O_NOFOLLOW).catch((cause: unknown) => {
      if (cause instanceof Error && 'code' in cause && ABSENT.has(String(cause.code))) return '';
      throw cause;
    });
    if (text === '') continue;
    const read = parseManifest(text, known);
    if (read.kind === 'refused') throw new ManifestFault(name, read.issues);
    return { name, profiles: read.profiles };
  }
  return undefined;
};

/** There is none, or what has the name is a link. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ELOOP', 'ENOTDIR']);

const readText = async (path: string, flags: number): Promise<string> => {
  // A pipe under this name must not hold the caller up: it opens at once, and is no file.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw notReadable(path, 'it is no file');
    if (stat.size > MANIFEST_BYTES_MAX) {
      throw notReadable(path, `it has ${stat.size} bytes; a manifest has ${MANIFEST_BYTES_MAX}`);
    }
    return new TextDecoder('utf-8', { fatal: true }).decode(await file.readFile());
  } catch (cause) {
    if (cause instanceof TypeError) throw notReadable(path, 'it is not UTF-8');
    throw cause;
  } finally {
    await file.close();
  }
};

const notReadable = (path: string, what: string): ManifestFault =>
  new ManifestFault(path, [{ path: '', line: undefined, what, mend: MEND_OF_TEXT }]);
