import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { writeSampleRealm, type SampleRealm } from './sample-realm.ts';
import { verifyFolder } from './verify.ts';

let folder: string;
let realm: SampleRealm;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'segment-pool-'));
  realm = await writeSampleRealm(folder, {
    entries: 4_000,
    seed: 5,
    frameEntries: 48,
    indexPath: ':memory:',
  });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const verified = (workers: number) =>
  verifyFolder(folder, {
    levels: [0, 1],
    log: { origin: realm.origin, vkeys: [realm.vkey] },
    workers,
  });

const segments = (): readonly string[] =>
  readdirSync(join(folder, 'journal'))
    .toSorted()
    .map((name) => join(folder, 'journal', name));

test('threads that check a segment each say what one thread says', async () => {
  expect(segments().length).toBeGreaterThan(2);
  const one = await verified(1);
  expect(one).toMatchObject({ ok: true, log: { size: realm.size, anchored: 'ANCHORED' } });
  expect(one.log.checkpointsChecked).toBeGreaterThan(3);
  expect(await verified(2)).toEqual(one);
  expect(await verified(99)).toEqual(one);
});

test('what is wrong in a segment, or where two meet, is named as one thread names it', async () => {
  const paths = segments();
  const changes: readonly (() => void)[] = [
    // A byte of a later segment.
    () => changed(paths[1], (bytes) => (bytes[300] = (bytes[300] ?? 0) ^ 1)),
    // The end of the last segment: a torn tail that a checkpoint covers.
    () => changed(paths.at(-1), (bytes) => bytes.fill(0, 2_000)),
    // A segment in the place of another.
    () => {
      writeFileSync(String(paths[1]), readFileSync(String(paths[2])));
    },
    () => {
      rmSync(String(paths[1]));
    },
  ];
  for (const change of changes) {
    const kept = paths.map((path) => readFileSync(path));
    change();
    const one = await verified(1);
    expect(one.ok).toBe(false);
    expect(await verified(2)).toEqual(one);
    for (const [i, path] of paths.entries()) writeFileSync(path, kept[i] ?? '');
  }
  expect((await verified(2)).ok).toBe(true);
});

function changed(path: string | undefined, change: (bytes: Buffer) => unknown): void {
  const bytes = readFileSync(String(path));
  change(bytes);
  writeFileSync(String(path), bytes);
}
