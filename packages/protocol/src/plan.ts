/** The plan format `ifab-plan/1`: what people write, importers produce and `plans.submit` takes. */
import { z } from 'zod';
import { WasmRun } from './contract.ts';
import {
  AgentName,
  CapabilityId,
  DurationMs,
  MicroUsd,
  PhaseKey,
  PlanId,
  SwarmId,
  TaskId,
  TaskKey,
} from './ids.ts';
import {
  ATTEMPTS_MAX_MAX,
  CAPABILITIES_MAX,
  COMMAND_CHARS_MAX,
  DEPENDENCIES_MAX,
  DESCRIPTION_CHARS_MAX,
  GATES_MAX,
  LABELS_MAX,
  LEASE_MS_MAX,
  LEASE_MS_MIN,
  PATHS_MAX,
  PHASES_MAX,
  PLAN_TASKS_PER_CALL_MAX,
  TITLE_CHARS_MAX,
} from './limits.ts';

const Title = z.string().min(1).max(TITLE_CHARS_MAX);

/** A command of the shell executor. `shell` runs under `sh -c`; secrets never belong here, the log keeps it. */
export const ShellRun = z.strictObject({
  shell: z.string().min(1).max(COMMAND_CHARS_MAX),
  /** Working directory below the task's own; no `..`. */
  cwd: z.string().max(1_000).optional(),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.string().max(4_000))
    .optional(),
  timeoutMs: DurationMs.min(1).max(86_400_000).optional(),
});
export type ShellRun = z.infer<typeof ShellRun>;

/** What a runner does for a task: a command, or a module in the sandbox. */
export const TaskRun = z.union([ShellRun, WasmRun]);
export type TaskRun = z.infer<typeof TaskRun>;

/** A check that the fabric runs itself before it believes that a task or phase is done. */
export const Gate = z.strictObject({ name: z.string().min(1).max(100), run: ShellRun });
export type Gate = z.infer<typeof Gate>;

export const PhaseSpec = z.strictObject({
  id: PhaseKey,
  title: Title.optional(),
  /** Phases that must have passed before this one opens; absent: the one before it in the list. */
  after: z.array(PhaseKey).max(PHASES_MAX).optional(),
  /** Opens only with an operator's approval, whatever came before it. */
  autonomous: z.boolean().optional(),
  /** What must hold, besides all tasks being done, before the phase has passed. */
  gate: z
    .strictObject({
      checks: z.array(Gate).max(GATES_MAX).optional(),
      /** Approvals by distinct operators. */
      approvals: z.int().min(0).max(10).optional(),
    })
    .optional(),
});
export type PhaseSpec = z.infer<typeof PhaseSpec>;

/** What a completion must bring: a change of files, an artifact. */
export const Expectation = z.enum(['diff', 'artifact']);

export const TaskSpec = z.strictObject({
  key: TaskKey,
  title: Title,
  description: z.string().max(DESCRIPTION_CHARS_MAX).optional(),
  type: z.string().min(1).max(50).optional(),
  phase: PhaseKey.optional(),
  /** 0 is the most urgent, 4 the least; absent: 2. */
  priority: z.int().min(0).max(4).optional(),
  /** Keys of this plan, or `plan/key` of another. */
  dependsOn: z
    .array(z.union([TaskId, TaskKey]))
    .max(DEPENDENCIES_MAX)
    .optional(),
  /** The task it is a part of; for display, not for order. */
  parent: TaskKey.optional(),
  /** Capabilities that a session must have to take it. */
  needs: z.array(CapabilityId).max(CAPABILITIES_MAX).optional(),
  /** The repository it works in: a path or URL; a session of the runner gives it a work tree of its own. */
  repo: z.string().min(1).max(1_000).optional(),
  /** Path globs of that repository that no other lease may own while this one lives. */
  owns: z.array(z.string().min(1).max(500)).max(PATHS_MAX).optional(),
  run: TaskRun.optional(),
  gates: z.array(Gate).max(GATES_MAX).optional(),
  expects: z.array(Expectation).max(2).optional(),
  /** Chosen only when nothing else is ready. */
  filler: z.boolean().optional(),
  attemptsMax: z.int().min(1).max(ATTEMPTS_MAX_MAX).optional(),
  leaseMs: DurationMs.min(LEASE_MS_MIN).max(LEASE_MS_MAX).optional(),
  budget: z
    .strictObject({ limitMicroUsd: MicroUsd.optional(), estimateMicroUsd: MicroUsd.optional() })
    .optional(),
  estimateMinutes: z.number().min(0).max(1_000_000).transform(Math.ceil).optional(),
  model: z.string().min(1).max(100).optional(),
  swarm: SwarmId.optional(),
  assignee: AgentName.optional(),
  labels: z.array(z.string().min(1).max(100)).max(LABELS_MAX).optional(),
  acceptance: z.array(z.string().min(1).max(1_000)).max(100).optional(),
  /** What an importer found: a finished task enters the fabric as done. */
  imported: z.strictObject({ status: z.string().max(50), done: z.boolean() }).optional(),
});
export type TaskSpec = z.infer<typeof TaskSpec>;

export const PlanSpec = z.strictObject({
  format: z.literal('ifab-plan/1').optional(),
  id: PlanId,
  title: Title.optional(),
  description: z.string().max(DESCRIPTION_CHARS_MAX).optional(),
  budget: z.strictObject({ limitMicroUsd: MicroUsd.optional() }).optional(),
  phases: z.array(PhaseSpec).max(PHASES_MAX).optional(),
  tasks: z.array(TaskSpec).max(PLAN_TASKS_PER_CALL_MAX),
});
export type PlanSpec = z.infer<typeof PlanSpec>;
