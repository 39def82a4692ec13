import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { acceptedOf } from './accept.ts';
import { bytesOf, fit, fitRows, sliceText } from './fit.ts';
import type { JsonObject } from './fit.ts';
import { RESULT_BYTES_MAX } from './limits.ts';

/** Handles as long as they come, beside texts and lists of any size: method, random trees around fixed handles. */
const words = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', minLength: 3_000, maxLength: 20_000, size: 'max' }),
  fc.constant('"\\\u0001'.repeat(4_000)),
);
const views: fc.Arbitrary<JsonObject> = fc.record({
  taskId: fc.constant(`${'p'.repeat(64)}/${'k'.repeat(96)}`),
  fencingToken: fc.constant('f'.repeat(160)),
  task: fc.record({
    saidBy: fc.constant('the author'),
    data: fc.record({
      description: words,
      acceptance: fc.array(words, { maxLength: 20 }),
      dependsOn: fc.array(fc.constant('x'.repeat(150)), { maxLength: 1_000 }),
    }),
  }),
});

describe('fit', () => {
  test('property: whatever the view, it fits, keeps its handles and names what it cut', () => {
    fc.assert(
      fc.property(views, (view) => {
        const { value, truncated } = fit(view, RESULT_BYTES_MAX);
        expect(bytesOf(value)).toBeLessThanOrEqual(RESULT_BYTES_MAX);
        expect(value['taskId']).toBe(view['taskId']);
        expect(value['fencingToken']).toBe(view['fencingToken']);
        expect(truncated.length > 0).toBe(bytesOf(view) > RESULT_BYTES_MAX);
        for (const path of truncated) expect(path).toMatch(/^task\.data\./u);
      }),
      { numRuns: 60 },
    );
  });

  test('what fits stays the same object', () => {
    const view = { a: 'b' };
    expect(fit(view)).toEqual({ value: view, truncated: [] });
    expect(fit(view).value).toBe(view);
  });

  test('the largest part is cut first, and the small ones stay whole', () => {
    const { value, truncated } = fit({ short: 's'.repeat(250), long: 'l'.repeat(50_000) });
    expect(truncated).toEqual(['long']);
    expect(value['short']).toHaveLength(250);
  });

  test('no cut goes through the middle of a character', () => {
    expect(sliceText('a😀b', 0, 2)).toBe('a');
    expect(sliceText('a😀b', 0, 3)).toBe('a😀');
    const { value } = fit({ faces: '😀'.repeat(10_000) });
    const text = JSON.stringify(value);
    expect(text).not.toContain('\\ud83d');
    expect(Buffer.from(text).toString('utf8')).toBe(text);
  });
});

describe('fitRows', () => {
  const row = (id: string, chars: number): JsonObject => ({ id, text: 'x'.repeat(chars) });
  const idOf = ({ id }: JsonObject): string => (typeof id === 'string' ? id : '');

  test('rows that do not fit wait for the next page, which begins after the last that did', () => {
    const rows = ['a', 'b', 'c'].map((id) => row(id, 3_000));
    const page = fitRows({ rows, next: undefined }, { envelope: {}, idOf });
    expect(page.rows.map(idOf)).toEqual(['a', 'b']);
    expect(page.nextCursor).toBe('b');
  });

  test('where all fit, the cursor is the listing’s own', () => {
    const rows = [row('a', 10)];
    expect(fitRows({ rows, next: 'a' }, { envelope: {}, idOf })).toEqual({ rows, nextCursor: 'a' });
    expect(fitRows({ rows, next: undefined }, { envelope: {}, idOf })).toEqual({ rows });
  });

  test('one row goes out however large it is, so that paging ends', () => {
    const rows = [row('a', 9_000), row('b', 1)];
    const page = fitRows({ rows, next: undefined }, { envelope: {}, idOf });
    expect(page).toEqual({ rows: [rows[0]], nextCursor: 'a' });
  });
});

describe('acceptedOf', () => {
  const both = 'application/json, text/event-stream';
  test.each([
    [undefined, both],
    ['text/event-stream, application/json', both],
    ['*/*', both],
    ['text/*;q=0.1,application/json;charset=utf-8', both],
    ['application/json', 'application/json'],
    ['*/*, application/json;q=0', 'text/event-stream'],
    ['text/html', 'none/none'],
    ['', 'none/none'],
  ])('%s takes %s', (accept, taken) => {
    expect(acceptedOf(accept)).toBe(taken);
  });
});
