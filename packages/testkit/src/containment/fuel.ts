/** Cases 41 to 44: deterministic guests that want to run for nothing. */
import type { Ground } from './ground.ts';
import { moduleCase } from './module-case.ts';
import type { ContainmentCase } from './words.ts';

export const FUEL: readonly ContainmentCase<Ground>[] = [
  moduleCase(41, 'a write to the counter that is added', ['admission', 'engine']),
  moduleCase(42, 'an export of the counter’s name', ['fuel']),
  moduleCase(43, 'few instructions over many bytes', ['fuel']),
  moduleCase(44, 'a start function before the fuel is set', ['fuel']),
];
