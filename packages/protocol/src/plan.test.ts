import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PlanSpec } from './plan.ts';

const PLAN = {
  format: 'ifab-plan/1',
  id: 'p',
  title: 'P',
  budget: { limitMicroUsd: 5 },
  phases: [
    {
      id: 'one',
      after: [],
      autonomous: true,
      gate: { checks: [{ name: 'ci', run: { shell: 'x', cwd: 'y' } }], approvals: 1 },
    },
  ],
  tasks: [
    {
      key: 'a',
      title: 'A',
      description: 'd',
      priority: 1,
      dependsOn: ['b', 'q/c'],
      needs: ['rust'],
      repo: '.',
      owns: ['src/**'],
      run: { shell: 'make', env: { B: '1', A: '2' }, timeoutMs: 5 },
      gates: [{ name: 'lint', run: { shell: 'lint' } }],
      expects: ['diff'],
      budget: { limitMicroUsd: 1, estimateMicroUsd: 1 },
      estimateMinutes: 1.2,
      imported: { status: 'open', done: false },
    },
    { key: 'b', title: 'B' },
  ],
};

/** The same value with the members of every object in another order, by seed. */
const shuffled = (value: unknown, seed: number): unknown => {
  if (Array.isArray(value)) return value.map((item) => shuffled(item, seed));
  if (typeof value !== 'object' || value === null) return value;
  const weight = (key: string): number =>
    Math.imul((key.charCodeAt(0) * 31 + key.length) ^ seed, 0x9e37_79b1) >>> 0;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => weight(a) - weight(b))
      .map(([key, member]) => [key, shuffled(member, seed)]),
  );
};

describe('the plan format', () => {
  test('a parsed plan has its members in the order of the schema, however it was written', () => {
    // Only `env` keeps the order of its names, which are data; a digest is made of the sorted text.
    const tasks = PLAN.tasks.map((task) => ({ ...task, run: { timeoutMs: 5, shell: 'make' } }));
    const plain = { ...PLAN, tasks };
    const text = JSON.stringify(PlanSpec.parse(plain));
    let changed = 0;
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const other = shuffled(plain, seed);
        if (JSON.stringify(other) !== JSON.stringify(plain)) changed += 1;
        expect(JSON.stringify(PlanSpec.parse(other))).toBe(text);
      }),
    );
    expect(changed).toBeGreaterThan(50);
  });

  test('parsing what was parsed changes nothing', () => {
    const once = PlanSpec.parse(PLAN);
    expect(JSON.stringify(PlanSpec.parse(once))).toBe(JSON.stringify(once));
    expect(once.tasks[0]?.estimateMinutes).toBe(2);
  });

  test.each([
    ['an unknown member', { ...PLAN, budgets: 1 }],
    ['another format', { ...PLAN, format: 'ifab-plan/2' }],
    ['a name in capitals', { ...PLAN, id: 'P' }],
    ['a task without a title', { ...PLAN, tasks: [{ key: 'a' }] }],
    ['an urgency below nought', { ...PLAN, tasks: [{ key: 'a', title: 'A', priority: -1 }] }],
    [
      'more attempts than allowed',
      { ...PLAN, tasks: [{ key: 'a', title: 'A', attemptsMax: 101 }] },
    ],
    [
      'a lease beyond the longest',
      { ...PLAN, tasks: [{ key: 'a', title: 'A', leaseMs: 3_600_001 }] },
    ],
    [
      'more tasks than one call takes',
      { ...PLAN, tasks: Array.from({ length: 20_001 }, () => ({ key: 'a', title: 'A' })) },
    ],
  ])('refuses %s', (_, plan) => {
    expect(PlanSpec.safeParse(plan).success).toBe(false);
  });
});
