/**
 * Random plans, and what they demand: a second, simple reading of "may this task be leased now", written without a
 * look at the coordinator's own, so that the two can disagree.
 */
import type { InputOf } from '@infrafabric/protocol';

import type { Random } from '../random.ts';

export interface SimTask {
  readonly id: string;
  readonly key: string;
  readonly dependsOn: readonly string[];
  /** Place of its phase in the plan's chain, or undefined: it belongs to none. */
  readonly phase: number | undefined;
  readonly needs: readonly string[];
  /** `area` is a folder, `file` one file of it, or undefined: the whole folder. */
  readonly owns: { readonly area: number; readonly file: number | undefined } | undefined;
  readonly filler: boolean;
  readonly gated: boolean;
}

export interface SimPlan {
  readonly id: string;
  readonly tasks: readonly SimTask[];
  readonly phases: readonly { readonly id: string; readonly approvals: number }[];
  readonly spec: InputOf<'plans.submit'>['plan'];
}

export const CAPABILITIES = ['lang-a', 'lang-b'] as const;
const TASKS_MIN = 2;
const TASKS_MORE_MAX = 5;
const AREAS = 2;
const FILES = 2;

/** A plan of a few tasks: small worlds meet more of each other's corners a second than large ones. */
export function randomPlan(random: Random, id: string): SimPlan {
  const phaseCount = random.chance(0.4) ? 1 + random.below(2) : 0;
  const phases = Array.from({ length: phaseCount }, (_, i) => ({
    id: `f${i}`,
    approvals: random.chance(0.2) ? 1 : 0,
  }));
  const count = TASKS_MIN + random.below(TASKS_MORE_MAX + 1);
  const tasks: SimTask[] = [];
  for (let i = 0; i < count; i += 1) tasks.push(randomTask(random, { id, i, phaseCount }, tasks));
  return { id, tasks, phases, spec: specOf(id, tasks, phases) };
}

const randomTask = (
  random: Random,
  place: { readonly id: string; readonly i: number; readonly phaseCount: number },
  before: readonly SimTask[],
): SimTask => {
  const phase =
    place.phaseCount > 0 && random.chance(0.8) ? random.below(place.phaseCount) : undefined;
  // A dependency on a later phase would wait for ever; what belongs to no phase is never held back by one.
  const eligible = before.filter((task) => (task.phase ?? 0) <= (phase ?? 0));
  const dependsOn = eligible.filter(() => random.chance(0.25)).map(({ id }) => id);
  return {
    id: `${place.id}/t${place.i}`,
    key: `t${place.i}`,
    dependsOn,
    phase,
    needs: random.chance(0.2) ? [random.pick(CAPABILITIES)] : [],
    owns: random.chance(0.35)
      ? {
          area: random.below(AREAS),
          file: random.chance(0.6) ? random.below(FILES) : undefined,
        }
      : undefined,
    filler: random.chance(0.1),
    gated: random.chance(0.15),
  };
};

const specOf = (
  id: string,
  tasks: readonly SimTask[],
  phases: SimPlan['phases'],
): SimPlan['spec'] => ({
  id,
  ...(phases.length === 0
    ? {}
    : {
        phases: phases.map((phase) => ({
          id: phase.id,
          ...(phase.approvals === 0 ? {} : { gate: { approvals: phase.approvals } }),
        })),
      }),
  tasks: tasks.map((task) => ({
    key: task.key,
    title: task.key,
    ...(task.dependsOn.length === 0
      ? {}
      : { dependsOn: task.dependsOn.map((other) => other.slice(id.length + 1)) }),
    ...(task.phase === undefined ? {} : { phase: `f${task.phase}` }),
    ...(task.needs.length === 0 ? {} : { needs: [...task.needs] }),
    ...(task.owns === undefined ? {} : { repo: 'r', owns: [globOf(task.owns)] }),
    ...(task.filler ? { filler: true } : {}),
    ...(task.gated ? { gates: [{ name: 'g', run: { shell: 'true' } }] } : {}),
  })),
});

const globOf = ({ area, file }: NonNullable<SimTask['owns']>): string =>
  file === undefined ? `a${area}/**` : `a${area}/f${file}.ts`;

const overlaps = (one: SimTask['owns'], other: SimTask['owns']): boolean =>
  one !== undefined &&
  other !== undefined &&
  one.area === other.area &&
  (one.file === undefined || other.file === undefined || one.file === other.file);

/** What the watch of the log knows of a task. */
export interface Standing {
  readonly live: boolean;
  readonly over: boolean;
  readonly done: boolean;
}

/** Why this task must not be leased, by the plans alone; undefined: it may be. */
export function whyNotLeasable(
  task: SimTask,
  plans: readonly SimPlan[],
  standing: (taskId: string) => Standing,
  approved: (planId: string, phase: string) => number,
): string | undefined {
  const waits = task.dependsOn.find((id) => !standing(id).done);
  if (waits !== undefined) return `${task.id} is leased before ${waits} is done`;
  const plan = plans.find(({ id }) => task.id.startsWith(`${id}/`));
  for (const [at, phase] of (plan?.phases ?? []).slice(0, task.phase ?? 0).entries()) {
    const left = plan?.tasks.find(
      (other) => other.phase === at && !other.filler && !standing(other.id).over,
    );
    if (left !== undefined) return `${task.id} is leased before phase f${at}: ${left.id} is left`;
    if (approved(plan?.id ?? '', phase.id) < phase.approvals)
      return `${task.id} is leased before phase f${at} was approved`;
  }
  const rival = plans
    .flatMap(({ tasks }) => tasks)
    .find(
      (other) => other.id !== task.id && standing(other.id).live && overlaps(task.owns, other.owns),
    );
  if (rival !== undefined) return `${task.id} is leased while ${rival.id} owns the same path`;
  return undefined;
}
