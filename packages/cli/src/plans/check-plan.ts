/** Checks of a plan before it goes out: its shape by the schema, and what no schema can say. */
import { PhaseSpec, PlanSpec, ShellRun, TaskSpec, WasmRun } from '@infrafabric/protocol';
import type { z } from 'zod';
import { didYouMean, ISSUES_MAX, pathText } from './issues.ts';
import type { PlanIssue } from './issues.ts';
import { buildGraph, cyclesOf } from './report/graph.ts';

export type CheckedPlan =
  | { readonly kind: 'plan'; readonly plan: PlanSpec }
  | { readonly kind: 'refused'; readonly issues: readonly PlanIssue[] };

/** Phases that a mend lists; a plan has ten, a large one seventy. */
const PHASES_NAMED_MAX = 20;

type LineOf = (path: readonly PropertyKey[]) => number | undefined;

export const checkPlan = (value: unknown, lineOf: LineOf = () => undefined): CheckedPlan => {
  const parsed = PlanSpec.safeParse(value);
  const issues = parsed.success
    ? [...referencesOf(parsed.data), ...halfCharacters(parsed.data)]
    : parsed.error.issues.flatMap((issue) => explain(issue));
  if (parsed.success && issues.length === 0) return { kind: 'plan', plan: parsed.data };
  const located = issues.slice(0, ISSUES_MAX).map(({ at, what, mend }) => ({
    path: pathText(at),
    line: lineOf(at),
    what,
    mend,
  }));
  return { kind: 'refused', issues: located };
};

interface Finding {
  readonly at: readonly PropertyKey[];
  readonly what: string;
  readonly mend: string;
}

/** The schema's complaint in words of the plan. Values are not repeated: they may be long, or secrets. */
const explain = (issue: z.core.$ZodIssue): readonly Finding[] => {
  const at = issue.path;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(at, key));
    case 'invalid_type':
      return [
        issue.input === undefined && issue.message.includes('undefined')
          ? { at, what: 'it is missing', mend: `add it; it is ${article(issue.expected)}` }
          : {
              at,
              what: `it is not ${article(issue.expected)}`,
              mend: `write ${article(issue.expected)}`,
            },
      ];
    case 'too_big':
      return [size(at, 'larger', `at most ${issue.maximum}${unit(issue.origin)}`)];
    case 'too_small':
      return [size(at, 'smaller', `at least ${issue.minimum}${unit(issue.origin)}`)];
    case 'invalid_union':
      if (at.at(-1) === 'run') return runFindings(issue);
      return [
        {
          at,
          what: 'it is neither a key of this plan nor plan/key',
          mend: 'write letters, digits and . _ : - only',
        },
      ];
    case 'invalid_value':
      return [
        {
          at,
          what: 'it is none of the allowed values',
          mend: `one of: ${issue.values.join(', ')}`,
        },
      ];
    case 'invalid_format':
      return [
        { at, what: `it ${issue.message}`, mend: 'use only what the pattern in brackets allows' },
      ];
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'not_multiple_of':
      return [
        { at, what: issue.message, mend: 'see docs/reference/plan.schema.json for this field' },
      ];
  }
};

const unknownKey = (path: readonly PropertyKey[], key: string): Finding => {
  const at = [...path, key];
  const fields = fieldsAt(path);
  return fields.includes(key)
    ? {
        at,
        what: `“${key}” does not stand beside the other fields here`,
        mend: 'a run is a command (shell) or a module (wasm), with the fields of that one',
      }
    : {
        at,
        what: `“${key}” is no field here`,
        mend: `${didYouMean(key, fields)}fields here: ${fields.join(', ')}`,
      };
};

/** A `run` is a command or a module: the complaint is about the one that was meant, by the field that it has. */
const runFindings = ({ path, errors }: z.core.$ZodIssueInvalidUnion): readonly Finding[] => {
  const [shell = [], wasm = []] = errors;
  const lacksModule = wasm.some(
    ({ code, path: at }) => code === 'invalid_type' && at[0] === 'wasm',
  );
  const lacksShell = shell.some(
    ({ code, path: at }) => code === 'invalid_type' && at[0] === 'shell',
  );
  if (lacksModule && lacksShell)
    return [
      {
        at: path,
        what: 'it names neither a command nor a module',
        mend: 'write { shell: "…" }, or { wasm: "sha256:…", entrypoint: run }',
      },
    ];
  return (lacksModule ? shell : wasm).flatMap((issue) =>
    explain({ ...issue, path: [...path, ...issue.path] }),
  );
};

const size = (at: readonly PropertyKey[], how: string, limit: string): Finding => ({
  at,
  what: `it is ${how} than it may be`,
  mend: limit,
});

const article = (type: string): string => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);

/** What is counted: nothing is where the value itself has the limit. */
const unit = (origin: string): string => {
  if (origin === 'string') return ' characters';
  return origin === 'array' || origin === 'set' ? ' entries' : '';
};

/** The fields that the object at this path may have. */
const fieldsAt = (path: readonly PropertyKey[]): readonly string[] => {
  const last = path.findLast((part) => typeof part === 'string');
  if (last === undefined) return Object.keys(PlanSpec.shape);
  if (last === 'tasks') return Object.keys(TaskSpec.shape);
  if (last === 'phases') return Object.keys(PhaseSpec.shape);
  if (last === 'run') return Object.keys({ ...ShellRun.shape, ...WasmRun.shape });
  if (last === 'limits') return Object.keys(WasmRun.shape.limits.unwrap().shape);
  if (last === 'gates' || last === 'checks') return ['name', 'run'];
  if (last === 'gate') return ['checks', 'approvals'];
  if (last === 'budget')
    return path.length > 1 ? ['limitMicroUsd', 'estimateMicroUsd'] : ['limitMicroUsd'];
  return last === 'imported' ? ['status', 'done'] : [];
};

