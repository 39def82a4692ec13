import { expect, test } from 'vitest';
import { addToIndex, createTaskIndex } from './task-index.ts';
import type { TaskIndex } from './task-index.ts';

const indexOf = (ids: readonly string[]): TaskIndex => {
  const index = createTaskIndex();
  for (const at of ids.keys()) addToIndex(index, ids, at);
  return index;
};

const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `p/${i}`);

/** Length of the longest run of taken slots, which is what a look-up may have to walk along. */
const longestRun = ({ table }: TaskIndex): number => {
  let longest = 0;
  let run = 0;
  for (const stored of table) {
    run = stored === 0 ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  return longest;
};

test('ids that differ in a few letters only are spread over the table', () => {
  // A hash that is blind to a part of the id would put all of one list into one place.
  expect(longestRun(indexOf(numbered(1_000)))).toBeLessThan(64);
  const plans = Array.from({ length: 1_000 }, (_, i) => `${i}/task`);
  expect(longestRun(indexOf(plans))).toBeLessThan(64);
});

test('a table of 64 holds 48 ids, three quarters, and no more', () => {
  expect(indexOf(numbered(48)).table).toHaveLength(64);
  expect(indexOf(numbered(49)).table).toHaveLength(128);
});

test('defect: a task without an id is put into the table', () => {
  expect(() => addToIndex(createTaskIndex(), [], 0)).toThrow('an index of no task');
});
