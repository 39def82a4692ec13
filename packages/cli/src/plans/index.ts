/** Plans in and out. */
export { checkPlan } from './check-plan.ts';
export { planDigest } from './digest.ts';
export { loadPlanSource } from './files.ts';
export type { PlanIssue } from './issues.ts';
export { readPlan } from './read-plan.ts';
export { printable, printableJson, shortened } from './report/printable.ts';
export { renderIssues, renderReport } from './report/render-report.ts';
export type { ImportReport } from './report/report.ts';
export { planJsonSchemaText } from './schema.ts';
export type { PlanSource } from './source.ts';
export { planToDot } from './writers/dot.ts';
export { planToMermaid } from './writers/mermaid.ts';
export { planToJson } from './writers/plan-json.ts';
export type { DrawnState } from './writers/selection.ts';
