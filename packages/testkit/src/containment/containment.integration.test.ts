import { expect, test } from 'vitest';
import { caseNumbers, runSuite } from './suite.ts';

/** Cases that take no second each, one or two of every group that has such. */
const QUICK = [6, 14, 16, 22, 37, 39, 41, 48, 54, 58, 67, 71, 74, 75, 76, 93, 94, 95];

test('every case has its number, once', () => {
  expect(caseNumbers()).toEqual(Array.from({ length: 99 }, (_, at) => at + 1));
});

/** Where there are no namespaces the suite itself says which level it found; here it is about the cases. */
test('quick cases of every group are contained, and nothing is left behind', async () => {
  const report = await runSuite({ node: process.execPath, only: new Set(QUICK) });
  expect(report.results.filter(({ verdict }) => verdict !== 'contained')).toEqual([]);
  expect(report.results).toHaveLength(QUICK.length);
  expect(report.parent.orphans).toBe(0);
  expect(report.parent.neighbourRuns).toBeGreaterThan(0);
});
