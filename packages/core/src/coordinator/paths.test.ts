import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addOwner,
  createPathIndex,
  globFault,
  globsOverlap,
  overlapping,
  segmentsOf,
} from './paths.ts';

/** All paths of up to three segments over names that the patterns below can tell apart. */
const NAMES = ['', 'a', 'b', 'ab', 'ba', 'abb'].filter((name) => name !== '');
const PATHS: readonly string[] = NAMES.flatMap((one) => [
  one,
  ...NAMES.flatMap((two) => [`${one}/${two}`, ...NAMES.map((three) => `${one}/${two}/${three}`)]),
]);

/** A glob as a regular expression: another reading of the same words, by the engine's own matcher. */
const regexOf = (segments: readonly string[]): RegExp => {
  const source = segments
    .map((segment) =>
      segment === '**'
        ? '(?:[^/]+/)*'
        : `${segment.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}/`,
    )
    .join('');
  return new RegExp(`^${source}$`);
};

const matches = (segments: readonly string[], path: string): boolean =>
  regexOf(segments).test(`${path}/`);

const segment = fc.constantFrom('a', 'b', 'ab', '*', '**', 'a*', '*b', '?', 'a?', '?b*');
const glob = fc.array(segment, { minLength: 1, maxLength: 3 });

describe('path ownership', () => {
  test('two globs overlap exactly when some path matches both: against all short paths', () => {
    // Property: whatever short path both match, they overlap; and where they overlap a short path shows it, since
    // every pattern here is met by names of at most three letters and three segments.
    fc.assert(
      fc.property(glob, glob, (a, b) => {
        const shared = PATHS.find((path) => matches(a, path) && matches(b, path));
        if (shared !== undefined) expect(globsOverlap(a, b), shared).toBe(true);
        else if (globsOverlap(a, b))
          expect(onlyLonger(a, b), `${a.join('/')} ${b.join('/')}`).toBe(true);
        expect(globsOverlap(a, b)).toBe(globsOverlap(b, a));
      }),
      { numRuns: 2_000 },
    );
  });

  /** Two globs of which every common path has four segments or more, or none at all. */
  const onlyLonger = (a: readonly string[], b: readonly string[]): boolean => {
    const least = (segments: readonly string[]): number =>
      segments.filter((one) => one !== '**').length;
    return least(a) + least(b) > 3 || least(a) + least(b) === 0;
  };

  test.each([
    ['src', 'src/a/b.ts', true],
    ['src/', 'src/a.ts', true],
    ['src/a.ts', 'src/b.ts', false],
    ['./src/a', 'src/a', true],
    ['**', 'x/y', true],
    ['**/x.ts', 'src/x.ts', true],
    ['src/*.ts', 'src/a/b.ts', false],
    ['src/a*c', 'src/abc', true],
    ['src/?', 'src/ab', false],
    ['src/{a,b}/x', 'src/b/x', true],
    ['src/{a,{b,c}}/x', 'src/c/x', true],
    ['src/{a,b/c}/x', 'src/b/c/x', true],
    ['lib/{a', 'lib/z', true],
    ['app/[id]/page', 'app/users/page', true],
    ['docs', 'docs-old', false],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect(globsOverlap(segmentsOf(a), segmentsOf(b))).toBe(expected);
    expect(globsOverlap(segmentsOf(b), segmentsOf(a))).toBe(expected);
  });

  test('a name owns what is below it, and the last segment is always a pattern', () => {
    expect(segmentsOf('src//./a')).toStrictEqual(['src', 'a', '**']);
    expect(segmentsOf('src/*')).toStrictEqual(['src', '*']);
    expect(segmentsOf('x/{a,b/c}/y')).toStrictEqual(['x', '**']);
  });

  test('what cannot be owned is refused with a sentence', () => {
    expect(globFault('/etc')).toBe('the path "/etc" is absolute; give it below the repository');
    expect(globFault('a/../b')).toBe('the path "a/../b" leaves the repository');
    expect(globFault('.')).toBe('an owned path is empty; write "**" for the whole repository');
    const deep = Array.from({ length: 65 }, () => 'aa').join('/');
    expect(globFault(deep)).toBe(`the path "${deep.slice(0, 40)}…" has more than 64 segments`);
    expect(globFault(deep.slice(3))).toBeUndefined();
    expect(globFault('src/**')).toBeUndefined();
  });

  test('the index finds what comparing with every owner finds', () => {
    const owner = fc.record({
      repo: fc.constantFrom('', 'lib'),
      owns: fc.array(
        fc.constantFrom(
          'src',
          'src/a',
          'src/a/b.ts',
          'src/*.ts',
          '**/b.ts',
          'docs/**',
          'src/?/b.ts',
          '**',
        ),
        { minLength: 1, maxLength: 3 },
      ),
    });
    fc.assert(
      fc.property(fc.array(owner, { maxLength: 12 }), owner, (owners, asked) => {
        const index = createPathIndex();
        for (const [task, { repo, owns }] of owners.entries())
          addOwner(index, repo, { task, owns });
        const expected = owners.flatMap(({ repo, owns }, task) =>
          repo === asked.repo &&
          owns.some((a) => asked.owns.some((b) => globsOverlap(segmentsOf(a), segmentsOf(b))))
            ? [task]
            : [],
        );
        const found = overlapping(index, asked.repo, { task: -1, owns: asked.owns });
        expect(found.toSorted((a, b) => a - b)).toStrictEqual(expected);
        for (const task of expected)
          expect(overlapping(index, asked.repo, { task, owns: asked.owns })).not.toContain(task);
      }),
      { numRuns: 500 },
    );
    expect(overlapping(createPathIndex(), '', { task: 0, owns: ['a'] })).toStrictEqual([]);
  });
});
