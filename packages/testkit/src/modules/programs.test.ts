import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';

import { PROGRAMS } from './programs.ts';
import { wasmOf } from './wat.ts';

const fib = (n: number): number => (n < 2 ? n : fib(n - 1) + fib(n - 2));

/** The same, written once more in another language. */
const REFERENCES: Readonly<Record<string, (n: number) => number>> = {
  fib,
  sieve: (n) => {
    const isPrime = (candidate: number): boolean => {
      for (let divisor = 2; divisor * divisor <= candidate; divisor += 1)
        if (candidate % divisor === 0) return false;
      return candidate > 1;
    };
    return Array.from({ length: n }, (_, at) => at).filter(isPrime).length;
  },
  sort: (n) => {
    const numbers: number[] = [];
    for (let x = 12_345; numbers.length < n;) {
      x = (Math.imul(x, 1_103_515_245) + 12_345) | 0;
      numbers.push(x >>> 1);
    }
    numbers.sort((one, other) => one - other);
    return (n - 1) ^ (numbers[n >>> 1] ?? 0);
  },
  matmul: (n) => {
    let sum = 0;
    for (let i = 0; i < n; i += 1)
      for (let j = 0; j < n; j += 1) for (let k = 0; k < n; k += 1) sum += (i + k) * (k ^ j);
    return sum;
  },
  sha: (n) =>
    createHash('sha256')
      .update(Uint8Array.from({ length: n }, (_, at) => at))
      .digest()
      .readInt32BE(0),
  interpreter: (n) => {
    let [x, y, pc] = [1, 0, 0];
    for (let step = 0; step < n; step += 1) {
      const at = pc;
      x = (Math.imul(x, at * 2 + 1) + (y ^ at)) | 0;
      const sum = (y + x) | 0;
      const by = at % 31;
      y = (sum << by) | (by === 0 ? 0 : sum >>> (32 - by));
      pc = (pc + at + 1) % 40;
    }
    return x ^ y;
  },
};

test.each(PROGRAMS)('$name computes what it is named for', async ({ name, text, small, large }) => {
  const instance = new WebAssembly.Instance(
    new WebAssembly.Module(Buffer.from(await wasmOf(text))),
  );
  const { compute } = instance.exports;
  const run = (n: number): unknown => (typeof compute === 'function' ? compute(n) : undefined);
  const [n, result] = small;
  expect(run(n)).toBe(result);
  for (const argument of [n, n + 13, n + 64]) {
    if (name === 'fib' && argument > 30) continue;
    expect(run(argument)).toBe(REFERENCES[name]?.(argument));
  }
  expect(large).toBeGreaterThan(n);
});
