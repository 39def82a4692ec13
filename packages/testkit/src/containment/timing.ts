/** Cases 95 to 99: clocks, and figures that a guest would like to look better than they are. */
import type { Ground } from './ground.ts';
import { moduleCase } from './module-case.ts';
import type { ContainmentCase } from './words.ts';

export const TIMING: readonly ContainmentCase<Ground>[] = [
  moduleCase(95, 'a clock finer than a millisecond', ['linker'], { completedBy: 'linker' }),
];
