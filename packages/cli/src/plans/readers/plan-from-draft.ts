/** A draft as a plan of our own format. What a limit does not let through is named in a warning, never dropped silently. */
import { DESCRIPTION_CHARS_MAX, LABELS_MAX, TITLE_CHARS_MAX } from '@infrafabric/protocol';
import type { Draft, DraftTask } from './draft.ts';
import { taskKeysFor } from './task-keys.ts';

const LABEL_CHARS_MAX = 100;
const WORD_CHARS_MAX = 50;
const MODEL_CHARS_MAX = 100;
const CRITERION_CHARS_MAX = 1_000;
const CRITERIA_MAX = 100;
const PRIORITY_MAX = 4;

export interface PlanDraft {
  /** Not yet parsed: the schema of the plan has the last word. */
  readonly plan: unknown;
  readonly warnings: readonly string[];
}

export interface ImportOptions {
  readonly planId: string;
  /** Every task enters the fabric as not done. */
  readonly reopen: boolean;
}

export const planFromDraft = (draft: Draft, { planId, reopen }: ImportOptions): PlanDraft => {
  const warnings: string[] = [];
  const keys = taskKeysFor(draft.tasks.map(({ id }) => id));
  const renamed = [...keys].filter(([id, key]) => id !== key);
  if (renamed.length > 0) {
    const list = renamed.slice(0, 5).map(([id, key]) => `${id} as ${key}`);
    warnings.push(`${renamed.length} ids are no task keys and were rewritten: ${list.join(', ')}.`);
  }
  const dependsOn = new Map<string, Set<string>>();
  const parentOf = new Map<string, string>();
  for (const { from, to, type } of draft.edges) {
    const [key, other] = [keys.get(from), keys.get(to)];
    if (key === undefined || other === undefined || key === other) continue;
    if (type === 'blocks') dependsOn.set(key, (dependsOn.get(key) ?? new Set()).add(other));
    else if (type === 'parent-child' && !parentOf.has(key)) parentOf.set(key, other);
  }
  const tasks = draft.tasks.map((task) => {
    const key = keys.get(task.id) ?? task.id;
    return {
      key,
      ...textsOf(task, warnings),
      ...wordsOf(task, warnings),
      ...optional('dependsOn', listOf(dependsOn.get(key))),
      ...optional('parent', parentOf.get(key)),
      ...optional('filler', task.filler ? true : undefined),
      ...optional('imported', task.status === undefined ? undefined : importedOf(task, { reopen })),
    };
  });
  const title = fit(
    { text: draft.title, charsMax: TITLE_CHARS_MAX, what: 'The plan’s title' },
    warnings,
  );
  return { plan: { format: 'ifab-plan/1', id: planId, title, tasks }, warnings };
};

const importedOf = (task: DraftTask, { reopen }: { readonly reopen: boolean }) => ({
  status: (task.status ?? '').slice(0, WORD_CHARS_MAX),
  done: task.done && !reopen,
});

const optional = (name: string, value: unknown): Readonly<Record<string, unknown>> =>
  value === undefined ? {} : { [name]: value };

const listOf = (items: Iterable<string> | undefined): readonly string[] | undefined => {
  const list = [...(items ?? [])];
  return list.length === 0 ? undefined : list;
};

interface LimitedText {
  readonly text: string;
  readonly charsMax: number;
  readonly what: string;
}

/** Cut at the limit, between characters and not inside one. Half a surrogate pair is no text and cannot be logged. */
const fit = ({ text: given, charsMax, what }: LimitedText, warnings: string[]): string => {
  const text = given.toWellFormed();
  if (text !== given)
    warnings.push(`${what} held half a surrogate pair; U+FFFD stands in its place.`);
  if (text.length <= charsMax) return text;
  warnings.push(`${what} has ${text.length} characters and was cut to ${charsMax}.`);
  const cut = text.slice(0, charsMax);
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut;
};

/** A title that is too long goes whole to the head of the description, where there is room for it. */
const textsOf = (task: DraftTask, warnings: string[]): Readonly<Record<string, unknown>> => {
  const title = fit(
    { text: task.title, charsMax: TITLE_CHARS_MAX, what: `The title of ${task.id}` },
    warnings,
  );
  const whole = [
    title === task.title ? undefined : task.title,
    task.description,
    ...task.more,
  ].filter((part) => part !== undefined);
  const what = `The description of ${task.id}`;
  const description =
    whole.length === 0
      ? undefined
      : fit({ text: whole.join('\n\n'), charsMax: DESCRIPTION_CHARS_MAX, what }, warnings);
  const acceptance = task.acceptance
    .slice(0, CRITERIA_MAX)
    .map((text) =>
      fit({ text, charsMax: CRITERION_CHARS_MAX, what: `A criterion of ${task.id}` }, warnings),
    );
  if (task.acceptance.length > CRITERIA_MAX) {
    warnings.push(
      `${task.id} has ${task.acceptance.length} acceptance criteria; the first ${CRITERIA_MAX} were taken.`,
    );
  }
  return {
    title,
    ...optional('description', description),
    ...optional('acceptance', listOf(acceptance)),
  };
};

const wordsOf = (task: DraftTask, warnings: string[]): Readonly<Record<string, unknown>> => {
  const type =
    task.type === undefined
      ? undefined
      : fit(
          { text: task.type, charsMax: WORD_CHARS_MAX, what: `The type of ${task.id}` },
          warnings,
        );
  const model =
    task.model === undefined
      ? undefined
      : fit(
          { text: task.model, charsMax: MODEL_CHARS_MAX, what: `The model of ${task.id}` },
          warnings,
        );
  const { priority } = task;
  const fits =
    priority === undefined ||
    (Number.isInteger(priority) && priority >= 0 && priority <= PRIORITY_MAX);
  if (!fits)
    warnings.push(
      `${task.id} has priority ${priority}, which is none of 0 to ${PRIORITY_MAX}; left out.`,
    );
  return {
    ...optional('type', type),
    ...optional('priority', fits ? priority : undefined),
    ...optional('estimateMinutes', task.estimateMinutes),
    ...optional('model', model),
    ...optional('labels', labelsOf(task, warnings)),
  };
};

/**
 * What the source says that has no field of its own stays visible as a label. So does its assignee: our field names an
 * agent of the realm, and a name in somebody else's file is none.
 */
const labelsOf = (task: DraftTask, warnings: string[]): readonly string[] | undefined => {
  const labels = new Set(task.labels);
  if (task.ephemeral) labels.add('ephemeral');
  if (task.pinned) labels.add('pinned');
  if (task.assignee !== undefined) labels.add(`assignee:${task.assignee}`);
  const fitting = [...labels]
    .filter((label) => label.length <= LABEL_CHARS_MAX)
    .slice(0, LABELS_MAX);
  if (fitting.length < labels.size)
    warnings.push(
      `${task.id}: ${labels.size - fitting.length} labels are too long or too many; left out.`,
    );
  return listOf(fitting);
};
