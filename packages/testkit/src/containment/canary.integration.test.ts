import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { hitsIn, needlesOf, scanMemory } from './canary.ts';

const SECRET = 'tok_9f2c77e1b0?>canary~04';

const found = (text: string | Buffer): readonly string[] =>
  hitsIn(Buffer.from(text), needlesOf(SECRET), 'here').map(({ form }) => form);

test('case 72: a secret is found as it is, in hexadecimal, in UTF-16 and backwards', () => {
  expect(found(`{"a":"${SECRET}"}`)).toEqual(['raw']);
  expect(found(Buffer.from(SECRET).toString('hex'))).toEqual(['hex']);
  expect(found(Buffer.from(SECRET).toString('hex').toUpperCase())).toEqual(['HEX']);
  expect(found(Buffer.from(SECRET, 'utf16le'))).toEqual(['utf16']);
  expect(found(Buffer.from(Buffer.from(SECRET).toReversed()))).toEqual(['reversed']);
});

test.each(['', 'a', 'ab', 'abc', 'user:', '{"authorization":"Bearer '])(
  'case 72: a secret is found in base64 whatever stands before and after it (%j)',
  (before) => {
    for (const after of ['', 'x', 'yz', '"}']) {
      const bytes = Buffer.from(before + SECRET + after);
      expect(found(bytes.toString('base64')).length).toBeGreaterThan(0);
      expect(found(bytes.toString('base64url')).length).toBeGreaterThan(0);
    }
  },
);

test('what is not the secret is not found', () => {
  expect(found(SECRET.slice(1))).toEqual([]);
  expect(found(Buffer.from('another secret of some length').toString('base64'))).toEqual([]);
});

test('case 72: memory that holds a secret is found to, and only that', async () => {
  // The two processes differ only in their arguments, which lie in their memory.
  const started = [SECRET, 'nothing'].map((argument) =>
    spawn(process.execPath, ['-e', 'process.stdout.write("up");setInterval(()=>{},1e6)', argument]),
  );
  try {
    const hits = [];
    for (const child of started) {
      await once(child.stdout, 'data');
      const scan = scanMemory(child.pid ?? 0, needlesOf(SECRET));
      expect(scan.bytes).toBeGreaterThan(10_000_000);
      hits.push(scan.hits.length);
    }
    expect(hits[0]).toBeGreaterThan(0);
    expect(hits[1]).toBe(0);
  } finally {
    for (const child of started) child.kill('SIGKILL');
  }
});
