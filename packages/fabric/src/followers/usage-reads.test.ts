import { mkdtempSync, rmSync } from 'node:fs';
import type { Rejection } from '@infrafabric/protocol';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';

import type { CheckedFrame } from './checked-frame.ts';
import { IndexFollower } from './index-follower.ts';
import type { LogEntry } from './log-entry.ts';
import type { EntriesAnswer, HistoryAnswer, ReportAnswer } from './usage-answers.ts';
import { UsageReads } from './usage-reads.ts';
import { whereOf } from './usage-sql.ts';
import { USAGE_SCHEMA, UsageTable, type UsageRecorded } from './usage-table.ts';

const open: IndexFollower[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const index of open.splice(0)) index.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const usage = (more: Partial<UsageRecorded> = {}): UsageRecorded => {
  const { chargedMicroUsd = 10, overrunMicroUsd = 0 } = more;
  return {
    type: 'usage.recorded',
    basis: 'measured',
    planId: 'shop',
    taskId: 'shop/a',
    sessionId: 'ses_1',
    component: 'gateway',
    chargedMicroUsd,
    overrunMicroUsd,
    microUsd: chargedMicroUsd + overrunMicroUsd,
    ...more,
  };
};

/** Entry `index` at `at`, with the records, and an event of another kind between them. */
const entryOf = (index: number, at: number, records: readonly UsageRecorded[]): LogEntry =>
  ({
    index,
    at,
    epoch: 1,
    op: 'usage.record',
    args: {},
    cred: 'session',
    principal: 'ada',
    ids: [],
    events: [{ type: 'plan.paused', planId: 'shop' }, ...records],
  }) as unknown as LogEntry;

const frameOf = (first: number, count: number): CheckedFrame => ({
  first,
  count,
  previousLeaf: first === 0 ? 'genesis' : `leaf-${first - 1}`,
  leaves: Array.from({ length: count }, (_, i) => `leaf-${first + i}`),
  after: { size: first + count, leaf: `leaf-${first + count - 1}`, epoch: 1, atMs: 0 },
  bytes: Buffer.alloc(0),
  bounds: new Uint32Array(2 * count),
});

interface Opened {
  readonly index: IndexFollower;
  readonly reads: UsageReads;
}

const opened = (path = ':memory:'): Opened => {
  const index = new IndexFollower({ path, genesisLeaf: 'genesis' });
  open.push(index);
  return { index, reads: new UsageReads({ index, durable: () => 1e9 }) };
};

/** An index of entries; each is its time and its records. */
const indexed = (
  entries: readonly (readonly [at: number, ...records: UsageRecorded[]])[],
): Opened => {
  const made = opened();
  made.index.take(
    frameOf(0, entries.length),
    entries.map(([at, ...records], i) => entryOf(i, at, records)),
  );
  made.index.paused(entries.length);
  return made;
};

const isAnswer = <T extends object>(answer: T): answer is Exclude<T, Rejection> =>
  !('kind' in answer);
const ok = <T extends object>(answer: T): Exclude<T, Rejection> => {
  if (!isAnswer(answer)) throw new Error(JSON.stringify(answer));
  return answer;
};

const DAY = 86_400_000;
const MONDAY = Date.UTC(2026, 10, 16);

const small = (): Opened =>
  indexed([
    [MONDAY, usage({ model: 'opus', inputTokens: 5, outputTokens: 2, cachedTokens: 1 })],
    [MONDAY + 1],
    [
      MONDAY + DAY,
      usage({ model: 'haiku', swarmId: 'red', basis: 'reported', overrunMicroUsd: 3 }),
    ],
    [
      MONDAY + DAY,
      usage({ taskId: 'shop/b', sessionId: 'ses_2', chargedMicroUsd: 0, overrunMicroUsd: 7 }),
      usage({ planId: 'other', taskId: 'other/a', model: 'opus', component: 'tool' }),
    ],
    [MONDAY + 7 * DAY, usage({ model: 'opus', chargedMicroUsd: 100 })],
  ]);

