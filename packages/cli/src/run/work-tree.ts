/**
 * Work trees: each attempt at a task that names a repository gets one of its own, on a branch of its own.
 *
 * T1  What an attempt changed is never removed: a tree that is dirty, or whose commits no other ref holds, stays.
 * T2  No two attempts share a tree or a branch: both are named by plan, task and fence.
 */
import { createHash } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Evidence } from '@infrafabric/protocol';
import type { Git } from './git.ts';

export interface WorkTree {
  readonly folder: string;
  readonly branch: string;
  /** The commit it began with. */
  readonly base: string;
  readonly repository: string;
}

export interface WorkTreeRequest {
  /** A path, taken from `from`, or a URL, which is mirrored below `mirrors` once. */
  readonly repo: string;
  readonly from: string;
  readonly mirrors: string;
  readonly folder: string;
  readonly branch: string;
  /** Where it begins; absent: the repository's HEAD. */
  readonly commit?: string | undefined;
}

const URL_LIKE = /^(?:[a-z][a-z0-9+.-]*:\/\/|[\w.-]+@[\w.-]+:)/i;

/** A bare clone fetches nothing by itself; branches of work trees are its own. */
const MIRRORED = ['+refs/heads/*:refs/heads/*', '^refs/heads/ifab/*'] as const;

/** `git worktree add` writes to the repository's own folder: one at a time for each. */
const queues = new Map<string, Promise<unknown>>();

/** Makes the tree. Throws GitFault where the repository is none or the branch exists. */
export async function openWorkTree(git: Git, request: WorkTreeRequest): Promise<WorkTree> {
  const { folder, branch, commit = 'HEAD' } = request;
  const repository = await repositoryOf(git, request);
  return inTurn(repository, async () => {
    const base = await git(
      repository,
      'rev-parse',
      '--verify',
      '--end-of-options',
      `${commit}^{commit}`,
    );
    await git(repository, 'worktree', 'add', '--quiet', '-b', branch, folder, base);
    return { folder, branch, base, repository };
  });
}

/** What changed since the tree was made: commits, edits and new files, as evidence and as a patch. */
export async function changesOf(
  git: Git,
  { folder, base }: WorkTree,
): Promise<{ readonly diff: NonNullable<Evidence['diff']>; readonly patch: string }> {
  const untracked = lines(await git(folder, 'ls-files', '--others', '--exclude-standard'));
  const figures = await git(folder, 'diff', '--no-ext-diff', '--shortstat', base);
  const patch = await git(folder, 'diff', '--no-ext-diff', '--no-textconv', '--binary', base);
  const head = await git(folder, 'rev-parse', 'HEAD');
  return {
    diff: {
      filesChanged: figure(figures, /(\d+) files? changed/) + untracked.length,
      insertions: figure(figures, /(\d+) insertions?/),
      deletions: figure(figures, /(\d+) deletions?/),
      ...(head === base ? {} : { commit: head }),
    },
    patch,
  };
}

/** Removes the tree and its branch if nothing would be lost by it (T1); otherwise says why it stays. */
export async function closeWorkTree(git: Git, tree: WorkTree): Promise<string | undefined> {
  const why = await whyKept(git, tree);
  if (why !== undefined) return why;
  return inTurn(tree.repository, async () => {
    // Without --force git looks again, and refuses a tree that became dirty meanwhile.
    await git(tree.repository, 'worktree', 'remove', tree.folder);
    await git(tree.repository, 'branch', '--quiet', '-D', tree.branch);
    return undefined;
  });
}

async function whyKept(git: Git, { folder, branch }: WorkTree): Promise<string | undefined> {
  const changed = lines(await git(folder, 'status', '--porcelain'));
  if (changed.length > 0) return `${changed.length} files are not committed`;
  // Everything but the branch of this tree itself, which is about to go.
  const elsewhere = [`--exclude=${branch}`, '--branches', '--remotes', '--tags'];
  const only = Number(await git(folder, 'rev-list', '--count', 'HEAD', '--not', ...elsewhere));
  return only === 0 ? undefined : `${only} commits are found nowhere else`;
}

/** A name that git takes for a branch and every file system for a folder. */
export const treeName = (text: string): string =>
  text
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll('..', '-')
    .replace(/\.lock$|\.$/, '-');

async function repositoryOf(git: Git, { repo, from, mirrors }: WorkTreeRequest): Promise<string> {
  if (!URL_LIKE.test(repo)) {
    const path = resolve(from, repo);
    return git(path, 'rev-parse', '--path-format=absolute', '--git-common-dir');
  }
  const name = createHash('sha256').update(repo).digest('hex').slice(0, 32);
  const mirror = join(mirrors, name);
  return inTurn(mirror, async () => {
    await mkdir(mirrors, { recursive: true });
    if (await exists(mirror)) await git(mirror, 'fetch', '--quiet', 'origin', ...MIRRORED);
    else await git(mirrors, 'clone', '--quiet', '--bare', '--', repo, mirror);
    return mirror;
  });
}

async function inTurn<T>(key: string, act: () => Promise<T>): Promise<T> {
  const turn = (queues.get(key) ?? Promise.resolve()).then(act, act);
  const settled = turn.catch(() => undefined);
  queues.set(key, settled);
  void settled.then(() => {
    if (queues.get(key) === settled) queues.delete(key);
  });
  return turn;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const lines = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '');

function figure(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}
