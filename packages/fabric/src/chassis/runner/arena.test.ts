import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena, ARENA_BYTES_MAX } from './arena.ts';

test('a block is where it was put, and 0 is no block', () => {
  const arena = new Arena();
  const at = arena.alloc(5);
  arena.slice(at, 5)?.set([1, 2, 3, 4, 5]);
  expect(arena.lengthOf(at)).toBe(5);
  expect(arena.loadByte(at + 4)).toBe(5);
  expect(arena.alloc(0)).toBe(0);
  expect(arena.lengthOf(0)).toBe(0);
  expect(arena.lengthOf(at + 1)).toBe(0);
});

test('A1: no offset that was made up reads or writes anything', () => {
  const arena = new Arena();
  const at = arena.alloc(8);
  for (const offset of [-1, 0, 8, 2 ** 31, 2 ** 63, Number.MAX_SAFE_INTEGER, at + 1_000]) {
    expect(arena.loadByte(offset)).toBe(0);
    expect(arena.loadWord(offset)).toBe(0n);
    expect(arena.slice(offset, 1)).toBeUndefined();
    arena.storeByte(offset, 1);
    arena.storeWord(offset, 1n);
    arena.free(offset);
  }
  expect(arena.slice(at, -1)).toBeUndefined();
  expect(arena.slice(at, 2 ** 40)).toBeUndefined();
  expect(arena.loadWord(at)).toBe(0n);
});

test('a word is little endian, and lies whole within what was given out', () => {
  const arena = new Arena();
  const at = arena.alloc(16);
  arena.storeWord(at + 8, 0x0102_0304_0506_0708n);
  expect(arena.loadByte(at + 8)).toBe(8);
  expect(arena.loadWord(at + 8)).toBe(0x0102_0304_0506_0708n);
  expect(arena.loadWord(at + 9)).toBe(0n);
});

test('case 20: a flood of allocations ends at the bound, by bytes and by blocks', () => {
  const large = new Arena();
  expect(() => {
    for (;;) large.alloc(1024 * 1024);
  }).toThrow(RangeError);
  const small = new Arena();
  expect(() => {
    for (;;) small.alloc(1);
  }).toThrow('65536 blocks');
  expect(() => new Arena().alloc(-1)).toThrow(RangeError);
  expect(() => new Arena().alloc(2 ** 63)).toThrow(RangeError);
  expect(() => new Arena().alloc(ARENA_BYTES_MAX + 1)).toThrow(RangeError);
});

test('freed blocks are given out again, zeroed: allocating and freeing goes on for ever', () => {
  const arena = new Arena({ bytesMax: 64 * 1024 });
  for (let round = 0; round < 10_000; round += 1) {
    const at = arena.alloc(1_000 + (round % 24));
    expect(arena.loadWord(at)).toBe(0n);
    arena.slice(at, 1_000)?.fill(255);
    arena.free(at);
    arena.free(at);
  }
});

test('A2: after a reset every byte is zero, of small arenas and of large ones', () => {
  for (const bytes of [1_000, 1_000_000]) {
    const arena = new Arena();
    const at = arena.alloc(bytes);
    arena.slice(at, bytes)?.fill(7);
    arena.reset();
    expect(arena.lengthOf(at)).toBe(0);
    expect(arena.slice(at, 1)).toBeUndefined();
    const again = arena.alloc(bytes);
    expect(arena.slice(again, bytes)?.every((byte) => byte === 0)).toBe(true);
  }
});

// Property, against a model: blocks never overlap, and keep what was written through any order of calls.
test('no two living blocks share a byte', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('alloc'), bytes: fc.integer({ min: 1, max: 100_000 }) }),
    fc.record({ kind: fc.constant('free'), at: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const arena = new Arena();
      const living: { at: number; bytes: number; mark: number }[] = [];
      for (const [mark, action] of steps.entries()) {
        if ('bytes' in action) {
          const { bytes } = action;
          const at = arena.alloc(bytes);
          arena.slice(at, bytes)?.fill(mark % 256);
          living.push({ at, bytes, mark: mark % 256 });
        } else if (living.length > 0) {
          const [gone] = living.splice(action.at % living.length, 1);
          if (gone !== undefined) arena.free(gone.at);
        }
        for (const { at, bytes, mark: byte } of living) {
          expect(arena.lengthOf(at)).toBe(bytes);
          expect(arena.loadByte(at)).toBe(byte);
          expect(arena.loadByte(at + bytes - 1)).toBe(byte);
        }
      }
    }),
    { numRuns: 50 },
  );
});