describe('a report', () => {
  test('sums what was charged, overrun, measured and reported, with the first and last entry behind it', () => {
    const { rows, total, indexedTo, next } = ok(small().reads.report({ by: ['model'] }));
    expect(rows.map(({ group, microUsd, records }) => [group, microUsd, records])).toEqual([
      [{ model: '' }, 7, 1],
      [{ model: 'haiku' }, 13, 1],
      [{ model: 'opus' }, 120, 3],
    ]);
    expect(total).toEqual({
      microUsd: 140,
      chargedMicroUsd: 130,
      overrunMicroUsd: 10,
      measuredMicroUsd: 127,
      reportedMicroUsd: 13,
      inputTokens: 5,
      outputTokens: 2,
      cachedTokens: 1,
      records: 5,
      firstIndex: 0,
      lastIndex: 4,
    });
    expect([indexedTo, next]).toEqual([5, undefined]);
  });

  test('groups by up to three things, and days are those of UTC', () => {
    const { rows } = ok(small().reads.report({ by: ['day', 'plan', 'component'] }));
    expect(rows.map(({ group, firstIndex, lastIndex }) => [group, firstIndex, lastIndex])).toEqual([
      [{ day: '2026-11-16', plan: 'shop', component: 'gateway' }, 0, 0],
      [{ day: '2026-11-17', plan: 'other', component: 'tool' }, 3, 3],
      [{ day: '2026-11-17', plan: 'shop', component: 'gateway' }, 2, 3],
      [{ day: '2026-11-23', plan: 'shop', component: 'gateway' }, 4, 4],
    ]);
  });

  test.each([
    [{ planId: 'other' }, 10],
    [{ swarmId: 'red' }, 13],
    [{ swarmId: '' }, 127],
    [{ taskId: 'shop/b' }, 7],
    [{ sessionId: 'ses_1', model: 'opus' }, 120],
    [{ component: 'tool' }, 10],
    [{ since: MONDAY + 1 }, 130],
    [{ until: MONDAY + DAY }, 40],
    [{ until: MONDAY + DAY - 1 }, 10],
    [{ since: MONDAY + 8 * DAY }, 0],
    [{ before: 3 }, 23],
    [{ planId: 'shop', since: MONDAY + DAY, until: MONDAY + DAY, before: 4 }, 20],
  ])('of %j is %i micro-dollars', (filter, microUsd) => {
    const { rows, total } = ok(small().reads.report({ by: ['task'], ...filter }));
    expect(total.microUsd).toBe(microUsd);
    expect(rows.reduce((sum, row) => sum + row.microUsd, 0)).toBe(microUsd);
  });

  test('of nothing has no entries behind it', () => {
    const { rows, total } = ok(opened().reads.report({ by: ['plan'] }));
    expect([rows, total.records, total.microUsd, total.firstIndex]).toEqual([[], 0, 0, undefined]);
  });

  test('does not speak of entries that the leader has not called durable', () => {
    const { index } = small();
    const reads = new UsageReads({ index, durable: () => 3 });
    const { total, indexedTo } = ok(reads.report({ by: ['plan'] }));
    expect([total.microUsd, indexedTo]).toEqual([23, 3]);
  });
});

describe('a history', () => {
  test.each([
    ['hour', [MONDAY, MONDAY + DAY, MONDAY + 7 * DAY], [10, 30, 100]],
    ['day', [MONDAY, MONDAY + DAY, MONDAY + 7 * DAY], [10, 30, 100]],
    ['week', [MONDAY, MONDAY + 7 * DAY], [40, 100]],
  ] as const)('by the %s begins its steps where they begin in UTC', (bucket, from, money) => {
    const { rows } = ok(small().reads.history({ bucket }));
    expect(rows.map((row) => row.from)).toEqual(from);
    expect(rows.map((row) => row.microUsd)).toEqual(money);
    expect(rows[0]?.group).toBeUndefined();
  });

  test('a Sunday belongs to the week of the Monday before it', () => {
    const late = indexed([
      [MONDAY - 1, usage()],
      [MONDAY + 7 * DAY - 1, usage()],
    ]);
    const { rows } = ok(late.reads.history({ bucket: 'week' }));
    expect(rows.map(({ from }) => from)).toEqual([MONDAY - 7 * DAY, MONDAY]);
  });

  test('has a row for each group of a step', () => {
    const { rows } = ok(small().reads.history({ bucket: 'week', by: 'swarm' }));
    expect(rows.map(({ from, group, microUsd }) => [from, group, microUsd])).toEqual([
      [MONDAY, { swarm: '' }, 27],
      [MONDAY, { swarm: 'red' }, 13],
      [MONDAY + 7 * DAY, { swarm: '' }, 100],
    ]);
  });
});

