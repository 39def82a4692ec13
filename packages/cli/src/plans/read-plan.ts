/** One door for every plan format: bytes in, a plan and a report of what was found out. */
import type { PlanSpec } from '@infrafabric/protocol';
import { checkPlan } from './check-plan.ts';
import type { PlanIssue } from './issues.ts';
import { readBeads } from './readers/beads.ts';
import { readBoard } from './readers/board.ts';
import type { Draft } from './readers/draft.ts';
import { draftOf } from './readers/own.ts';
import { planFromDraft } from './readers/plan-from-draft.ts';
import { parseStructured } from './readers/structured.ts';
import { buildReport } from './report/build-report.ts';
import type { ImportReport } from './report/report.ts';
import { detectFormat, planIdFromName } from './source.ts';
import type { PlanFormat, PlanSource } from './source.ts';

export interface ReadPlanOptions {
  /** Take every task as not done, whatever the source says. */
  readonly reopen?: boolean;
  /** Instead of the plan's own id, or of the one made from the source's name. */
  readonly planId?: string;
}

export type ReadPlanResult =
  | { readonly kind: 'plan'; readonly plan: PlanSpec; readonly report: ImportReport }
  /** Nothing to submit. The report is there when the source could be read and only its plan is wrong. */
  | {
      readonly kind: 'refused';
      readonly issues: readonly PlanIssue[];
      readonly report: ImportReport | undefined;
    };

/**
 * Reads a plan of any known format. Pure, and the same bytes, name and options give the same plan: a second import
 * changes nothing. Never throws for what the source holds.
 *
 * @example
 * const result = readPlan({ kind: 'text', name: 'board.md', text });
 * if (result.kind === 'plan') await fabric.plans.submit(result.plan);
 */
export const readPlan = (source: PlanSource, options: ReadPlanOptions = {}): ReadPlanResult => {
  const format = detectFormat(source);
  switch (format) {
    case undefined:
      return refused({
        path: '',
        line: undefined,
        what: source.kind === 'folder' ? 'the folder holds no issues.jsonl' : 'the file is empty',
        mend: 'give a plan in YAML or JSON, a Beads export, a Gas Town backup folder or a Markdown task board',
      });
    case 'ifab-json':
    case 'ifab-yaml':
      return readOwn(source.kind === 'text' ? source.text : '', format, options);
    case 'beads-jsonl':
    case 'gastown-backup':
      return finish(readBeads(source, source.name), source, options);
    case 'markdown-board':
      return finish(
        readBoard({ text: source.kind === 'text' ? source.text : '', title: source.name }),
        source,
        options,
      );
  }
};

const refused = (issue: PlanIssue): ReadPlanResult => ({
  kind: 'refused',
  issues: [issue],
  report: undefined,
});

const finish = (
  draft: Draft,
  source: PlanSource,
  { planId, reopen = false }: ReadPlanOptions,
): ReadPlanResult => {
  const report = buildReport(draft, { reopen });
  if (draft.tasks.length === 0) return { kind: 'refused', issues: [nothing(draft)], report };
  const made = planFromDraft(draft, { planId: planId ?? planIdFromName(source.name), reopen });
  const full = { ...report, warnings: [...report.warnings, ...made.warnings] };
  const checked = checkPlan(made.plan);
  if (checked.kind === 'plan') return { kind: 'plan', plan: checked.plan, report: full };
  return { kind: 'refused', issues: checked.issues, report: full };
};

const nothing = ({ format, skipped: [first, ...others] }: Draft): PlanIssue => ({
  path: '',
  line: first?.row,
  what:
    first === undefined
      ? `no row of it is a task; it was read as ${format}`
      : `no row of it is a task; it was read as ${format}, and ${others.length + 1} rows were skipped, the first because ${first.why}`,
  mend: 'give a plan in YAML or JSON, a Beads export, a Gas Town backup folder or a Markdown task board',
});

const readOwn = (
  text: string,
  format: PlanFormat,
  { planId, reopen = false }: ReadPlanOptions,
): ReadPlanResult => {
  const parsed = parseStructured(text);
  if (parsed.kind === 'refused') return { ...parsed, report: undefined };
  const value = planId === undefined ? parsed.value : withId(parsed.value, planId);
  const checked = checkPlan(value, parsed.lineOf);
  if (checked.kind === 'refused') return { ...checked, report: undefined };
  const report = buildReport(draftOf(checked.plan, format), { reopen });
  return { kind: 'plan', plan: reopen ? reopened(checked.plan) : checked.plan, report };
};

const withId = (value: unknown, id: string): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value, id } : value;

const reopened = (plan: PlanSpec): PlanSpec => ({
  ...plan,
  tasks: plan.tasks.map((task) =>
    task.imported === undefined ? task : { ...task, imported: { ...task.imported, done: false } },
  ),
});
