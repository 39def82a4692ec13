/**
 * A million tasks with 1.33 million dependencies (B6): what the state takes a task besides its specification, how fast
 * all of it is completed, and how long a snapshot and a start take.
 */
import {
  createWorld,
  decide,
  evolve,
  restoreWorld,
  viewStatus,
  worldSections,
  type DomainEvent,
  type Entry,
  type World,
} from '@infrafabric/core';
import { SESSION_LEASES_MAX, sessionIdFrom } from '@infrafabric/protocol';

import { closedLoop, openField } from './field.ts';
import { memory } from './memory.ts';
import { check, sized } from './probe.ts';
import type { MeasureOnce } from './scenarios.ts';
import { mulberry32 } from './stats.ts';
import { foldUs } from './verify.ts';

const TASKS = { smoke: 4_000, short: 200_000, full: 1_000_000 };
const LOG_ENTRIES = { smoke: 1_000, short: 50_000, full: 200_000 };
/** Of one plan: what one call may bring. */
const PLAN_TASKS = 20_000;
/** A third of the tasks waits for two others, a third for one, a third for none but a root. */
const DEPENDENCIES = [1, 1, 2] as const;
const IN_FLIGHT = 256;
const SEED = 7;
const AT = 1_767_225_600_000;
const MILLION = 1_000_000;
const NO_ARGS = {};

export const dag: MeasureOnce = async ({ size, folder, note }) => {
  const count = sized(size, TASKS);
  const plans = plansOf(count);
  const before = memory();
  const startedAt = performance.now();
  const world = createWorld();
  for (const plan of plans) submit(world, plan);
  const builtMs = performance.now() - startedAt;
  const taskBytes = (memory() - before) / count;
  note(`dag: ${count} tasks built`);
  const saved = restored(world, count);
  const completePerS = completeAll(world, plans, count);
  check(viewStatus(world).tasks.done === count, 'tasks are not done');
  const entryUs = await logOf(folder, sized(size, LOG_ENTRIES));
  return {
    'dag.tasks': count,
    'dag.edges': plans.reduce((sum, { tasks }) => sum + edgesOf(tasks), 0),
    'dag.taskBytes': taskBytes,
    'dag.buildPerS': count / (builtMs / 1_000),
    'dag.completePerS': completePerS,
    ...saved,
    'dag.foldEntryUs': entryUs,
    // A sum of two measurements: writing a log of a million entries would take longer than all else here.
    'dag.recoveryS': (saved['dag.restoreS'] * MILLION) / count + entryUs,
  };
};

interface Task {
  readonly key: string;
  readonly title: string;
  readonly dependsOn: readonly string[];
}

interface Plan {
  readonly id: string;
  readonly tasks: readonly Task[];
}

const edgesOf = (tasks: readonly Task[]): number =>
  tasks.reduce((sum, { dependsOn }) => sum + dependsOn.length, 0);

/** Plans whose tasks wait for earlier ones of the same plan. */
function plansOf(count: number): readonly Plan[] {
  const random = mulberry32(SEED);
  const length = Math.ceil(count / PLAN_TASKS);
  return Array.from({ length }, (_, p) => ({
    id: `dag-${p}`,
    tasks: Array.from({ length: Math.min(PLAN_TASKS, count - p * PLAN_TASKS) }, (__, i) => {
      const dependsOn = new Set<string>();
      const wanted = Math.min(DEPENDENCIES[i % DEPENDENCIES.length] ?? 1, i);
      while (dependsOn.size < wanted) dependsOn.add(`t${Math.floor(random() * i)}`);
      return { key: `t${i}`, title: 'a task of the graph', dependsOn: [...dependsOn] };
    }),
  }));
}

function fold(world: World, op: Entry['op'], args: object, events: readonly DomainEvent[]): void {
  evolve(world, {
    index: world.realm.size,
    at: AT,
    epoch: 1,
    op,
    args,
    principal: 'bench',
    events,
  });
}