test('entries are the records in the order of the log, without what they do not name', () => {
  const { entries } = ok(small().reads.entries({ planId: 'shop', since: MONDAY + DAY, before: 4 }));
  expect(entries).toEqual([
    {
      index: 2,
      at: MONDAY + DAY,
      planId: 'shop',
      taskId: 'shop/a',
      sessionId: 'ses_1',
      swarmId: 'red',
      model: 'haiku',
      component: 'gateway',
      basis: 'reported',
      microUsd: 13,
      chargedMicroUsd: 10,
      overrunMicroUsd: 3,
      inputTokens: 0,
      outputTokens: 0,
      cachedTokens: 0,
    },
    expect.objectContaining({ index: 3, taskId: 'shop/b', microUsd: 7 }),
  ]);
  expect(entries[1]).not.toHaveProperty('swarmId');
  expect(entries[1]).not.toHaveProperty('model');
});

test('a burn is what was spent in the window, and when the first record ever was', () => {
  const { reads } = small();
  expect(reads.burn({ planId: 'shop', since: MONDAY + DAY })).toEqual({
    microUsd: 120,
    records: 3,
    firstAt: MONDAY,
    indexedTo: 5,
  });
  expect(reads.burn({ planId: 'none' })).toEqual({ microUsd: 0, records: 0, indexedTo: 5 });
});

const Records = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 3 * DAY }),
    fc.array(
      fc.record({
        planId: fc.constantFrom('p', 'q'),
        taskId: fc.constantFrom('p/a', 'p/b', 'q/ü'),
        model: fc.constantFrom('', 'm', 'M'),
        chargedMicroUsd: fc.integer({ min: 0, max: 1_000_000 }),
        overrunMicroUsd: fc.integer({ min: 0, max: 1_000 }),
        basis: fc.constantFrom('measured' as const, 'reported' as const),
      }),
      { maxLength: 3 },
    ),
  ),
  { maxLength: 30 },
);

/** All pages of a question, each of at most `limit` rows. */
const paged = <A extends { readonly next?: string }>(
  ask: (after: string | undefined) => A,
): readonly A[] => {
  const pages: A[] = [];
  let after: string | undefined;
  // Ends: each page begins behind the last row of the one before it.
  do {
    const page = ask(after);
    pages.push(page);
    after = page.next;
  } while (after !== undefined);
  return pages;
};

// Property: against a sum over the list itself; pages of any size are the whole answer, each row once.
test('R3: sums are those of the records, in pages of any size', () => {
  fc.assert(
    fc.property(Records, fc.integer({ min: 1, max: 4 }), (made, limit) => {
      const entries = made.toSorted(([one], [other]) => one - other);
      const records = entries.flatMap(([at, list], index) =>
        list.map((one) => ({ at, index, ...usage(one) })),
      );
      const { reads } = indexed(
        entries.map(([at, list]) => [at, ...list.map((one) => usage(one))] as const),
      );
      const sum = new Map<string, number>();
      for (const { taskId, model = '', microUsd } of records) {
        const key = JSON.stringify([taskId, model]);
        sum.set(key, (sum.get(key) ?? 0) + microUsd);
      }
      const reports = paged<ReportAnswer>((after) =>
        ok(reads.report({ by: ['task', 'model'], limit, after })),
      );
      const rows = reports.flatMap((page) => page.rows);
      expect(
        Object.fromEntries(
          rows.map(({ group, microUsd }) => [JSON.stringify(Object.values(group)), microUsd]),
        ),
      ).toEqual(Object.fromEntries(sum));
      expect(rows.length).toBe(sum.size);
      const total = records.reduce((all, { microUsd }) => all + microUsd, 0);
      for (const page of reports) expect(page.total.microUsd).toBe(total);
      const listed = paged<EntriesAnswer>((after) => ok(reads.entries({ limit, after })));
      expect(
        listed.flatMap((page) => page.entries.map(({ index, microUsd }) => [index, microUsd])),
      ).toEqual(records.map(({ index, microUsd }) => [index, microUsd]));
      const steps = paged<HistoryAnswer>((after) =>
        ok(reads.history({ bucket: 'hour', by: 'plan', limit, after })),
      );
      const flat = steps.flatMap((page) => page.rows);
      expect(flat.reduce((all, { microUsd }) => all + microUsd, 0)).toBe(total);
      expect(new Set(flat.map(({ from, group }) => JSON.stringify([from, group]))).size).toBe(
        flat.length,
      );
      open.splice(0).forEach((index) => index.close());
    }),
    { numRuns: 60 },
  );
});

test.each([
  '',
  'x',
  'WzFd',
  Buffer.from('["a",1.5]').toString('base64url'),
  Buffer.from('{}').toString('base64url'),
])('a place that no answer gave is refused: %j', (after) => {
  const { reads } = small();
  const code = expect.objectContaining({ code: 'request.invalid' });
  expect(reads.report({ by: ['plan'], after })).toEqual(code);
  expect(reads.history({ bucket: 'day', by: 'plan', after })).toEqual(code);
  expect(reads.entries({ after })).toEqual(code);
});

