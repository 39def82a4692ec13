import { Buffer } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, test } from 'vitest';

import type { CheckedFrame } from './checked-frame.ts';
import { IndexFollower } from './index-follower.ts';
import type { LogEntry } from './log-entry.ts';

const GENESIS = 'genesis';
const folders: string[] = [];
const open: IndexFollower[] = [];
afterEach(() => {
  for (const index of open.splice(0)) index.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const folderPath = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'ifab-index-'));
  folders.push(folder);
  return join(folder, 'index.db');
};

const opened = (path: string, genesisLeaf = GENESIS): IndexFollower => {
  const index = new IndexFollower({ path, genesisLeaf });
  open.push(index);
  return index;
};

const closed = (index: IndexFollower): void => {
  open.splice(open.indexOf(index), 1);
  index.close();
};

const entryOf = (index: number, principal = 'ada'): LogEntry => ({
  index,
  at: index,
  epoch: 1,
  op: 'plans.pause',
  args: { planId: `plan-${index}` },
  cred: 'operator',
  principal,
  ids: [],
  events: [],
});

/** A frame of a log whose leaves are named after their index. */
const frameOf = (first: number, count: number, log = 'leaf'): CheckedFrame => ({
  first,
  count,
  previousLeaf: first === 0 ? GENESIS : `${log}-${first - 1}`,
  leaves: Array.from({ length: count }, (_, i) => `${log}-${first + i}`),
  after: { size: first + count, leaf: `${log}-${first + count - 1}`, epoch: 1, atMs: 0 },
  bytes: Buffer.alloc(0),
  bounds: new Uint32Array(2 * count),
});

const entries = (from: number, to: number, principal?: string): readonly LogEntry[] =>
  Array.from({ length: to - from }, (_, i) => entryOf(from + i, principal));

const find = (index: IndexFollower, word: string, more: object = {}): readonly number[] =>
  index.search({ words: [word], from: 0, to: 1e9, newest: false, ...more }, 100);

describe('N2: an index that is opened again stands where it was committed', () => {
  test('and finds what it found', () => {
    const path = folderPath();
    const index = opened(path);
    index.take(frameOf(0, 40), entries(0, 40));
    index.paused(40);
    closed(index);
    const again = opened(path);
    expect([again.position, again.leaf, again.rebuilds]).toEqual([40, 'leaf-39', 0]);
    expect(find(again, 'l:plan-7')).toEqual([7]);
    // A frame of which it has the first entries goes on in its middle.
    again.take(frameOf(38, 4), entries(40, 42));
    expect([again.position, find(again, 'l:plan-41')]).toEqual([42, [41]]);
  });

  test('what was taken and not committed is written when it closes', () => {
    const path = folderPath();
    const index = opened(path);
    index.take(frameOf(0, 3), entries(0, 3));
    index.paused(1_000);
    closed(index);
    expect(opened(path).position).toBe(3);
  });

  test('a commit that fails puts it back to where it was, and it goes on from there', () => {
    const path = folderPath();
    const index = opened(path);
    index.take(frameOf(0, 2), entries(0, 2));
    index.paused(2);
    const other = new DatabaseSync(path);
    // Somebody broke the table: the statement that notes the place fails.
    other.exec(
      "CREATE TRIGGER broken BEFORE UPDATE ON place BEGIN SELECT RAISE(ABORT, 'scripted'); END",
    );
    index.take(frameOf(2, 3), entries(2, 5));
    expect(() => index.paused(5)).toThrow(/scripted/);
    expect([index.position, index.leaf, find(index, 'l:plan-3')]).toEqual([2, 'leaf-1', []]);
    other.exec('DROP TRIGGER broken');
    other.close();
    index.take(frameOf(2, 3), entries(2, 5));
    index.paused(5);
    expect([index.position, find(index, 'l:plan-3')]).toEqual([5, [3]]);
  });
});

describe('an index that cannot be trusted is made again', () => {
  const written = (): string => {
    const path = folderPath();
    const index = opened(path);
    index.take(frameOf(0, 5), entries(0, 5));
    index.paused(5);
    closed(index);
    return path;
  };
  const changed = (sql: string): string => {
    const path = written();
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
    return path;
  };

  test.each([
    ['of another form', () => changed("UPDATE place SET form = 'ifab-index/0'")],
    ['of another log', () => changed("UPDATE place SET genesis = 'other'")],
    ['without a place', () => changed('DELETE FROM place')],
    ['without a size', () => changed('UPDATE place SET size = NULL')],
    ['without a leaf', () => changed('UPDATE place SET leaf = NULL')],
    ['without its tables', () => changed('DROP TABLE place')],
    [
      'that is no database',
      () => {
        const path = folderPath();
        writeFileSync(path, 'x'.repeat(5_000));
        return path;
      },
    ],
  ])('one %s', (_what, make) => {
    const index = opened(make());
    expect([index.position, index.leaf]).toEqual([0, GENESIS]);
    expect(find(index, 'l:plan-1')).toEqual([]);
    index.take(frameOf(0, 5), entries(0, 5));
    expect(find(index, 'l:plan-1')).toEqual([1]);
  });

  test('one that followed another log, when the first frame of this one comes', () => {
    const index = opened(':memory:');
    index.take(frameOf(0, 3, 'other'), entries(0, 3));
    index.take(frameOf(3, 2), entries(3, 5));
    expect([index.position, index.rebuilds, find(index, 'l:plan-1')]).toEqual([0, 1, []]);
  });
});

describe('a search', () => {
  test('goes from the asked end, within its range, up to its limit, by all its words', () => {
    const index = opened(':memory:');
    index.take(frameOf(0, 3), entries(0, 3, 'ada'));
    index.take(frameOf(3, 3), entries(3, 6, 'bob'));
    expect(find(index, 'p:bob')).toEqual([3, 4, 5]);
    expect(find(index, 'p:bob', { newest: true, to: 5 })).toEqual([4, 3]);
    expect(find(index, 'p:bob', { from: 4 })).toEqual([4, 5]);
    expect(find(index, 'p:bob', { from: 6 })).toEqual([]);
    expect(find(index, 'p:bob', { words: ['p:bob', 'l:plan-4'] })).toEqual([4]);
    expect(find(index, 'p:bob', { words: ['p:ada', 'l:plan-4'] })).toEqual([]);
    const all = { words: ['o:plans.pause'], from: 0, to: 6, newest: true };
    expect(index.search(all, 2)).toEqual([5, 4]);
  });
});
