/** What size does to a read. Measured spans are bounds with room, not claims; the work is linear in rows and edges. */
import { expect, test } from 'vitest';
import { readPlan } from './read-plan.ts';

const rows = (count: number): string =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      id: `x-${i}`,
      title: 't',
      parent: `x-${i - 1}`,
      deps: [`parent-child:x-${i - 1}`, ...(i < 50 ? [] : [`x-${i - 7}`, `x-${i - 50}`])],
    }),
  ).join('\n');

test('the largest plan of one submit is read and reported within seconds', () => {
  const startMs = performance.now();
  const result = readPlan({ kind: 'text', name: 'large', text: rows(20_000) });
  expect(performance.now() - startMs).toBeLessThan(15_000);
  expect(result).toMatchObject({
    kind: 'plan',
    report: { tasks: 20_000, longestChain: { tasks: 2_851 } },
  });
});

test('a source of more rows than the stack has room is counted, and refused for its size', () => {
  const result = readPlan({ kind: 'text', name: 'huge', text: rows(150_000) });
  expect(result).toMatchObject({
    kind: 'refused',
    report: { tasks: 150_000 },
    issues: [{ path: 'tasks', mend: 'at most 20000 entries' }],
  });
});
