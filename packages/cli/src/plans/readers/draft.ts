/** What a reader hands on: rows, edges and oddities as the source has them, before any of it becomes a plan. */
import type { PhaseSpec } from '@infrafabric/protocol';
import type { PlanFormat } from '../source.ts';

export interface DraftTask {
  /** Line of the source, from 1. */
  readonly row: number;
  /** The id as the source spells it. */
  readonly id: string;
  readonly title: string;
  readonly description: string | undefined;
  /** Further texts of the row, such as its notes; they follow the description in the plan. */
  readonly more: readonly string[];
  /** Undefined where the source states none. */
  readonly status: string | undefined;
  readonly done: boolean;
  /** Nobody works on it, nothing holds it but its dependencies. */
  readonly open: boolean;
  readonly type: string | undefined;
  readonly priority: number | undefined;
  readonly labels: readonly string[];
  readonly assignee: string | undefined;
  /** What the row itself names as its parent, beside any edge. */
  readonly parentField: string | undefined;
  readonly ephemeral: boolean;
  readonly pinned: boolean;
  readonly filler: boolean;
  readonly estimateMinutes: number | undefined;
  readonly model: string | undefined;
  readonly acceptance: readonly string[];
  /** How many of the acceptance criteria are ticked. */
  readonly ticked: number;
  readonly createdAt: string | undefined;
  readonly phase: string | undefined;
}

/** `from` depends on `to`; for `parent-child`, `from` is the child. */
export interface DraftEdge {
  readonly from: string;
  readonly to: string;
  readonly type: string;
  /** It was spelled out from prose such as “All above”. */
  readonly fromProse: boolean;
}

/** A row that did not become a task, and why. */
export interface SkippedRow {
  readonly file: string;
  readonly row: number;
  readonly id: string | undefined;
  readonly why: string;
}

/** Levels of parents that are followed. Real plans nest two; a ring of parents never ends. */
export const NESTING_MAX = 64;

/** Why a second row of one id is skipped. */
export const ID_USED = 'its id was used by an earlier row, which was kept';

/** An event table's rows, parsed to objects and otherwise untouched. */
export type EventRows = readonly Readonly<Record<string, unknown>>[];

export interface Draft {
  readonly format: PlanFormat;
  readonly title: string;
  readonly tasks: readonly DraftTask[];
  readonly edges: readonly DraftEdge[];
  /** Only our own plans have phases. */
  readonly phases: readonly PhaseSpec[];
  readonly skipped: readonly SkippedRow[];
  readonly warnings: readonly string[];
  /** Label rows that name no task. */
  readonly orphanLabels: number;
  /** A date that the source gives for itself as a whole. */
  readonly dated: string | undefined;
  readonly events: EventRows | undefined;
}

export const EMPTY_TASK = {
  description: undefined,
  more: [],
  status: undefined,
  done: false,
  open: true,
  type: undefined,
  priority: undefined,
  labels: [],
  assignee: undefined,
  parentField: undefined,
  ephemeral: false,
  pinned: false,
  filler: false,
  estimateMinutes: undefined,
  model: undefined,
  acceptance: [],
  ticked: 0,
  createdAt: undefined,
  phase: undefined,
} as const satisfies Partial<DraftTask>;
