/** Sets of capabilities: told apart, compared by share, and looked at once by whoever asks. */
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
  shareOf,
  suitedBy,
  SUITS_KEPT_MAX,
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

  test('what somebody can do is every set of needs of which they have enough, whenever it was interned', () => {
    const lists = fc.array(names, { maxLength: 20 });
    fc.assert(
      fc.property(lists, lists, names, share, share, (before, after, had, permille, then) => {
        const sets = setsAt(permille);
        const haves = internHaves(sets, had);
        const expected = (): unknown => {
          const all = sets.needs.map((_, i) => i).filter((i) => isEnough(sets, haves, i));
          return { needs: all, permilles: all.map((i) => shareOf(sets, haves, i)) };
        };
        for (const list of before) internNeeds(sets, list);
        expect(suitedBy(sets, haves)).toMatchObject(expected() as object);
        for (const list of after) internNeeds(sets, list);
        expect(suitedBy(sets, haves)).toMatchObject(expected() as object);
        sets.minMatchPermille = then;
        expect(suitedBy(sets, haves)).toMatchObject(expected() as object);
      }),
    );
  });

  test('what everybody can do is forgotten where it would take too much memory, and found again', () => {
    const sets = setsAt(1_000);
    const skills = NAMES.slice(0, 11);
    for (let n = 0; n < 2 ** skills.length; n += 1)
      internNeeds(
        sets,
        skills.filter((_, i) => (n >> i) % 2 === 1),
      );
    const able = (n: number): number => internHaves(sets, [...skills, `own:${n}`]);
    const first = suitedBy(sets, able(0));
    expect(first.needs).toHaveLength(sets.needs.length);
    const holds = Math.floor(SUITS_KEPT_MAX / sets.needs.length);
    for (let n = 1; n < holds; n += 1) suitedBy(sets, able(n));
    expect(suitedBy(sets, able(0))).toBe(first);
    suitedBy(sets, able(holds));
    expect(suitedBy(sets, able(0))).not.toBe(first);
    expect(suitedBy(sets, able(0))).toStrictEqual(first);
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
