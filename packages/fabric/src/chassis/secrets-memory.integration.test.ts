/**
 * What is left of a secret in the memory of the process that used it: a child resolves, lets the collector run, zeroes and
 * waits; its parent reads all memory that the child may write.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

import { secretKeeper } from '../adapters/secrets-file/keeper.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'ifab-memory-'));
afterAll(() => rmSync(dataDir, { recursive: true }));

const NEVER = new AbortController().signal;
const CANARY = Buffer.from('canary-8d1f7c20b9e34a56');
const ROUNDS = 8;
/** Bytes that are read at a time; of the end of each piece so much is read again that no hit falls between two. */
const PIECE_BYTES = 1024 * 1024;
const OVERLAP_BYTES = 4_096;

const CHILD = `
  const { module, config, dataDir, keeps } = JSON.parse(process.env.SCAN);
  const { openSecretStore } = await import(module);
  const store = openSecretStore(config, { dataDir, env: {} });
  const used = [];
  for (let round = 0; round < ${ROUNDS}; round += 1) {
    const ref = { path: 'if/prod', field: 'token' };
    const { bytes } = await store.resolve(ref, new AbortController().signal);
    used.push(bytes);
    for (let i = 0; i < 3; i += 1) gc({ type: 'minor' });
  }
  gc();
  if (!keeps) for (const bytes of used) bytes.fill(0);
  console.log('ready');
  process.stdin.on('end', () => process.exit(used.length)).resume();
`;

/** How often each of the needles is in the memory of a child that has used the secret. */
const hitsOf = async (
  config: object,
  needles: readonly Buffer[],
  { keeps }: { readonly keeps: boolean },
): Promise<readonly number[]> => {
  const module = new URL('secrets.ts', import.meta.url).href;
  const args = [...process.execArgv, '--expose-gc', '--input-type=module', '-e', CHILD];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], SCAN: JSON.stringify({ module, config, dataDir, keeps }) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const hits = scan(child.pid ?? 0, needles);
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([ROUNDS, null]);
  return hits;
};

const scan = (pid: number, needles: readonly Buffer[]): readonly number[] => {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const piece = Buffer.alloc(PIECE_BYTES);
  const places = needles.map(() => new Set<number>());
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const end = Number.parseInt(to, 16);
    for (let at = Number.parseInt(from, 16); at < end; at += PIECE_BYTES - OVERLAP_BYTES) {
      const length = readAt(memory, piece.subarray(0, Math.min(PIECE_BYTES, end - at)), at);
      for (const [which, needle] of needles.entries()) {
        for (const hit of hitsIn(piece.subarray(0, length), needle)) places[which]?.add(at + hit);
      }
    }
  }
  closeSync(memory);
  return places.map(({ size }) => size);
};

/** Some of what is mapped cannot be read: pages of devices. */
const readAt = (memory: number, target: Buffer, at: number): number => {
  try {
    return readSync(memory, target, 0, target.length, at);
  } catch {
    return 0;
  }
};

function* hitsIn(bytes: Buffer, needle: Buffer): Generator<number> {
  for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) yield at;
}

// Elsewhere no process can read another's memory so easily.
describe.skipIf(process.platform !== 'linux')('a secret that was used and zeroed', () => {
  test('from the file no copy is left, neither of it nor of its Base64; the control finds what is kept', async () => {
    const files = { file: join(dataDir, 'secrets.age'), key: join(dataDir, 'keys', 'secrets.key') };
    await secretKeeper(files).put({ path: 'if/prod', field: 'token' }, CANARY, NEVER);
    const config = { kind: 'file', file: 'secrets.age', keyFile: 'keys/secrets.key' };
    const needles = [CANARY, Buffer.from(CANARY.toString('base64'))];
    const [kept] = await hitsOf(config, needles, { keeps: true });
    expect(kept).toBe(ROUNDS);
    expect(await hitsOf(config, needles, { keeps: false })).toEqual([0, 0]);
  });

  test('from a credential of systemd no copy is left; the control finds what is kept', async () => {
    writeFileSync(join(dataDir, 'if+prod+token'), CANARY, { mode: 0o400 });
    const config = { kind: 'systemd', folder: '.' };
    expect(await hitsOf(config, [CANARY], { keeps: true })).toEqual([ROUNDS]);
    expect(await hitsOf(config, [CANARY], { keeps: false })).toEqual([0]);
  });
});
