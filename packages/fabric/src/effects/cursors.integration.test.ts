import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { nodeDisk } from '../adapters/disk-node.ts';
import { cursorFolder } from './cursors.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-cursors-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('what was saved is loaded, each notifier for itself, from files of their owner', async () => {
  const notify = join(folder, 'state', 'notify');
  const cursors = cursorFolder(notify);
  expect(await cursors.load('one')).toBeUndefined();
  await cursors.save('one', { cursor: '7.1', settled: { esc_9: '9.0' } });
  await cursors.save('two', { cursor: '3', settled: {} });
  await cursors.save('two', { cursor: '4', settled: {} });
  expect(await cursorFolder(notify).load('one')).toEqual({
    cursor: '7.1',
    settled: { esc_9: '9.0' },
  });
  expect(await cursors.load('two')).toEqual({ cursor: '4', settled: {} });
  expect(readdirSync(notify).toSorted()).toEqual(['one.json', 'two.json']);
  expect(statSync(join(notify, 'one.json')).mode & 0o777).toBe(0o600);
});

test.each([
  '',
  '{"format":"ifab-notify/1","cur',
  '{"format":"ifab-notify/2","cursor":"1","settled":{}}',
  '{"format":"ifab-notify/1","cursor":"-1","settled":{}}',
  '[]',
])('%j is damaged', async (text) => {
  writeFileSync(join(folder, 'one.json'), text);
  expect(await cursorFolder(folder).load('one')).toBe('damaged');
});

test('the old cursor stands until the new one is on the medium', async () => {
  await cursorFolder(folder).save('one', { cursor: '1', settled: {} });
  const before = readFileSync(join(folder, 'one.json'), 'utf8');
  // A disk on which each step fails in turn, as it would when it is full or broken.
  const steps = ['open', 'rename', 'syncFolder'] as const;
  for (const step of steps) {
    const broken = cursorFolder(folder, {
      ...nodeDisk,
      [step]: () => {
        throw new Error('ENOSPC');
      },
    });
    await expect(broken.save('one', { cursor: '2', settled: {} }), step).rejects.toThrow('ENOSPC');
    if (step !== 'syncFolder') expect(readFileSync(join(folder, 'one.json'), 'utf8')).toBe(before);
    expect(await cursorFolder(folder).load('one')).toBeTypeOf('object');
  }
});
