/** Reads of what was spent: sums by what it was spent on, over time, record by record, and where it leads. */
import { z } from 'zod';
import {
  AccountId,
  DurationMs,
  EntryIndex,
  MicroUsd,
  ModelName,
  PlanId,
  SessionId,
  SwarmId,
  TaskId,
  Timestamp,
} from '../ids.ts';
import { PAGE_ROWS_MAX } from '../limits.ts';
import { ANYONE, defineOperation } from '../operation.ts';

/** What costs are summed by. A day is one of UTC; a record without a swarm or a model has '' there. */
export const CostDimension = z.enum([
  'plan',
  'swarm',
  'task',
  'session',
  'model',
  'component',
  'day',
]);
export type CostDimension = z.infer<typeof CostDimension>;

/** Sizes of one step of a history. Hours and days are those of UTC, weeks begin on its Monday. */
export const CostBucket = z.enum(['hour', 'day', 'week']);
export type CostBucket = z.infer<typeof CostBucket>;

/** Dimensions of one report. More would list records, not sums. */
const DIMENSIONS_MAX = 3;
/** Characters of the place where a page goes on: three ids of a task's length, escaped. */
const AFTER_CHARS_MAX = 2_000;
/** Spans that a rate of spending is measured over. Shorter: one call is a trend. Longer: yesterday hides today. */
const WINDOW_MS_MIN = 60_000;
const WINDOW_MS_MAX = 604_800_000;

const Count = z.int().min(0);
const NONE = z.literal('');

/** Which records count: those that fit all that is said. '' asks for records that name none. */
const Filter = {
  planId: PlanId.optional(),
  swarmId: z.union([SwarmId, NONE]).optional(),
  taskId: TaskId.optional(),
  sessionId: SessionId.optional(),
  model: z.union([ModelName, NONE]).optional(),
  component: z.string().max(64).optional(),
  /** Inclusive both. */
  since: Timestamp.optional(),
  until: Timestamp.optional(),
  /** Only records of entries below this index: pages, and what is compared with them, speak of one log. */
  before: EntryIndex.optional(),
};

const Page = {
  limit: z.int().min(1).max(PAGE_ROWS_MAX).optional(),
  /** As an answer's `next` gave it. */
  after: z.string().max(AFTER_CHARS_MAX).optional(),
};

const Figures = {
  /** What it cost: charged and overrun together; and the same, measured and reported together. */
  microUsd: MicroUsd,
  chargedMicroUsd: MicroUsd,
  /** What no account covered. */
  overrunMicroUsd: MicroUsd,
  measuredMicroUsd: MicroUsd,
  /** What agents said that it cost. */
  reportedMicroUsd: MicroUsd,
  inputTokens: Count,
  outputTokens: Count,
  cachedTokens: Count,
  records: Count,
};

const Group = z.record(z.string(), z.string());

export const CostRow = z.strictObject({
  group: Group,
  ...Figures,
  firstIndex: EntryIndex,
  lastIndex: EntryIndex,
});
export type CostRow = z.infer<typeof CostRow>;

/** Of all records that fit, whatever page is shown. Without records there is no first entry and no last. */
export const CostTotal = z.strictObject({
  ...Figures,
  firstIndex: EntryIndex.optional(),
  lastIndex: EntryIndex.optional(),
});
export type CostTotal = z.infer<typeof CostTotal>;

export const CostStep = z.strictObject({
  /** Where the step begins. Steps without records are not listed. */
  from: Timestamp,
  group: Group.optional(),
  ...Figures,
  firstIndex: EntryIndex,
  lastIndex: EntryIndex,
});
export type CostStep = z.infer<typeof CostStep>;

export const CostEntry = z.strictObject({
  /** The entry that holds the record. */
  index: EntryIndex,
  at: Timestamp,
  planId: PlanId,
  taskId: TaskId,
  sessionId: SessionId,
  swarmId: SwarmId.optional(),
  model: ModelName.optional(),
  component: z.string(),
  basis: z.enum(['measured', 'reported']),
  microUsd: MicroUsd,
  chargedMicroUsd: MicroUsd,
  overrunMicroUsd: MicroUsd,
  inputTokens: Count,
  outputTokens: Count,
  cachedTokens: Count,
});
export type CostEntry = z.infer<typeof CostEntry>;

export const costOperations = [
  defineOperation({
    name: 'costs.report',
    summary: 'What was spent, summed by plan, swarm, task, session, model, component or day.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({
      by: z
        .array(CostDimension)
        .min(1)
        .max(DIMENSIONS_MAX)
        .refine((by) => new Set(by).size === by.length, 'names a dimension twice'),
      ...Filter,
      ...Page,
    }),
    output: z.strictObject({
      /** In the order of their groups. */
      rows: z.array(CostRow),
      total: CostTotal,
      next: z.string().optional(),
      /** Entries that the answer took account of. */
      indexedTo: Count,
    }),
    errors: ['request.invalid'],
  }),
  defineOperation({
    name: 'costs.history',
    summary: 'What was spent hour by hour, day by day or week by week.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({
      bucket: CostBucket,
      by: CostDimension.exclude(['day']).optional(),
      ...Filter,
      ...Page,
    }),
    output: z.strictObject({
      /** Oldest first. */
      rows: z.array(CostStep),
      next: z.string().optional(),
      indexedTo: Count,
    }),
    errors: ['request.invalid'],
  }),
  defineOperation({
    name: 'costs.entries',
    summary: 'The records behind the sums, with the entries of the log that hold them.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({ ...Filter, ...Page }),
    output: z.strictObject({
      /** In the order of the log. */
      entries: z.array(CostEntry),
      next: z.string().optional(),
      indexedTo: Count,
    }),
    errors: ['request.invalid'],
  }),
  defineOperation({
    name: 'costs.forecast',
    summary:
      'How fast money goes, when the account is empty at this rate, and what is still to come.',
    effect: 'read',
    callers: ANYONE,
    input: z.strictObject({
      /** The plan's account, or the swarm's; with neither, the realm's. */
      planId: PlanId.optional(),
      swarmId: SwarmId.optional(),
      /** How far back the rate is measured; absent: an hour. */
      windowMs: DurationMs.min(WINDOW_MS_MIN).max(WINDOW_MS_MAX).optional(),
    }),
    output: z.strictObject({
      account: AccountId,
      at: Timestamp,
      windowMs: DurationMs,
      /** What the rate was measured over: the window, or less where spending began within it. */
      measuredMs: DurationMs,
      windowMicroUsd: MicroUsd,
      records: Count,
      microUsdPerHour: MicroUsd,
      limitMicroUsd: MicroUsd,
      reservedMicroUsd: MicroUsd,
      spentMicroUsd: MicroUsd,
      overrunMicroUsd: MicroUsd,
      availableMicroUsd: MicroUsd,
      /** When nothing is available any more at this rate; absent: not within ten years. */
      exhaustedAt: Timestamp.optional(),
      /** Of a plan: what its unfinished tasks are expected to cost, and what they cost at worst. */
      remaining: z
        .strictObject({
          expectedMicroUsd: MicroUsd,
          worstMicroUsd: MicroUsd,
          /** Tasks among them that say nothing of their cost. */
          unpriced: Count,
        })
        .optional(),
      indexedTo: Count,
    }),
    errors: ['request.invalid', 'plan.not_found', 'swarm.not_found', 'budget.not_found'],
  }),
] as const;