function submit(world: World, plan: Plan): void {
  const args = { plan, digest: `sha256:${'0'.repeat(64)}` };
  const asked = { op: 'plans.submit', args, at: AT, ids: [], cred: 'operator' } as const;
  const decision = decide(world, { ...asked, principal: 'operator' });
  check(decision.kind === 'accept', 'a plan was not accepted');
  fold(world, 'plans.submit', args, decision.events);
}

/**
 * Completes every task, level by level of the graph, and answers how many a second that is. Leasing them is not counted:
 * what is measured is to end a lease and to find what became ready.
 */
function completeAll(world: World, plans: readonly Plan[], count: number): number {
  const sessionId = sessionIdFrom(new Uint8Array(10));
  const opened = { op: 'sessions.open', at: AT, ids: [sessionId], cred: 'operator' } as const;
  const args = { agent: 'bench', leasesMax: SESSION_LEASES_MAX };
  const decision = decide(world, { ...opened, args, principal: 'operator' });
  check(decision.kind === 'accept', 'a session was not opened');
  fold(world, 'sessions.open', args, decision.events);
  let ms = 0;
  for (const taskIds of levelsOf(plans)) {
    for (const taskId of taskIds) {
      const grant = { attempt: 1, fence: 1, leaseMs: 30_000, sessionId, taskId };
      fold(world, 'tasks.claim', { taskId }, [{ ...grant, type: 'task.leased' }]);
    }
    const startedAt = performance.now();
    for (const taskId of taskIds) {
      fold(world, 'tasks.complete', NO_ARGS, [
        { fence: 1, sessionId, taskId, type: 'task.completed' },
      ]);
    }
    ms += performance.now() - startedAt;
  }
  return count / (ms / 1_000);
}

/** Ids of tasks by the longest way from a root: those of a level wait for none of their own. */
function levelsOf(plans: readonly Plan[]): readonly (readonly string[])[] {
  const levels: string[][] = [];
  for (const { id, tasks } of plans) {
    const levelOf = new Map<string, number>();
    for (const { key, dependsOn } of tasks) {
      const level = 1 + Math.max(-1, ...dependsOn.map((other) => levelOf.get(other) ?? 0));
      levelOf.set(key, level);
      (levels[level] ??= []).push(`${id}/${key}`);
    }
  }
  return levels;
}

/** A snapshot's sections and the way back. */
function restored(world: World, count: number) {
  const startedAt = performance.now();
  const sections = worldSections(world);
  const savedAt = performance.now();
  const again = restoreWorld(sections);
  const endedAt = performance.now();
  check(viewStatus(again).tasks.total === count, 'the snapshot lost tasks');
  const bytes = sections.reduce((sum, { content }) => sum + content.length, 0);
  return {
    'dag.snapshotS': (savedAt - startedAt) / 1_000,
    'dag.snapshotTaskBytes': bytes / count,
    'dag.restoreS': (endedAt - savedAt) / 1_000,
  };
}

/** µs to read the entry of a claim back: from the disk, checked, folded. What the plans take is measured and taken off. */
async function logOf(folder: string, claims: number): Promise<number> {
  const field = await openField('bare', folder);
  const { taskIds, sessionIds } = await field.prepare(claims);
  const prepared = field.size;
  await field.fabric.close();
  const preparedUs = (await foldUs(folder, prepared)) * prepared;
  const again = await openField('bare', folder);
  let won = 0;
  await closedLoop(claims, IN_FLIGHT, (i, end) => {
    const taskId = taskIds[i];
    const sessionId = sessionIds[i % sessionIds.length];
    check(taskId !== undefined && sessionId !== undefined, 'work has run out');
    again.claim(taskId, sessionId, (outcome) => {
      if (outcome.kind === 'committed') won += 1;
      end();
    });
  });
  check(won === claims, `${won} claims of ${claims}`);
  const { size } = again;
  await again.fabric.close();
  return ((await foldUs(folder, size)) * size - preparedUs) / claims;
}
