/**
 * `--mode=falsify`: tries to disprove an answer by what other operations say of the same facts. It changes nothing.
 * A realm that moves while it is asked is asked again: a difference counts only between two equal positions.
 */
import type { OperationName, OutputOf } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';
import { EXIT_DONE, EXIT_NO } from '../output/exit.ts';
import { cliError } from '../output/problem.ts';
import { viewOf } from '../output/views.ts';
import type { CommandContext } from '../tree/command.ts';
import { callOperation } from './call.ts';
import { everyPage } from './pages.ts';

/** One thing that would have shown the answer wrong. */
export interface Attempt {
  readonly claim: string;
  readonly holds: boolean;
  readonly found: string;
}

/** Rounds until the realm has stood still; a realm that never does cannot be compared with itself from outside. */
const ROUNDS_MAX = 5;

export const falsify = async (
  context: CommandContext,
  client: Client,
  operation: OperationName,
  input: unknown,
): Promise<number> => {
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const before = await client.call('realm.status', {});
    const { output } = await callOperation(context, client, operation, input);
    const attempts = await attemptsOf(client, operation, output);
    const after = await client.call('realm.status', {});
    if (before.size !== after.size) continue;
    return report(context, operation, output, { attempts, size: after.size });
  }
  throw cliError(
    'cli.unreachable',
    `the realm did not stand still in ${ROUNDS_MAX} rounds`,
    'Try again in a quieter moment, or replay the log: ifab witness replay --mode=falsify',
  );
};

const attemptsOf = (
  client: Client,
  operation: OperationName,
  output: unknown,
): Promise<readonly Attempt[]> => {
  // The output is of this operation: the fabric made it with its schema.
  /* eslint-disable typescript/no-unsafe-type-assertion -- see above */
  if (operation === 'realm.status')
    return disproveStatus(client, output as OutputOf<'realm.status'>);
  if (operation === 'tasks.explain')
    return disproveReasons(client, output as OutputOf<'tasks.explain'>);
  /* eslint-enable typescript/no-unsafe-type-assertion */
  throw cliError(
    'cli.not_available',
    `--mode=falsify is not available for ${operation}`,
    'See: ifab --help',
  );
};

const disproveStatus = async (
  client: Client,
  status: OutputOf<'realm.status'>,
): Promise<readonly Attempt[]> => {
  const counts = new Map<string, number>();
  let total = 0;
  for await (const { phase } of everyPage.tasks(client, {})) {
    counts.set(phase, (counts.get(phase) ?? 0) + 1);
    total += 1;
  }
  const equal = (claim: string, said: number, found: number): Attempt => ({
    claim: `${claim}: ${said}`,
    holds: said === found,
    found: `counted ${found}`,
  });
  const { total: saidTotal, ...phases } = status.tasks;
  const plans = await count(everyPage.plans(client));
  const sessions = await count(everyPage.sessions(client, { status: 'open' }));
  const blockers = await count(everyPage.blockers(client, { status: 'open' }));
  return [
    equal('tasks', saidTotal, total),
    ...Object.entries(phases).map(([phase, said]) =>
      equal(`tasks ${phase}`, said, counts.get(phase) ?? 0),
    ),
    equal('plans', status.plans, plans),
    equal('sessions open', status.sessions.open, sessions),
    equal('blockers open', status.blockersOpen, blockers),
  ];
};

const count = async (rows: AsyncIterable<unknown>): Promise<number> => {
  let found = 0;
  const all = rows[Symbol.asyncIterator]();
  while ((await all.next()).done !== true) found += 1;
  return found;
};

const disproveReasons = async (
  client: Client,
  { taskId, phase, reasons }: OutputOf<'tasks.explain'>,
): Promise<readonly Attempt[]> => {
  const task = await client.call('tasks.show', { taskId });
  const attempts: Attempt[] = [
    {
      claim: `phase is ${phase}`,
      holds: task.phase === phase,
      found: `tasks.show says ${task.phase}`,
    },
  ];
  for (const reason of reasons) {
    const attempt = await disproveReason(client, task, reason);
    if (attempt !== undefined) attempts.push(attempt);
  }
  const unfinished = unfinishedOf(task);
  if (task.phase === 'waiting' && unfinished.length > 0) {
    const named = new Set(reasons.map((reason) => reason.task));
    attempts.push({
      claim: 'an unfinished dependency is among the reasons',
      holds: unfinished.some((other) => named.has(other)),
      found: unfinished.join(', '),
    });
  }
  return attempts;
};

type Task = OutputOf<'tasks.show'>;
type Reason = OutputOf<'tasks.explain'>['reasons'][number];

const unfinishedOf = ({ dependsOn }: Task) =>
  dependsOn.filter(({ phase }) => phase !== 'done').map(({ taskId }) => taskId);

/** Undefined where nothing else in the fabric speaks of the same fact. */
const disproveReason = async (
  client: Client,
  task: Task,
  { code, task: other, session }: Reason,
): Promise<Attempt | undefined> => {
  if (code === 'dependency' && other !== undefined) {
    const { phase: found } = await client.call('tasks.show', { taskId: other });
    return { claim: `${other} is not done`, holds: found !== 'done', found };
  }
  if (code === 'leased') {
    const holder = task.holder?.sessionId;
    const holds = holder !== undefined && (session === undefined || holder === session);
    return { claim: `${session ?? 'a session'} holds it`, holds, found: holder ?? 'no holder' };
  }
  if (code !== 'ready') return undefined;
  const names = unfinishedOf(task).join(', ');
  return {
    claim: 'nothing stands in its way',
    holds: names === '' && task.holder === undefined,
    found: names === '' ? 'all dependencies are done' : `not done: ${names}`,
  };
};

const report = (
  { out }: CommandContext,
  operation: OperationName,
  answer: unknown,
  { attempts, size }: { readonly attempts: readonly Attempt[]; readonly size: number },
): number => {
  const holds = attempts.every((attempt) => attempt.holds);
  out.data({ answer, mode: 'falsify', size, holds, attempts }, (terminal) => {
    const lines = attempts.map(
      (attempt) =>
        `${attempt.holds ? terminal.paint('green', 'holds  ') : terminal.paint('red', 'REFUTED')}  ${attempt.claim} (${attempt.found})\n`,
    );
    return `${viewOf(operation, answer, terminal, Date.now())}\nTried to disprove it at ${size} entries:\n${lines.join('')}`;
  });
  return holds ? EXIT_DONE : EXIT_NO;
};
