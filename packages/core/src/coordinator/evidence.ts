/** What a completion must bring, and whether it does. */
import { reject } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import type { Evidence, Rejection, TaskSpec } from '@infrafabric/protocol';

/** Why the evidence does not carry a completion, or undefined. */
export const faultInEvidence = (
  spec: TaskSpec,
  evidence: Evidence | undefined,
  taskId: string,
): Rejection | undefined => {
  const exitCode = evidence?.exitCode ?? 0;
  if (exitCode !== 0) {
    return reject(
      'gate.failed',
      `${taskId} ended with exit code ${exitCode}; say so with tasks.fail.`,
      { taskId, exitCode },
    );
  }
  const brought = {
    diff: (evidence?.diff?.filesChanged ?? 0) > 0,
    artifact: (evidence?.artifacts ?? []).length > 0,
  };
  const missing = spec.expects?.find((expected) => !brought[expected]);
  if (missing === undefined) return undefined;
  return reject('evidence.missing', `${taskId} asks for ${EXPECTED[missing]}.`, {
    taskId,
    missing,
  });
};

const EXPECTED = {
  diff: 'a change of files, and the evidence shows none',
  artifact: 'an artifact, and the evidence names none',
} as const;

/** Every gate of the task needs a result, and every result under its name must be good: a later one hides no earlier. */
export const faultInGates = (
  spec: TaskSpec,
  results: Evidence['gates'],
  taskId: string,
): Rejection | undefined => {
  for (const { name } of must(spec.gates, 'results of a task without gates')) {
    const mine = (results ?? []).filter((result) => result.name === name);
    if (mine.length === 0) {
      return reject('evidence.missing', `${taskId} has no result of its gate "${name}".`, {
        taskId,
        missing: name,
      });
    }
    if (mine.some(({ ok }) => !ok)) {
      return reject('gate.failed', `Gate "${name}" of ${taskId} did not pass.`, {
        taskId,
        gate: name,
      });
    }
  }
  return undefined;
};
