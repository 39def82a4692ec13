/** Sets of capabilities: told apart, compared by share, and found without a look at all of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { enoughOf, matchPermilleOf } from '../kernel/matching.ts';
import {
  countHolders,
  countIn,
  createCapabilitySets,
  havesAt,
  holdersOf,
  internHaves,
  internNeeds,
  isEnough,
  needsAt,
  postedUnder,
  seenUnder,
} from './capabilities.ts';
import type { CapabilitySets } from './capabilities.ts';

const setsAt = (minMatchPermille: number): CapabilitySets => ({
  ...createCapabilitySets(),
  minMatchPermille,
});

/** Forty names, so that their bits stand in two words. */
const NAMES = Array.from({ length: 40 }, (_, i) => `skill:${i}`);
const names = fc.uniqueArray(fc.constantFrom(...NAMES), { maxLength: 12 });
const share = fc.nat(1_000);

describe('the share of needs that somebody has', () => {
  test('is |S∩R| ÷ |R|: of nothing it is everything, and it is rounded down', () => {
    expect(matchPermilleOf(0, 0)).toBe(1_000);
    expect([0, 1, 2, 3].map((has) => matchPermilleOf(has, 3))).toStrictEqual([0, 333, 666, 1_000]);
  });

  test('is enough from the threshold on; one need is asked for even where the threshold is nothing', () => {
    // 700 ‰ of 10 is 7 of them, of 3 all three (2.1 rounded up), and of a single one that one.
    expect([10, 3, 1, 0].map((count) => enoughOf(count, 700))).toStrictEqual([7, 3, 1, 0]);
    expect([4, 1, 0].map((count) => enoughOf(count, 0))).toStrictEqual([1, 1, 0]);
    expect([4, 1, 0].map((count) => enoughOf(count, 1_000))).toStrictEqual([4, 1, 0]);
    // 002: half of what is needed is refused at 0.7.
    expect(matchPermilleOf(1, 2) >= 700 || 1 >= enoughOf(2, 700)).toBe(false);
  });

  test('both say the same: enough is had where the share reaches the threshold', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), share, fc.nat(64), (count, permille, some) => {
        const has = Math.min(some, count);
        const byShare = has > 0 && has * 1_000 >= permille * count;
        expect(has >= enoughOf(count, permille)).toBe(byShare);
      }),
    );
  });
});

describe('interned sets', () => {
  test('are told apart by their members, not by their letters', () => {
    const sets = createCapabilitySets();
    const needs = [['a', 'b'], ['ab'], ['b', 'a', 'b'], []].map((list) => internNeeds(sets, list));
    expect(needs).toEqual([0, 1, 0, 2]);
    expect(sets.needs.map((one) => one.names)).toEqual([['a', 'b'], ['ab'], []]);
    const haves = [['b', 'a'], ['ab'], ['a', 'b', 'a'], []].map((list) => internHaves(sets, list));
    expect(haves).toEqual([0, 1, 0, 2]);
    expect(sets.haves.map((one) => [...one.names])).toEqual([['a', 'b'], ['ab'], []]);
  });

  test('what is covered is what sets of names say, whichever was known first', () => {
    // Property, by fast-check: bits against a count of names, needs before haves and the other way round.
    fc.assert(
      fc.property(names, names, share, fc.boolean(), (needed, had, permille, isNeedFirst) => {
        const sets = setsAt(permille);
        internNeeds(sets, ['before:all']);
        const first = isNeedFirst ? internNeeds(sets, needed) : undefined;
        const haves = internHaves(sets, had);
        const needs = first ?? internNeeds(sets, needed);
        const count = needed.filter((one) => had.includes(one)).length;
        expect(countIn(sets, haves, needs)).toBe(count);
        expect(isEnough(sets, haves, needs)).toBe(count >= enoughOf(needed.length, permille));
      }),
    );
  });

  test('who has enough sees the needs, under exactly one of their capabilities', () => {
    fc.assert(
      fc.property(names, names, share, (needed, had, permille) => {
        const sets = setsAt(permille);
        const needs = internNeeds(sets, needed);
        const haves = internHaves(sets, had);
        const seen = seenUnder(sets, haves, needs);
        const posted = postedUnder(sets, needs);
        if (needed.length === 0) expect([seen, posted]).toStrictEqual([-1, []]);
        else if (isEnough(sets, haves, needs)) {
          expect(posted).toContain(seen);
          expect(havesAt(sets, haves).ids).toContain(seen);
        } else if (seen !== -1) expect(posted).toContain(seen);
        // No longer than the prefix filter needs: one more than may be lacking.
        expect(posted).toHaveLength(
          needed.length === 0 ? 0 : needed.length - enoughOf(needed.length, permille) + 1,
        );
      }),
    );
  });

  test('defect: sets that were never interned, or a capability of none', () => {
    const sets = createCapabilitySets();
    expect(() => needsAt(sets, 0)).toThrow('needs that were not interned');
    expect(() => havesAt(sets, 0)).toThrow('capabilities that were not interned');
    internHaves(sets, ['a']);
    sets.holders.pop();
    expect(() => countHolders(sets, 0, 1)).toThrow('a capability that was not interned');
  });
});

test('holders are the open sessions that have a capability', () => {
  const sets = createCapabilitySets();
  const both = internHaves(sets, ['a', 'b']);
  const one = internHaves(sets, ['a']);
  for (const haves of [both, one, one]) countHolders(sets, haves, 1);
  countHolders(sets, one, -1);
  expect(['a', 'b', 'c'].map((name) => holdersOf(sets, name))).toStrictEqual([2, 1, 0]);
});
