import { binary } from '@infrafabric/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { ByteWriter } from './writer.ts';

const written = (write: (to: ByteWriter) => void): number[] => {
  const to = new ByteWriter(0);
  write(to);
  return [...to.written()];
};

// Property: numbers are written as the other writer does, which counts in big integers. Method: all safe integers.
test('signed numbers are LEB128 of 64 bits', () => {
  fc.assert(
    fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -300, max: 300 })), (value) => {
      expect(written((to) => to.s64(value))).toEqual([...binary.signed(BigInt(value))]);
    }),
  );
});

test('unsigned numbers are LEB128 of 32 bits', () => {
  for (const value of [0, 1, 127, 128, 16_383, 16_384, 0x7fff_ffff, 0xffff_ffff])
    expect(written((to) => to.u32(value))).toEqual([...binary.u32(value)]);
});

test('what was written stays when it grows', () => {
  const to = new ByteWriter(0);
  const expected: number[] = [];
  for (let at = 0; at < 1_000; at += 1) {
    to.byte(at & 0xff);
    to.append(Uint8Array.of(1, 2, 3));
    expected.push(at & 0xff, 1, 2, 3);
  }
  expect([...to.written()]).toEqual(expected);
  to.reset();
  expect(to.written().length).toBe(0);
});
