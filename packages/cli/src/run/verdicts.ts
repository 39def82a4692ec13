/**
 * What the fabric judges itself: tasks that workers handed in, and phases whose tasks are done.
 *
 * V1  A submission is judged on what the worker committed, in a tree that the worker never touched.
 * V2  A check is run again only after something changed: a red one does not spin.
 */
import type { OutputOf, TaskSpec } from '@infrafabric/protocol';
import { FabricError } from '@infrafabric/sdk';
import type { Session } from '@infrafabric/sdk';
import { enterPlace } from './attempt.ts';
import type { AttemptParts } from './attempt.ts';
import { runGates } from './gates.ts';
import type { GateContext, GateRun } from './gates.ts';

export type Phase = OutputOf<'plans.show'>['phases'][number];

/** Runs the gates of a submitted task and says whether it is accepted. Answers false where another one was faster. */
export async function judge(
  session: Session,
  taskId: string,
  parts: AttemptParts,
): Promise<boolean> {
  const { spec, evidence, fence } = await session.call('tasks.show', { taskId });
  const commit = evidence?.diff?.commit;
  const place = await enterPlace(
    { taskId, repo: spec.repo, suffix: `verdict-${fence}`, commit },
    parts,
  );
  if (typeof place === 'string')
    return decideOn(session, taskId, { verdict: 'reject', reason: place });
  try {
    const run = await gatesOf(spec, { ...parts, ...place, taskId });
    if (run.isAborted) return false;
    const gates = [...run.results];
    const { failure } = run;
    return await (failure === undefined
      ? decideOn(session, taskId, { verdict: 'accept', gates })
      : decideOn(session, taskId, {
          verdict: 'reject',
          gates,
          reason: `gate “${failure.name}”: ${failure.text}`.slice(0, 2_000),
        }));
  } finally {
    await place.leave();
  }
}

async function decideOn(
  session: Session,
  taskId: string,
  verdict: {
    readonly verdict: 'accept' | 'reject';
    readonly gates?: GateRun['results'][number][];
    readonly reason?: string;
  },
): Promise<boolean> {
  try {
    await session.call('tasks.judge', { taskId, sessionId: session.sessionId, ...verdict });
    return true;
  } catch (cause) {
    if (cause instanceof FabricError && cause.code === 'task.not_submitted') return false;
    throw cause;
  }
}

interface Where {
  readonly workFolder: string;
  readonly privateFolder: string;
  readonly taskId: string;
}

function gatesOf({ gates = [] }: TaskSpec, parts: AttemptParts & Where): Promise<GateRun> {
  if (parts.isSimulated) {
    const results = gates.map(({ name }) => ({ name, ok: true }));
    return Promise.resolve({ results, failure: undefined, isAborted: false });
  }
  return runGates(gates, gateContext(parts, { IFAB_TASK_ID: parts.taskId }));
}

function gateContext(
  parts: AttemptParts & Omit<Where, 'taskId'>,
  facts: Readonly<Record<string, string>>,
): GateContext {
  const { workFolder, privateFolder, kill, shell, store } = parts;
  return {
    workFolder,
    privateFolder,
    abort: kill,
    onLine: () => undefined,
    settings: shell,
    facts,
    store,
  };
}

export interface PhaseChecks {
  readonly planId: string;
  readonly phase: Phase;
  readonly gates: NonNullable<TaskSpec['gates']>;
}

/** Runs the checks of a phase that are not green and records each. Answers the names of those that are still red. */
export async function checkPhase(
  session: Session,
  { planId, phase, gates }: PhaseChecks,
  parts: AttemptParts,
): Promise<readonly string[]> {
  const wanted = new Set(phase.checks.filter(({ ok }) => ok !== true).map(({ name }) => name));
  const due = gates.filter(({ name }) => wanted.has(name));
  const taskId = `${planId}/phase-${phase.id}`;
  const place = await enterPlace({ taskId, repo: undefined, suffix: 'checks' }, parts);
  if (typeof place === 'string') return due.map(({ name }) => name);
  try {
    const { results } = parts.isSimulated
      ? { results: due.map(({ name }) => ({ name, ok: true })) }
      : await runGates(due, gateContext({ ...parts, ...place }, { IFAB_PHASE: phase.id }));
    for (const result of results) {
      await session.call('phases.check', { planId, phase: phase.id, result });
    }
    return results.filter(({ ok }) => !ok).map(({ name }) => name);
  } finally {
    await place.leave();
  }
}
