/**
 * A plan in parts, where one call cannot carry it. The first part is submitted, the others are added by edits. Tasks
 * come behind those that they depend on, so that no part names a task that the fabric has not seen.
 */
import { PLAN_TASKS_PER_CALL_MAX } from '@infrafabric/protocol';
import type { PlanSpec } from '@infrafabric/protocol';

type Task = PlanSpec['tasks'][number];

/** Bytes of JSON of one call: a quarter of a request stays free for its envelope and for escapes. */
export const PART_BYTES_MAX = 12 * 1024 * 1024;

export interface PartLimits {
  readonly tasksMax: number;
  readonly bytesMax: number;
}

const LIMITS: PartLimits = { tasksMax: PLAN_TASKS_PER_CALL_MAX, bytesMax: PART_BYTES_MAX };

export type PlanParts =
  | {
      readonly kind: 'parts';
      readonly first: PlanSpec;
      readonly rest: readonly Task[][];
    }
  /** Its first part would leave phases without tasks, and an empty phase passes at once. */
  | { readonly kind: 'refused'; readonly phases: readonly string[] };

/** One part for all plans but the largest. */
export const partsOf = (plan: PlanSpec, limits: PartLimits = LIMITS): PlanParts => {
  const { tasks, ...rest } = plan;
  const bytes = Buffer.byteLength(JSON.stringify(plan));
  if (tasks.length <= limits.tasksMax && bytes <= limits.bytesMax) {
    return { kind: 'parts', first: plan, rest: [] };
  }
  const [first = [], ...others] = packed(inOrder(plan), limits);
  const present = new Set(first.map(({ phase }): string | undefined => phase));
  const used = new Set(tasks.map(({ phase }): string | undefined => phase));
  const empty = (plan.phases ?? [])
    .map(({ id }): string => id)
    .filter((id) => used.has(id) && !present.has(id));
  if (empty.length > 0) return { kind: 'refused', phases: empty };
  return { kind: 'parts', first: { ...rest, tasks: first }, rest: others };
};

/** Kahn's order: what nothing holds back first, otherwise as in the plan. Cycles were refused before. */
const inOrder = ({ id, tasks }: PlanSpec): readonly Task[] => {
  const byKey = new Map(tasks.map((task) => [task.key as string, task]));
  const missing = new Map<string, number>();
  const dependants = new Map<string, Task[]>();
  for (const task of tasks) {
    const own = new Set((task.dependsOn ?? []).map((other) => other.replace(`${id}/`, '')));
    const inside = [...own].filter((key) => byKey.has(key));
    missing.set(task.key, inside.length);
    for (const key of inside) dependants.set(key, [...(dependants.get(key) ?? []), task]);
  }
  const ready = tasks.filter(({ key }) => missing.get(key) === 0);
  // Grows while it is read; ends when every task has come up once.
  for (const task of ready) {
    for (const next of dependants.get(task.key) ?? []) {
      const left = (missing.get(next.key) ?? 0) - 1;
      missing.set(next.key, left);
      if (left === 0) ready.push(next);
    }
  }
  return ready;
};

const packed = (tasks: readonly Task[], { tasksMax, bytesMax }: PartLimits): readonly Task[][] => {
  const parts: Task[][] = [];
  let room = 0;
  for (const task of tasks) {
    const bytes = Buffer.byteLength(JSON.stringify(task));
    const last = parts.at(-1);
    if (last === undefined || last.length >= tasksMax || bytes > room) {
      parts.push([task]);
      room = bytesMax - bytes;
    } else {
      last.push(task);
      room -= bytes;
    }
  }
  return parts;
};
