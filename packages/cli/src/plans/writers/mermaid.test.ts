import { expect, test } from 'vitest';
import { readPlan } from '../read-plan.ts';
import { planToMermaid } from './mermaid.ts';

const read = (plan: object) => {
  const result = readPlan({ kind: 'text', name: 'p', text: JSON.stringify(plan) });
  if (result.kind === 'refused') throw new Error(JSON.stringify(result.issues));
  return result;
};

test('a drawing has a box for each phase with tasks, and says how many edges it leaves out', () => {
  const drawn = (length: number): string => {
    const all = Array.from({ length }, (_, at) => ({
      key: `n${at}`,
      title: 'N',
      dependsOn: Array.from({ length: at }, (_edge, to) => `n${to}`),
    }));
    return planToMermaid(read({ id: 'p', tasks: all }).plan);
  };
  expect(drawn(32)).not.toContain('are not drawn');
  expect(drawn(33)).toContain('28 edges are not drawn.');
  const phased = planToMermaid(
    read({
      id: 'p',
      phases: [{ id: 'one' }, { id: 'empty' }, { id: 'two', title: 'Second', autonomous: true }],
      tasks: [
        { key: 'a', title: 'A', phase: 'one' },
        { key: 'b', title: 'B', phase: 'two' },
      ],
    }).plan,
  );
  expect(phased).toContain('subgraph p0["one"]');
  expect(phased).toContain('subgraph p2["Second (needs approval)"]');
  expect(phased).not.toContain('p1[');
});
