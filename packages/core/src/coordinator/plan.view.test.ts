import { describe, expect, test } from 'vitest';
import { PHASE } from './columns.ts';
import { countsOf, page } from './plan.view.ts';

describe('counts', () => {
  test('are named by phase, with their sum', () => {
    const counts = Object.values(PHASE).map((phase) => 2 ** phase);
    expect(countsOf(counts)).toStrictEqual({
      total: 255,
      waiting: 1,
      ready: 2,
      leased: 4,
      blocked: 8,
      submitted: 16,
      parked: 32,
      done: 64,
      cancelled: 128,
    });
  });

  test('of fewer phases than there are, are a defect', () => {
    expect(() => countsOf([1, 2])).toThrow('a count of no phase');
  });
});

describe('a page', () => {
  const items = [1, 2, 3, 4, 5];
  const show = { id: (item: number) => `i${item}`, row: (item: number) => item * 10 };

  test('says where to go on only where there is more', () => {
    expect(page(items, { limit: 2 }, show)).toStrictEqual({ rows: [10, 20], next: 'i2' });
    expect(page(items, { limit: 2, after: 'i2' }, show)).toStrictEqual({
      rows: [30, 40],
      next: 'i4',
    });
    expect(page(items, { limit: 2, after: 'i4' }, show)).toStrictEqual({ rows: [50] });
    expect(page(items, { limit: 5 }, show)).toStrictEqual({ rows: [10, 20, 30, 40, 50] });
    expect(page(items, { limit: 5, after: 'i9' }, show)).toStrictEqual({ rows: [] });
  });

  test('counts only what is kept, and goes on behind what is not', () => {
    const odd = { ...show, keep: (item: number) => item % 2 === 1 };
    expect(page(items, { limit: 2 }, odd)).toStrictEqual({ rows: [10, 30], next: 'i3' });
    expect(page(items, { limit: 2, after: 'i2' }, odd)).toStrictEqual({ rows: [30, 50] });
  });
});
