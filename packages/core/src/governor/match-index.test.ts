import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addCandidate, bestMatches, createMatchIndex, dropCandidate } from './match-index.ts';
import type { Candidate, MatchIndex } from './match-index.ts';
import { meritOf } from './swarm.ts';

const candidate = (id: string, merit: number, ...capabilities: string[]): Candidate => ({
  id,
  merit,
  capabilities: new Set(capabilities),
});

const indexOf = (...candidates: readonly Candidate[]): MatchIndex => {
  const index = createMatchIndex();
  for (const one of candidates) addCandidate(index, one);
  return index;
};

const all = (): boolean => true;

const best = (
  index: MatchIndex,
  needs: readonly string[],
  { minMatchPermille = 700, limit = 10, but = '' } = {},
): string[] =>
  bestMatches(index, { needs, minMatchPermille, limit }, ({ id }) => id !== but).map(
    (match) => match.candidate.id,
  );

describe('the best for what is needed', () => {
  test('a containment: a generalist is no worse for what else it can, where Jaccard would give 0.5', () => {
    const index = indexOf(candidate('generalist', 8, 'a', 'b', 'c', 'd'));
    const [match] = bestMatches(
      index,
      { needs: ['a', 'b'], minMatchPermille: 1_000, limit: 1 },
      all,
    );
    expect(match).toMatchObject({ has: 2, score: 8 });
  });

  test('half of the needs is no match at 700, and one at 500', () => {
    const index = indexOf(candidate('half', 1, 'a'));
    expect(best(index, ['a', 'b'])).toStrictEqual([]);
    expect(best(index, ['a', 'b'], { minMatchPermille: 500 })).toStrictEqual(['half']);
  });

  test('a better match can beat a better merit, and ties go by id (O2)', () => {
    const index = indexOf(
      candidate('dear', 2, 'a', 'b', 'c', 'd'),
      candidate('cheap', 2.5, 'a', 'b', 'c'),
      candidate('dear2', 2, 'a', 'b', 'c', 'd'),
    );
    expect(best(index, ['a', 'b', 'c', 'd'])).toStrictEqual(['dear', 'dear2', 'cheap']);
    expect(best(index, ['a', 'b', 'c', 'd'], { limit: 1 })).toStrictEqual(['dear']);
  });

  test('an equal score with a smaller id stands before it, though its merit comes later in the list', () => {
    const index = indexOf(candidate('z', 4, 'a'), candidate('y', 2, 'a', 'b'));
    expect(best(index, ['a', 'b'], { minMatchPermille: 500, limit: 1 })).toStrictEqual(['y']);
  });

  test('a free swarm comes first, whatever the others cost', () => {
    const priced = (swarmId: string, costPerHourMicroUsd: number, reputationPermille: number) =>
      candidate(
        swarmId,
        meritOf({
          profile: {
            swarmId,
            capabilities: ['go'],
            costPerHourMicroUsd,
            reputationPermille,
          },
        } as unknown as Parameters<typeof meritOf>[0]),
        'go',
      );
    const index = indexOf(priced('cheap', 2, 1_000), priced('free', 0, 501), priced('one', 1, 501));
    expect(best(index, ['go'])).toStrictEqual(['free', 'one', 'cheap']);
  });

  test('who needs nothing is served by everybody, in the order of merit', () => {
    const index = indexOf(candidate('b', 1), candidate('a', 1, 'x'), candidate('c', 9));
    expect(best(index, [])).toStrictEqual(['c', 'a', 'b']);
    expect(best(index, [], { limit: 2, but: 'c' })).toStrictEqual(['a', 'b']);
    expect(best(createMatchIndex(), [])).toStrictEqual([]);
  });

  test('at a threshold of nothing one need is still asked for, at a thousand all of them', () => {
    const index = indexOf(
      candidate('one', 9, 'a'),
      candidate('both', 1, 'a', 'b'),
      candidate('no', 99),
    );
    expect(best(index, ['a', 'b'], { minMatchPermille: 0 })).toStrictEqual(['one', 'both']);
    expect(best(index, ['a', 'b'], { minMatchPermille: 1_000 })).toStrictEqual(['both']);
  });

  test('a limit of nought finds nobody', () => {
    expect(best(indexOf(candidate('a', 1, 'x')), ['x'], { limit: 0 })).toStrictEqual([]);
  });
});

describe('entering and leaving', () => {
  test('a candidate that is entered again is there once, with what it can now', () => {
    const index = indexOf(candidate('a', 1, 'x', 'y'), candidate('a', 2, 'y', 'z'));
    expect(best(index, ['x'])).toStrictEqual([]);
    expect(best(index, ['z'])).toStrictEqual(['a']);
    expect(index.all).toHaveLength(1);
    expect([...index.byCapability.keys()].toSorted()).toStrictEqual(['y', 'z']);
  });

  test('the last to leave takes its lists along; who is not there leaves nothing behind', () => {
    const index = indexOf(candidate('a', 1, 'x'), candidate('b', 1, 'x'));
    dropCandidate(index, 'a');
    dropCandidate(index, 'nobody');
    expect(best(index, ['x'])).toStrictEqual(['b']);
    dropCandidate(index, 'b');
    expect(index).toStrictEqual(createMatchIndex());
  });
});

const SKILLS = ['a', 'b', 'c', 'd', 'e', 'f'];
const IDS = 'klmnopqrstuvwxyz'.split('');
const skills = fc.subarray(SKILLS);
/** Few ids and few merits, so that candidates are entered again, and tie. */
const anyCandidate = fc.record({
  id: fc.constantFrom(...IDS),
  merit: fc.constantFrom(0, 0.000_475, 0.5, 1, 1.5, 2, 3, 950),
  capabilities: skills,
  drop: fc.boolean(),
});

describe('against a scan of everybody', () => {
  test('the same matches in the same order, after any entering and leaving', () => {
    fc.assert(
      fc.property(
        fc.array(anyCandidate, { maxLength: 40 }),
        skills,
        fc.constantFrom(0, 1, 333, 334, 500, 667, 700, 1_000),
        fc.integer({ min: 1, max: 5 }),
        fc.subarray(IDS),
        (moves, needs, minMatchPermille, limit, excluded) => {
          const index = createMatchIndex();
          const known = new Map<string, Candidate>();
          for (const { id, merit, capabilities, drop } of moves) {
            if (drop) {
              known.delete(id);
              dropCandidate(index, id);
            } else {
              known.set(id, candidate(id, merit, ...capabilities));
              addCandidate(index, candidate(id, merit, ...capabilities));
            }
          }
          const expected = [...known.values()]
            .map((one) => ({
              id: one.id,
              merit: one.merit,
              has: needs.filter((need) => one.capabilities.has(need)).length,
            }))
            .filter(({ id }) => !excluded.includes(id))
            .filter(
              ({ has }) =>
                needs.length === 0 || (has > 0 && has * 1_000 >= needs.length * minMatchPermille),
            )
            .map(({ id, merit, has }) => ({
              id,
              has,
              score: (needs.length === 0 ? 1 : has / needs.length) * merit,
            }))
            .toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
            .slice(0, limit);
          const found = bestMatches(
            index,
            { needs, minMatchPermille, limit },
            ({ id }) => !excluded.includes(id),
          ).map(({ candidate: { id }, has, score }) => ({ id, has, score }));
          expect(found).toStrictEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });
});
