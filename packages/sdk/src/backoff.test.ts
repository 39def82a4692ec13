import { expect, test, vi } from 'vitest';
import { backoffMs, pause } from './backoff.ts';

test('the ceiling doubles up to five seconds; jitter is all below it', () => {
  expect(backoffMs(0, 0, () => 1)).toBe(25);
  expect(backoffMs(3, 0, () => 1)).toBe(200);
  expect(backoffMs(30, 0, () => 1)).toBe(5_000);
  expect(backoffMs(1_000, 0, () => 1)).toBe(5_000);
  expect(backoffMs(30, 0, () => 0)).toBe(0);
});

test('what the fabric asked for is a floor', () => {
  expect(backoffMs(0, 2_000, () => 0)).toBe(2_000);
  expect(backoffMs(0, 2_000, () => 1)).toBe(2_025);
});

test('a pause ends early with the reason of its signal', async () => {
  vi.useFakeTimers();
  try {
    const stop = new AbortController();
    const paused = pause(60_000, stop.signal);
    stop.abort(new Error('enough'));
    await expect(paused).rejects.toThrow('enough');
    await expect(pause(1, stop.signal)).rejects.toThrow('enough');
    expect(vi.getTimerCount()).toBe(0);
    const whole = pause(1_000);
    vi.advanceTimersByTime(1_000);
    await expect(whole).resolves.toBeUndefined();
  } finally {
    vi.useRealTimers();
  }
});
