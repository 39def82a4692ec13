import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Notice } from '../../ports/notifier.ts';
import { fileNotifier } from './file.ts';

const NEVER = new AbortController().signal;
const notice = (index: number, summary = 'Three failures in a row.'): Notice => ({
  id: `esc_${index}`,
  realm: 'main',
  origin: 'test.local/ifab/main',
  at: 1_700_000_000_000 + index,
  severity: 'high',
  kind: 'breaker',
  subject: 'session-4',
  summary,
  details: {},
  acknowledge: `ifab escalation ack esc_${index}`,
  index,
});

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-notices-'));
  path = join(folder, 'notices.jsonl');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const notifier = (more: { bytesMax?: number; keep?: number } = {}) =>
  fileNotifier({ name: 'file', path, bytesMax: 1_000_000, keep: 4, ...more });

const idsIn = (file: string): readonly unknown[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as Notice).id);

test('each notice is a line of a file that only its owner reads', async () => {
  const file = notifier();
  await file.deliver(notice(1, 'one\ntwo'), NEVER);
  await file.deliver(notice(2), NEVER);
  const [first = ''] = readFileSync(path, 'utf8').split('\n');
  expect(JSON.parse(first)).toEqual({
    time: '2023-11-14T22:13:20.001Z',
    ...notice(1, 'one\ntwo'),
  });
  expect(idsIn(path)).toEqual(['esc_1', 'esc_2']);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a mode that somebody gave the file stays', async () => {
  writeFileSync(path, '');
  chmodSync(path, 0o640);
  await notifier().deliver(notice(1), NEVER);
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test('what a crash left of a line is not continued', async () => {
  writeFileSync(path, '{"id":"esc_0"}\n{"id":"es');
  await notifier().deliver(notice(1), NEVER);
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines[1]).toBe('{"id":"es');
  expect(JSON.parse(lines[2] ?? '')).toMatchObject({ id: 'esc_1' });
});

test('a file that would grow too long becomes path.1, and the oldest goes', async () => {
  const file = notifier({ bytesMax: 700, keep: 2 });
  for (let index = 1; index <= 10; index += 1) await file.deliver(notice(index), NEVER);
  expect(readdirSync(folder).toSorted()).toEqual([
    'notices.jsonl',
    'notices.jsonl.1',
    'notices.jsonl.2',
  ]);
  const ids = [`${path}.2`, `${path}.1`, path].flatMap(idsIn);
  expect(ids).toEqual(['esc_5', 'esc_6', 'esc_7', 'esc_8', 'esc_9', 'esc_10'].slice(-ids.length));
  expect(ids.length).toBeGreaterThanOrEqual(5);
  for (const name of readdirSync(folder)) {
    expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(700);
    expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  }
});

test('keeping none begins anew; a notice longer than the limit has a file of its own', async () => {
  const file = notifier({ bytesMax: 300, keep: 0 });
  await file.deliver(notice(1, 'x'.repeat(500)), NEVER);
  await file.deliver(notice(2), NEVER);
  expect(readdirSync(folder)).toEqual(['notices.jsonl']);
  expect(idsIn(path)).toEqual(['esc_2']);
});

test('a file that is rotated from outside is made again', async () => {
  const file = notifier();
  await file.deliver(notice(1), NEVER);
  rmSync(path);
  await file.deliver(notice(2), NEVER);
  expect(idsIn(path)).toEqual(['esc_2']);
});

test('a link, a second name, a pipe, a folder or a device is refused, and what it leads to stays as it is', async () => {
  const target = join(folder, 'target');
  const makers: readonly (() => void)[] = [
    () => symlinkSync(target, path),
    () => symlinkSync(join(folder, 'nothing'), path),
    () => linkSync(target, path),
    () => void execFileSync('mkfifo', [path]),
    () => mkdirSync(path),
    () => symlinkSync('/dev/null', path),
  ];
  for (const make of makers) {
    writeFileSync(target, 'precious');
    make();
    await expect(notifier().deliver(notice(1), NEVER), String(make)).rejects.toMatchObject({
      code: 'config.invalid',
      transient: false,
    });
    expect(readFileSync(target, 'utf8')).toBe('precious');
    rmSync(path, { recursive: true });
  }
  expect(existsSync(join(folder, 'nothing'))).toBe(false);
  const device = fileNotifier({ name: 'file', path: '/dev/full', bytesMax: 1_000, keep: 1 });
  await expect(device.deliver(notice(1), NEVER)).rejects.toMatchObject({ transient: false });
});

test('a folder that is not there is refused; a link among the older files is replaced, not followed', async () => {
  const astray = fileNotifier({
    name: 'file',
    path: join(folder, 'no', 'f'),
    bytesMax: 1,
    keep: 1,
  });
  await expect(astray.deliver(notice(1), NEVER)).rejects.toMatchObject({
    transient: false,
    detail: `${join(folder, 'no', 'f')}: ENOENT`,
  });
  const target = join(folder, 'target');
  writeFileSync(target, 'precious');
  symlinkSync(target, `${path}.1`);
  const file = notifier({ bytesMax: 1, keep: 1 });
  await file.deliver(notice(1), NEVER);
  await file.deliver(notice(2), NEVER);
  expect(readFileSync(target, 'utf8')).toBe('precious');
  expect(idsIn(`${path}.1`)).toEqual(['esc_1']);
});

test('nothing is written once the signal has aborted', async () => {
  await expect(notifier().deliver(notice(1), AbortSignal.abort())).rejects.toThrow('aborted');
  expect(existsSync(path)).toBe(false);
});
