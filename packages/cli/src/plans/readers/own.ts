/** Plans of our own format, as drafts: so that one report serves every format. */
import type { PlanSpec } from '@infrafabric/protocol';
import { keyInPlan } from '../check-plan.ts';
import type { PlanFormat } from '../source.ts';
import { EMPTY_TASK } from './draft.ts';
import type { Draft, DraftEdge } from './draft.ts';

export const draftOf = (plan: PlanSpec, format: PlanFormat): Draft => {
  const edges: DraftEdge[] = [];
  for (const { key, dependsOn = [], parent } of plan.tasks) {
    for (const other of dependsOn) {
      const inside = keyInPlan(plan.id, other);
      if (inside === undefined)
        edges.push({ from: key, to: other, type: 'other-plan', fromProse: false });
      else edges.push({ from: key, to: inside, type: 'blocks', fromProse: false });
    }
    if (parent !== undefined)
      edges.push({ from: key, to: parent, type: 'parent-child', fromProse: false });
  }
  return {
    format,
    title: plan.title ?? plan.id,
    tasks: plan.tasks.map((task, index) => ({
      ...EMPTY_TASK,
      row: index + 1,
      id: task.key,
      title: task.title,
      description: task.description,
      status: task.imported?.status,
      done: task.imported?.done ?? false,
      type: task.type,
      priority: task.priority,
      labels: task.labels ?? [],
      assignee: task.assignee,
      ephemeral: task.labels?.includes('ephemeral') ?? false,
      pinned: task.labels?.includes('pinned') ?? false,
      filler: task.filler ?? false,
      estimateMinutes: task.estimateMinutes,
      model: task.model,
      acceptance: task.acceptance ?? [],
      phase: task.phase,
    })),
    edges,
    phases: plan.phases ?? [],
    skipped: [],
    warnings: [],
    orphanLabels: 0,
    dated: undefined,
    events: undefined,
  };
};
