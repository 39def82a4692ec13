/**
 * What the sandbox costs (CHASSIS, goals): starting a runner, a first result, a call, a call of the host, a guest's own
 * speed, the kill, memory, the share of a core. All with the full stack, at the level that is asserted.
 */
import { calls, hostCalls, overhead } from './chassis-calls.ts';
import { kills, memory, share } from './chassis-limits.ts';
import { firstResults, starts } from './chassis-start.ts';
import type { Values } from './probe.ts';
import type { MeasureOnce } from './scenarios.ts';

export const chassis: MeasureOnce = async ({ size, note }) => {
  const figures: Record<string, number> = {};
  const parts: readonly (readonly [string, () => Promise<Values>])[] = [
    ['starts', () => starts(size)],
    ['first results', () => firstResults(size)],
    ['calls', () => calls(size)],
    ['host calls', () => hostCalls(size)],
    ['overhead', () => overhead(size)],
    ['kills', () => kills(size)],
    ['memory', () => memory()],
    ['share', () => share(size)],
  ];
  for (const [name, measure] of parts) {
    const startedAt = performance.now();
    Object.assign(figures, await measure());
    note(`chassis: ${name} ${Math.round(performance.now() - startedAt)} ms`);
  }
  return figures;
};