const referencesOf = (plan: PlanSpec): readonly Finding[] => {
  const phaseIds = (plan.phases ?? []).map(({ id }): string => id);
  const findings = [
    ...doubles(
      plan.tasks.map(({ key }) => key),
      (index) => ['tasks', index, 'key'],
    ),
    ...doubles(phaseIds, (index) => ['phases', index, 'id']),
    ...phaseNames(plan, phaseIds),
    ...taskNames(plan),
  ];
  return findings.length > 0 ? findings : cycleFindings(plan);
};

const phaseNames = (plan: PlanSpec, phaseIds: readonly string[]): readonly Finding[] => {
  const known = new Set(phaseIds);
  const findings: Finding[] = [];
  const check = (at: readonly PropertyKey[], phase: string | undefined): void => {
    if (phase === undefined || known.has(phase)) return;
    findings.push({
      at,
      what: `the plan has no phase “${phase}”`,
      mend: `${didYouMean(phase, known)}phases: ${phaseIds.slice(0, PHASES_NAMED_MAX).join(', ') || 'none'}`,
    });
  };
  for (const [index, { after = [] }] of (plan.phases ?? []).entries()) {
    for (const [place, other] of after.entries()) check(['phases', index, 'after', place], other);
  }
  for (const [index, { phase }] of plan.tasks.entries()) check(['tasks', index, 'phase'], phase);
  return findings;
};

const taskNames = (plan: PlanSpec): readonly Finding[] => {
  const known = new Set(plan.tasks.map(({ key }): string => key));
  const findings: Finding[] = [];
  for (const [index, { key: task, dependsOn = [], parent }] of plan.tasks.entries()) {
    for (const [place, other] of dependsOn.entries()) {
      const key = keyInPlan(plan.id, other);
      if (key === undefined || known.has(key)) continue;
      findings.push({
        at: ['tasks', index, 'dependsOn', place],
        what: `${task} depends on “${key}”, and the plan has no such task`,
        mend: `${didYouMean(key, known)}write a key of this plan, or plan/key for a task of another`,
      });
    }
    if (parent === undefined || known.has(parent)) continue;
    findings.push({
      at: ['tasks', index, 'parent'],
      what: `${task} is part of “${parent}”, and the plan has no such task`,
      mend: `${didYouMean(parent, known)}write a key of this plan, or leave it out`,
    });
  }
  return findings;
};

/** The log keeps canonical JSON only, and that has no text for half of a surrogate pair. */
const halfCharacters = (value: unknown, at: readonly PropertyKey[] = []): readonly Finding[] => {
  if (typeof value === 'string') {
    if (value.isWellFormed()) return [];
    return [
      {
        at,
        what: 'its text holds half of a surrogate pair',
        mend: 'write the whole character, or leave it out',
      },
    ];
  }
  if (Array.isArray(value))
    return value.flatMap((item, index) => halfCharacters(item, [...at, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) => halfCharacters(item, [...at, key]));
};

const doubles = (
  names: readonly string[],
  at: (index: number) => readonly PropertyKey[],
): readonly Finding[] => {
  const first = new Map<string, number>();
  const findings: Finding[] = [];
  for (const [index, name] of names.entries()) {
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, index);
    else
      findings.push({
        at: at(index),
        what: `“${name}” is used twice`,
        mend: `rename it; ${pathText(at(earlier))} has it already`,
      });
  }
  return findings;
};

/** The key that a dependency names in this plan, or undefined where it names a task of another one. */
export const keyInPlan = (planId: string, dependency: string): string | undefined => {
  const slash = dependency.indexOf('/');
  if (slash < 0) return dependency;
  return dependency.slice(0, slash) === planId ? dependency.slice(slash + 1) : undefined;
};

/** Cycles are looked for when all names are right: a wrong name would hide one, or make one up. */
const cycleFindings = (plan: PlanSpec): readonly Finding[] => {
  const tasks = plan.tasks.map(({ key, phase, filler }) => ({ id: key, phase, filler }));
  const edges = plan.tasks.flatMap(({ key, dependsOn = [] }) =>
    dependsOn.map((other) => ({ from: key, to: keyInPlan(plan.id, other) ?? '' })),
  );
  const graph = buildGraph({ tasks, edges, phases: plan.phases ?? [] });
  return cyclesOf(graph).map((cycle) => {
    const first = cycle[0] ?? '';
    const index = plan.tasks.findIndex(({ key }) => key === first);
    const phase = (plan.phases ?? []).findIndex(({ id }) => `phase ${id}` === first);
    const crosses = cycle.some((name) => name.startsWith('phase '));
    return {
      at: index >= 0 ? ['tasks', index, 'dependsOn'] : ['phases', phase, 'after'],
      what: `these wait for each other: ${cycle.join(' → ')}`,
      mend: crosses
        ? 'each comes before the next; a phase waits for all its tasks, and its tasks for the phases before it'
        : 'each comes before the next; take one of the dependencies away',
    };
  });
};
