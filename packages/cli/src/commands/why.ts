/** `--why`: the entries of the log that an answer rests on. */
import type { InputOf, OutputOf } from '@infrafabric/protocol';
import type { Client } from '@infrafabric/sdk';

export type Entries = OutputOf<'witness.query'>['entries'];

/** Entries shown of one subject, the newest: what happened last explains most. */
const ENTRIES_MAX = 10;
/** How long the index may take to follow the log, and how often it is asked. */
const INDEX_MS_MAX = 2_000;
const INDEX_POLL_MS = 50;

/** A query that waits until the index has seen all that was durable when it was asked. */
export const queryIndexed = async (
  client: Client,
  input: InputOf<'witness.query'>,
): Promise<OutputOf<'witness.query'>> => {
  const { size } = await client.call('realm.status', {});
  const until = performance.now() + INDEX_MS_MAX;
  // Bounded by INDEX_MS_MAX: then what is indexed so far is the answer.
  for (;;) {
    const found = await client.call('witness.query', input);
    if (found.indexedTo >= size || performance.now() > until) return found;
    await new Promise((resolve) => setTimeout(resolve, INDEX_POLL_MS));
  }
};

/** What the answer speaks of, by the most telling id that the call names. */
const subjectOf = (
  input: unknown,
): Pick<InputOf<'witness.query'>, 'taskId' | 'planId' | 'sessionId'> | undefined => {
  if (typeof input !== 'object' || input === null) return undefined;
  const ids = new Map<string, unknown>(Object.entries(input));
  for (const name of ['taskId', 'planId', 'sessionId'] as const) {
    const id = ids.get(name);
    if (typeof id === 'string') return { [name]: id };
  }
  return undefined;
};

/** Tasks that reasons name: what holds a task back is as much behind the answer as what happened to it. */
const OTHERS_MAX = 5;

export interface Behind {
  /** The call's own trace, where it wrote. */
  readonly trace?: string | undefined;
  readonly output?: unknown;
}

/**
 * Entries that the call caused (by its trace), that its subject has, and that the tasks in its reasons have, oldest
 * first. A task begins with its plan's submission.
 */
export const entriesBehind = async (
  client: Client,
  input: unknown,
  { trace, output }: Behind,
): Promise<Entries> => {
  const limit = ENTRIES_MAX;
  const wishes: InputOf<'witness.query'>[] = [{ ...subjectOf(input), newest: true, limit }];
  if (trace !== undefined) wishes.push({ trace, limit });
  const tasks = [...tasksIn(input), ...reasonTasks(output)];
  for (const taskId of tasks.slice(1, OTHERS_MAX)) wishes.push({ taskId, newest: true, limit });
  for (const planId of new Set(tasks.map((taskId) => taskId.split('/', 1)[0] ?? ''))) {
    wishes.push({ planId, operation: 'plans.submit', limit: 1 });
  }
  const found = await Promise.all(wishes.map((wish) => queryIndexed(client, wish)));
  const entries = found.flatMap((page) => page.entries);
  const byIndex = new Map(entries.map((entry) => [entry.index, entry]));
  return [...byIndex.values()].toSorted((one, other) => one.index - other.index);
};

const tasksIn = (value: unknown): readonly string[] => {
  if (typeof value !== 'object' || value === null) return [];
  if ('taskId' in value && typeof value.taskId === 'string') return [value.taskId];
  return 'task' in value && typeof value.task === 'string' ? [value.task] : [];
};

const reasonTasks = (output: unknown): readonly string[] =>
  typeof output === 'object' &&
  output !== null &&
  'reasons' in output &&
  Array.isArray(output.reasons)
    ? output.reasons.flatMap(tasksIn)
    : [];
