import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createGit } from './git.ts';
import { changesOf, closeWorkTree, openWorkTree, treeName } from './work-tree.ts';
import type { WorkTree } from './work-tree.ts';

const git = createGit(process.env['PATH'] ?? '');
let folder = '';
let repository = '';

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-trees-'));
  repository = join(folder, 'repository');
  mkdirSync(repository);
  await git(repository, 'init', '--quiet', '-b', 'main');
  writeFileSync(join(repository, 'kept.txt'), 'one\ntwo\n');
  await commit(repository, 'first');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function commit(where: string, message: string): Promise<void> {
  await git(where, 'add', '-A');
  const who = ['-c', 'user.name=t', '-c', 'user.email=t@example.invalid'] as const;
  await git(where, ...who, 'commit', '--quiet', '-m', message);
}

const open = (name: string, repo = repository): Promise<WorkTree> =>
  openWorkTree(git, {
    repo,
    from: folder,
    mirrors: join(folder, 'mirrors'),
    folder: join(folder, 'work', name),
    branch: `ifab/plan/${name}`,
  });

test('T1: a tree in which nothing happened is removed with its branch', async () => {
  const tree = await open('clean-1');
  expect(existsSync(join(tree.folder, 'kept.txt'))).toBe(true);
  expect(await closeWorkTree(git, tree)).toBeUndefined();
  expect(existsSync(tree.folder)).toBe(false);
  expect(await git(repository, 'branch', '--list', 'ifab/*')).toBe('');
});

test.each([
  ['an edit', (at: string) => writeFileSync(join(at, 'kept.txt'), 'other\n')],
  ['a new file', (at: string) => writeFileSync(join(at, 'new.txt'), 'new\n')],
  ['a removal', (at: string) => rmSync(join(at, 'kept.txt'))],
] as const)('T1: a tree with %s that is not committed stays', async (_what, change) => {
  const tree = await open('dirty-1');
  change(tree.folder);
  expect(await closeWorkTree(git, tree)).toMatch(/1 files are not committed/);
  expect(existsSync(tree.folder)).toBe(true);
});

test('T1: commits that no other ref holds keep the tree; merged ones let it go', async () => {
  const tree = await open('commits-1');
  writeFileSync(join(tree.folder, 'new.txt'), 'new\n');
  await commit(tree.folder, 'work');
  expect(await closeWorkTree(git, tree)).toMatch(/1 commits are found nowhere else/);
  await git(repository, 'merge', '--quiet', '--ff-only', tree.branch);
  expect(await closeWorkTree(git, tree)).toBeUndefined();
  expect(existsSync(tree.folder)).toBe(false);
});

test('commits, edits and new files all count as the change', async () => {
  const tree = await open('change-1');
  expect((await changesOf(git, tree)).diff).toEqual({
    filesChanged: 0,
    insertions: 0,
    deletions: 0,
  });
  writeFileSync(join(tree.folder, 'committed.txt'), 'a\nb\n');
  await commit(tree.folder, 'work');
  writeFileSync(join(tree.folder, 'kept.txt'), 'one\n');
  writeFileSync(join(tree.folder, 'untracked.txt'), 'c\n');
  const { diff, patch } = await changesOf(git, tree);
  expect(diff).toEqual({
    filesChanged: 3,
    insertions: 2,
    deletions: 1,
    commit: await git(tree.folder, 'rev-parse', 'HEAD'),
  });
  expect(patch).toContain('+++ b/committed.txt');
});

test('T2: two trees of one repository are made at one time, and one name serves once', async () => {
  const trees = await Promise.all(Array.from({ length: 6 }, (_, at) => open(`many-${at}`)));
  expect(new Set(trees.map(({ branch }) => branch)).size).toBe(6);
  await expect(open('many-0')).rejects.toThrow(/many-0/);
});

test('a URL is mirrored once and then brought up to date', async () => {
  const url = `file://${repository}`;
  const first = await open('url-1', url);
  expect(existsSync(join(first.folder, 'kept.txt'))).toBe(true);
  expect(await closeWorkTree(git, first)).toBeUndefined();
  writeFileSync(join(repository, 'later.txt'), 'later\n');
  await commit(repository, 'second');
  const second = await open('url-2', url);
  expect(existsSync(join(second.folder, 'later.txt'))).toBe(true);
});

test.each(['ext::sh -c "touch ran"', '--upload-pack=touch ran', 'nowhere'])(
  'an address that is no repository is refused and runs nothing: %s',
  async (repo) => {
    await expect(open('bad-1', repo)).rejects.toThrow(/git|ENOENT/);
    expect(existsSync(join(folder, 'ran'))).toBe(false);
  },
);

test('hooks of the repository do not run', async () => {
  const hook = join(repository, '.git', 'hooks', 'post-checkout');
  writeFileSync(hook, `#!/bin/sh\ntouch ${join(folder, 'ran')}\n`, { mode: 0o755 });
  await open('hooks-1');
  expect(existsSync(join(folder, 'ran'))).toBe(false);
});

test.each([
  ['a:b', 'a-b'],
  ['a..b', 'a-b'],
  ['a.lock', 'a-'],
  ['a.', 'a-'],
])('a task key becomes a name that git takes: %s', async (key, name) => {
  expect(treeName(key)).toBe(name);
  await expect(git(repository, 'check-ref-format', '--branch', `x/${treeName(key)}`)).resolves.toBe(
    `x/${name}`,
  );
});