describe('the rows are derived', () => {
  const path = (): string => {
    const folder = mkdtempSync(join(tmpdir(), 'ifab-usage-'));
    folders.push(folder);
    return join(folder, 'index.db');
  };

  test('V2: they stand in the same transaction as the index: both come back, or neither', () => {
    const file = path();
    const { index, reads } = opened(file);
    index.take(frameOf(0, 2), [entryOf(0, 1, [usage()]), entryOf(1, 2, [usage()])]);
    index.paused(2);
    const other = new DatabaseSync(file);
    other.exec(
      "CREATE TRIGGER broken BEFORE UPDATE ON place BEGIN SELECT RAISE(ABORT, 'scripted'); END",
    );
    index.take(frameOf(2, 1), [entryOf(2, 3, [usage()])]);
    expect(ok(reads.entries({})).entries.length).toBe(3);
    expect(() => index.paused(3)).toThrow(/scripted/);
    expect([ok(reads.entries({})).entries.length, index.position]).toEqual([2, 2]);
    other.exec('DROP TRIGGER broken');
    other.close();
    index.take(frameOf(2, 1), [entryOf(2, 3, [usage()])]);
    index.paused(3);
    expect(ok(reads.entries({})).entries.length).toBe(3);
  });

  test('an index of the form before is made again, and its records with it', () => {
    const file = path();
    const { index } = opened(file);
    index.take(frameOf(0, 1), [entryOf(0, 1, [usage()])]);
    index.paused(1);
    index.close();
    open.length = 0;
    const old = new DatabaseSync(file);
    old.exec("DROP TABLE usage; UPDATE place SET form = 'ifab-index/1'");
    old.close();
    const again = opened(file);
    expect([again.index.position, ok(again.reads.entries({})).entries]).toEqual([0, []]);
    again.index.take(frameOf(0, 1), [entryOf(0, 1, [usage()])]);
    expect(ok(again.reads.entries({})).entries.length).toBe(1);
    again.index.rebuild();
    expect(ok(again.reads.entries({})).entries).toEqual([]);
  });

  test('V1: an entry that is taken twice is there once; what is no number is refused by the table', () => {
    const database = new DatabaseSync(':memory:');
    database.exec(USAGE_SCHEMA);
    const table = new UsageTable(database);
    table.add(entryOf(0, 1, [usage()]));
    table.add(entryOf(0, 1, [usage()]));
    expect(table.all('SELECT * FROM usage', []).length).toBe(1);
    const wrong = usage({ chargedMicroUsd: 1.5 });
    expect(() => table.add(entryOf(1, 1, [wrong]))).toThrow(/REAL value in INTEGER column/);
    database.close();
  });
});

test('a sum beyond 2^53 micro-dollars is a failure, not a number that is nearly right', () => {
  const most = usage({ chargedMicroUsd: Number.MAX_SAFE_INTEGER });
  const { reads } = indexed([
    [1, most],
    [2, usage({ taskId: 'shop/b', chargedMicroUsd: 1 })],
  ]);
  expect(() => reads.report({ by: ['plan'] })).toThrow(/too large to be represented/);
  // Also where each group alone is exact.
  expect(() => reads.report({ by: ['task'] })).toThrow(/too large to be represented/);
});

describe('V3: an index serves what narrows a question', () => {
  const plan = (filter: object): string => {
    const { index } = small();
    const { sql, values } = whereOf(index.usage, filter, 5);
    const rows = index.usage.all(
      `EXPLAIN QUERY PLAN SELECT SUM(micro) FROM usage WHERE ${sql}`,
      values,
    );
    return rows.map((row) => String(row['detail'])).join('; ');
  };
  test.each([
    [{ planId: 'shop' }, 'usage_plan (plan=? AND idx>? AND idx<?)'],
    [{ swarmId: 'red', since: 1 }, 'usage_swarm (swarm=? AND idx>? AND idx<?)'],
    [{ taskId: 'shop/a' }, 'usage_task (task=? AND idx>? AND idx<?)'],
    [{ sessionId: 'ses_1' }, 'usage_session (session=? AND idx>? AND idx<?)'],
    [{ since: 1, until: 2 }, 'PRIMARY KEY (idx>? AND idx<?)'],
  ])('%j', (filter, index) => {
    expect(plan(filter)).toContain(`SEARCH usage USING`);
    expect(plan(filter)).toContain(index);
  });
});
