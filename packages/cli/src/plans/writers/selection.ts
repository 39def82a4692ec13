/** Which tasks a drawing shows, and in which state. */
import type { PlanSpec, TaskKey } from '@infrafabric/protocol';
import { keyInPlan } from '../check-plan.ts';

/** States as the fabric names them (TaskPhase), and `filler` for what waits until nothing else is ready. */
export const STATES = [
  'waiting',
  'ready',
  'leased',
  'blocked',
  'submitted',
  'parked',
  'done',
  'cancelled',
  'filler',
] as const;
export type DrawnState = (typeof STATES)[number];

export interface DrawOptions {
  /** Live states by task key; absent: done, ready or waiting as the plan itself implies. */
  readonly states?: ReadonlyMap<string, DrawnState>;
  /** Tasks that are drawn. */
  readonly tasksMax?: number;
}

export interface DrawnTask {
  readonly key: TaskKey;
  readonly title: string;
  readonly phase: string | undefined;
  readonly state: DrawnState;
}

export interface Selection {
  readonly tasks: readonly DrawnTask[];
  /** Pairs of keys, both drawn: the first must be done before the second. */
  readonly edges: readonly (readonly [before: string, after: string])[];
  /** Undefined where everything is drawn. */
  readonly note: string | undefined;
}

/** In plan order. Where not all fit, unfinished tasks with an edge come first, then finished ones, then lone ones. */
export const select = (plan: PlanSpec, { states, tasksMax = Infinity }: DrawOptions): Selection => {
  const keys = new Set(plan.tasks.map(({ key }): string => key));
  const done = new Set(
    plan.tasks.filter(({ imported }) => imported?.done === true).map(({ key }): string => key),
  );
  const edges = plan.tasks.flatMap(({ key, dependsOn = [] }) =>
    dependsOn.flatMap((other) => {
      const before = keyInPlan(plan.id, other);
      return before !== undefined && keys.has(before) ? [[before, key] as const] : [];
    }),
  );
  const linked = new Set(edges.flat());
  const waiting = new Set(edges.filter(([before]) => !done.has(before)).map(([, after]) => after));
  const rank = (key: string): number => (!linked.has(key) ? 2 : done.has(key) ? 1 : 0);
  const chosen = new Set(
    plan.tasks
      .map(({ key }): string => key)
      .toSorted((a, b) => rank(a) - rank(b))
      .slice(0, tasksMax),
  );
  const tasks = plan.tasks
    .filter(({ key }) => chosen.has(key))
    .map(({ key, title, phase, filler }): DrawnTask => {
      const implied = done.has(key)
        ? 'done'
        : filler === true
          ? 'filler'
          : waiting.has(key)
            ? 'waiting'
            : 'ready';
      return { key, title, phase, state: states?.get(key) ?? implied };
    });
  const left = plan.tasks.length - tasks.length;
  return {
    tasks,
    edges: edges.filter(([before, after]) => chosen.has(before) && chosen.has(after)),
    note:
      left === 0
        ? undefined
        : `${tasks.length} of ${plan.tasks.length} tasks are drawn, ${left} are not.`,
  };
};
