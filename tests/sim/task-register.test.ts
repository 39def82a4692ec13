import { expect, test } from 'vitest';

import { seededRandom } from '../../packages/testkit/src/random.ts';
import { taskRegister, type TaskOperation } from '../../packages/testkit/src/sim/task-register.ts';
import { isLinearizable, type Call } from '../../packages/testkit/src/wgl.ts';

type TaskCall = Call<TaskOperation, 'told'>;

const HISTORIES = 400;
const OPERATIONS = 30;

/** A history of overlapping calls over one honest task; `doubleGrants` is the share of claims granted twice. */
function history(seed: number, doubleGrants: number): readonly TaskCall[] {
  const random = seededRandom(seed);
  const calls: TaskCall[] = [];
  let [fence, live, now] = [0, false, 0];
  const call = (input: TaskOperation): void => {
    // It takes effect at `now`; it was called a little earlier and is answered a little later.
    const at = now + random.below(15);
    calls.push({ input, startedAt: now - random.below(15), returned: { at, output: 'told' } });
  };
  for (let i = 0; i < OPERATIONS; i += 1) {
    now += 10;
    if (!live) {
      fence += 1;
      live = true;
      call({ kind: 'granted', fence });
      if (random.chance(doubleGrants)) call({ kind: 'granted', fence });
    } else if (random.chance(0.5)) call({ kind: 'refused', why: 'leased', fence: 0 });
    else if (random.chance(0.3)) call({ kind: 'written', fence });
    else {
      live = false;
      call({ kind: 'ended', fence, how: 'given back' });
    }
  }
  return calls;
}

const accepted = (doubleGrants: number): number => {
  let count = 0;
  for (let seed = 1; seed <= HISTORIES; seed += 1) {
    if (isLinearizable(taskRegister('stand'), history(seed, doubleGrants))) count += 1;
  }
  return count;
};

test(`${HISTORIES} honest histories of a task have an order`, () => {
  expect(accepted(0)).toBe(HISTORIES);
});

test('a generator that grants one claim in ten twice is rejected as often as it did so', () => {
  // About nine grants a history, so six histories in ten hold a double one.
  expect(accepted(0.1)).toBeLessThan(HISTORIES * 0.6);
  expect(accepted(1)).toBe(0);
});

test('a lease may lapse between two grants, and never jumps a fence', () => {
  const grants = (...fences: readonly number[]): readonly TaskCall[] =>
    fences.map((fence, i) => ({
      input: { kind: 'granted', fence },
      startedAt: i * 10,
      returned: { at: i * 10 + 5, output: 'told' },
    }));
  expect(isLinearizable(taskRegister('lapse'), grants(1, 2, 3))).toBe(true);
  expect(isLinearizable(taskRegister('stand'), grants(1, 2, 3))).toBe(false);
  expect(isLinearizable(taskRegister('lapse'), grants(1, 3))).toBe(false);
});
