/**
 * The kernel's limit of processor time, which fires when the watchdog cannot: this process hangs, or is gone. It has a
 * grain of a second and counts the life of the process, so it follows the life, a run's budget ahead.
 */
import type { CpuSeconds } from '../../jail/rlimits.ts';

const MS_PER_S = 1_000;
/** What the kernel lets through beyond the watchdog's limit, s: the watchdog comes first. */
const SLACK_S = 1;
/** Processor time of the life of a runner, s. It cannot be raised again by a host that is not root, so it is set once. */
export const LIFE_CPU_S_MAX = 7_200;
/** Budgets of runs for which one setting lasts: it takes 3 ms, which a call of 20 µs should not wait for each time. */
const RUNS_AHEAD = 2;

/**
 * Limits of a blank runner, which suit runs of the usual budget: booting took 30 ms of its life, and one turn of the limit
 * is a grain of a second.
 */
export const cpuSecondsOfBlank = (cpuMsMax: number): CpuSeconds =>
  cpuSecondsFor(MS_PER_S, cpuMsMax);

/** Limits for a run of `cpuMsMax` after `usedMs`. */
export const cpuSecondsFor = (usedMs: number, cpuMsMax: number): CpuSeconds => ({
  softS: Math.min(Math.ceil((usedMs + cpuMsMax) / MS_PER_S) + SLACK_S, LIFE_CPU_S_MAX),
  hardS: LIFE_CPU_S_MAX,
});

/**
 * New limits where those that stand would cut a run short, or would let one go on for much longer than it may; undefined
 * where they do.
 */
export const cpuBackstop = (
  usedMs: number,
  cpuMsMax: number,
  now: CpuSeconds,
): CpuSeconds | undefined => {
  const needed = cpuSecondsFor(usedMs, cpuMsMax);
  const most = cpuSecondsFor(usedMs, cpuMsMax * RUNS_AHEAD);
  if (needed.softS <= now.softS && now.softS <= most.softS) return undefined;
  return now.softS < needed.softS ? { ...most, hardS: now.hardS } : { ...needed, hardS: now.hardS };
};
