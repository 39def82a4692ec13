import { expect, test } from 'vitest';
import { cpuBackstop, cpuSecondsFor, cpuSecondsOfBlank, LIFE_CPU_S_MAX } from './cpu-backstop.ts';

test('the kernel’s limit lies a second behind the run’s, and its hard one at the life’s', () => {
  expect(cpuSecondsFor(0, 5_000)).toEqual({ softS: 6, hardS: LIFE_CPU_S_MAX });
  expect(cpuSecondsFor(10_001, 500)).toEqual({ softS: 12, hardS: LIFE_CPU_S_MAX });
  expect(cpuSecondsFor(0, 1e12).softS).toBe(LIFE_CPU_S_MAX);
});

test('a blank runner suits a first run of the usual budget', () => {
  expect(cpuBackstop(60, 5_000, cpuSecondsOfBlank(5_000))).toBeUndefined();
});

test('limits move on before they could cut a run short, two budgets at once', () => {
  const now = cpuSecondsOfBlank(5_000);
  expect(cpuBackstop(3_000, 5_000, now)).toEqual({ softS: 14, hardS: LIFE_CPU_S_MAX });
  expect(cpuBackstop(4_000, 5_000, { softS: 14, hardS: 100 })).toBeUndefined();
  expect(cpuBackstop(90_000, 5_000, { softS: 14, hardS: 100 })).toEqual({ softS: 101, hardS: 100 });
});

test('limits come down where they would let a run go on for much longer than it may', () => {
  expect(cpuBackstop(60, 1_000, cpuSecondsOfBlank(5_000))).toEqual({
    softS: 3,
    hardS: LIFE_CPU_S_MAX,
  });
});
