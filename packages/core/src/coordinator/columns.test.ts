import { expect, test } from 'vitest';
import { createEdges, createTasks, phaseName, reserveEdges, reserveTasks } from './columns.ts';

test('room that is there already copies no column', () => {
  const tasks = createTasks();
  reserveTasks(tasks, 10);
  const { phase, firstDependency } = tasks;
  reserveTasks(tasks, 64);
  expect(tasks.phase).toBe(phase);
  expect(tasks.firstDependency).toBe(firstDependency);
  const edges = createEdges();
  reserveEdges(edges, 10);
  const { on } = edges;
  reserveEdges(edges, 64);
  expect(edges.on).toBe(on);
});

test('defect: a task stands in a phase that has no name', () => {
  const tasks = createTasks();
  reserveTasks(tasks, 1);
  tasks.phase[0] = 8;
  expect(() => phaseName(tasks, 0)).toThrow('a task in no phase');
});
