import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openShare, runMs, settle, SHARE_PERIOD_MS, stillMs } from './share.ts';

test('a period’s credit is what a share begins with, and all that it can save', () => {
  const share = openShare(0, 0, 25);
  expect(share.creditMs).toBe(18.75);
  expect(settle(share, 10_000, 0, 25).creditMs).toBe(18.75);
});

test('a debt stands still until a period’s worth is there again', () => {
  const share = settle(openShare(0, 0, 25), 33, 33, 25);
  expect(share.creditMs).toBeLessThanOrEqual(0);
  const still = stillMs(share, 25);
  // 33 ms are paid with 132 of time, of which 33 have passed, and half a period's saving is to be there again.
  expect(still).toBeCloseTo(99);
  expect(settle(share, 33 + still, 33, 25).creditMs).toBeCloseTo(18.75);
});

test('case 59: a clock that jumps back gives nothing', () => {
  const share = settle(openShare(1_000, 0, 50), 1_010, 30, 50);
  expect(settle(share, 500, 30, 50).creditMs).toBe(share.creditMs);
});

test('with credit nothing stands still, and a whole core is never looked at', () => {
  expect(stillMs(openShare(0, 0, 25), 25)).toBe(0);
  expect(runMs(openShare(0, 0, 100), 100)).toBe(Number.POSITIVE_INFINITY);
  expect(runMs(openShare(0, 0, 25), 25)).toBeCloseTo(25);
});

test('K1: whatever a process does within its credit, its share is not exceeded by more than a period and its last run', () => {
  // Property: runs of any length, each followed by the stand that the bucket asks for; compared with rate × time.
  const runs = fc.array(
    fc.record({
      runMs: fc.integer({ min: 0, max: 200 }),
      idleMs: fc.integer({ min: 0, max: 200 }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 99 }), runs, (percent, steps) => {
      let nowMs = 0;
      let cpuMs = 0;
      let share = openShare(nowMs, cpuMs, percent);
      let longestMs = 0;
      for (const step of steps) {
        nowMs += step.idleMs;
        nowMs += step.runMs;
        cpuMs += step.runMs;
        longestMs = Math.max(longestMs, step.runMs);
        share = settle(share, nowMs, cpuMs, percent);
        nowMs += stillMs(share, percent);
        share = settle(share, nowMs, cpuMs, percent);
      }
      const rate = percent / 100;
      expect(cpuMs).toBeLessThanOrEqual(rate * nowMs + rate * SHARE_PERIOD_MS + longestMs + 1e-6);
    }),
  );
});
