import { describe, expect, test } from 'vitest';
import { nodeSha256, primitives } from '../test/log-fixture.ts';
import { CHECKPOINT_EXTENSIONS_MAX } from './checkpoint.ts';
import {
  EMPTY_ROOT,
  cosignatureTimeS,
  formatSkey,
  formatVkey,
  isKeyName,
  leafHash,
  leafHashInPlace,
  parseCheckpointText,
  parseNote,
  parseSkey,
  parseVkey,
  publicKeyOf,
} from './index.ts';

const seed = new Uint8Array(32).fill(9);

describe('keys', () => {
  test('an id below 2^28 keeps its leading zero', () => {
    // One name of sixteen has such an id.
    const named = (i: number) => publicKeyOf(primitives, { name: `k${i}`, use: 'note', seed });
    let i = 0;
    while (named(i).keyId >= 2 ** 28) i += 1;
    const small = named(i);
    expect(formatVkey(small)).toMatch(/^k[0-9]+\+0[0-9a-f]{7}\+/);
    expect(parseVkey(nodeSha256, formatVkey(small))).toEqual(small);
  });

  test('a signing key starts with the words that say so', () => {
    const key = publicKeyOf(primitives, { name: 'ada', use: 'note', seed });
    const skey = formatSkey(key, seed);
    expect(parseSkey(primitives, skey)?.key).toEqual(key);
    expect(parseSkey(primitives, skey.replace('PRIVATE+KEY+', 'PRIVATE-KEY-'))).toBeUndefined();
  });

  test('what has not the length of a cosignature has no time', () => {
    expect(cosignatureTimeS(new Uint8Array(72))).toBe(0);
    expect(cosignatureTimeS(new Uint8Array(71))).toBeUndefined();
    expect(cosignatureTimeS(new Uint8Array(73))).toBeUndefined();
  });

  test('a name has at most 255 characters', () => {
    expect(isKeyName('k'.repeat(255))).toBe(true);
    expect(isKeyName('k'.repeat(256))).toBe(false);
  });
});

describe('bounds of texts', () => {
  test('a checkpoint has its three lines, each with a newline, and at most 16 more', () => {
    const head = `example.org\n5\n${EMPTY_ROOT}\n`;
    expect(parseCheckpointText(head)).toMatchObject({ size: 5, extensions: [] });
    expect(parseCheckpointText(head.slice(0, -1))).toBeUndefined();
    expect(parseCheckpointText(`${head}x`)).toBeUndefined();
    expect(parseCheckpointText('example.org\n5\n')).toBeUndefined();
    expect(parseCheckpointText('example.org\n')).toBeUndefined();
    expect(parseCheckpointText('\n')).toBeUndefined();
    const lines = (count: number): string => head + 'more\n'.repeat(count);
    expect(parseCheckpointText(lines(CHECKPOINT_EXTENSIONS_MAX))).toBeDefined();
    expect(parseCheckpointText(lines(CHECKPOINT_EXTENSIONS_MAX + 1))).toBeUndefined();
  });

  test('a note without a text or without a divider is none', () => {
    const line = `— ada ${Buffer.alloc(8).toString('base64')}\n`;
    expect(parseNote(`text\n\n${line}`).kind).toBe('note');
    expect(parseNote(line).kind).toBe('refused');
    expect(parseNote(`\n${line}`).kind).toBe('refused');
    expect(parseNote(`—  ${line.slice(6)}`).kind).toBe('refused');
  });

  test('a leaf in place may be empty, and may end where its buffer ends', () => {
    const bytes = Uint8Array.of(7, 1, 2, 3);
    expect(leafHashInPlace(nodeSha256, bytes, 2, 2)).toBe(leafHash(nodeSha256, new Uint8Array()));
    expect(leafHashInPlace(nodeSha256, bytes, 1, 4)).toBe(
      leafHash(nodeSha256, Uint8Array.of(1, 2, 3)),
    );
    expect(bytes).toEqual(Uint8Array.of(7, 1, 2, 3));
  });
});
