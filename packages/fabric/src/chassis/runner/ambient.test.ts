import { expect, test } from 'vitest';
import { realAmbient, seededAmbient } from './ambient.ts';

const SEED = '42'.repeat(32);
const draw = (bytes: number, ambient = seededAmbient(SEED)): string => {
  const into = new Uint8Array(bytes);
  ambient.random(into);
  return Buffer.from(into).toString('hex');
};

test('case 95: real clocks tell whole milliseconds', () => {
  const ambient = realAmbient();
  for (let round = 0; round < 1_000; round += 1) {
    expect(Number.isInteger(ambient.wallMs())).toBe(true);
    expect(Number.isInteger(ambient.steadyMs())).toBe(true);
  }
  expect(Math.abs(ambient.wallMs() - Date.now())).toBeLessThan(1_000);
});

test('real randomness fills more than one request of the system, and differs', () => {
  const ambient = realAmbient();
  const into = new Uint8Array(200_000);
  ambient.random(into);
  expect(into.subarray(199_000).some((byte) => byte !== 0)).toBe(true);
  expect(draw(32, ambient)).not.toBe(draw(32, ambient));
});

test('seeded clocks stand still', () => {
  const ambient = seededAmbient(SEED);
  expect([ambient.wallMs(), ambient.steadyMs()]).toStrictEqual([0, 0]);
});

// Pinned: SHA-256 of the seed and a counter of 0 and 1, as `printf | sha256sum` gives it.
test('seeded randomness is the hash stream of the seed, and begins anew with each run', () => {
  const ambient = seededAmbient('00'.repeat(32));
  const first = draw(40, ambient);
  expect(first).toBe(
    '2c34ce1df23b838c5abf2a7f6437cca3d3067ed509ff25f11df6b11b582b51eb08e00266fff0aacc',
  );
  expect(draw(40, ambient)).not.toBe(first);
  ambient.restart();
  expect(draw(40, ambient)).toBe(first);
});
