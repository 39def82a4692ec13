/** What an import found: every number that a person checks before trusting a plan. It is plain data, and its own JSON. */
import type { SkippedRow } from '../readers/draft.ts';
import type { EventReport } from '../readers/events.ts';
import type { PlanFormat } from '../source.ts';
import type { Readiness } from './readiness.ts';

export type Counts = Readonly<Record<string, number>>;

export interface NamedCount {
  readonly id: string;
  readonly count: number;
}

export interface ChainReport {
  readonly tasks: number;
  /** The tasks of one longest chain, first to last. */
  readonly path: readonly string[];
  /** Tasks that a chain of this length ends in, the first twenty. */
  readonly ends: readonly string[];
}

/**
 * Tasks that are filler count in `tasks` and `fillers` only, and in estimates: they wait for nobody and are begun when
 * nothing else is ready. Rows that state no status, type or priority are not counted there.
 */
export interface ImportReport {
  readonly format: PlanFormat;
  readonly title: string;
  readonly tasks: number;
  readonly fillers: number;
  readonly phases: { readonly count: number; readonly autonomous: number };
  readonly byStatus: Counts;
  readonly byType: Counts;
  readonly byPriority: Counts;
  readonly byModel: Counts;
  readonly edges: { readonly total: number; readonly byType: Counts; readonly fromProse: number };
  /** Edges to a task that the source does not have; dropped. Dependencies on tasks of other plans are none. */
  readonly dangling: {
    readonly total: number;
    readonly byType: Counts;
    readonly ids: readonly string[];
  };
  /** Different `blocks` edges with both ends in the plan: these become `dependsOn`. */
  readonly usableBlocks: number;
  readonly duplicates: { readonly ids: readonly string[]; readonly edges: number };
  readonly selfEdges: number;
  readonly cycles: readonly (readonly string[])[];
  readonly longestChain: ChainReport;
  /** Counts only tasks that are not done. */
  readonly unfinishedChain: ChainReport;
  /** The chain that takes longest by the estimates; undefined without estimates. */
  readonly criticalPath: { readonly minutes: number; readonly path: readonly string[] } | undefined;
  readonly ready: Readiness;
  /** Sizes of the successive ready sets if every task were open: the drain of a demo. */
  readonly waves: readonly number[];
  /** Counted over usable `blocks` edges. */
  readonly mostDependants: NamedCount | undefined;
  readonly mostDependencies: NamedCount | undefined;
  readonly assigned: { readonly rows: number; readonly inFlight: number };
  readonly ephemeral: number;
  readonly parents: {
    readonly usable: number;
    /** Levels from a leaf to its farthest ancestor, both counted; 0 without parents. */
    readonly nesting: number;
    /** Parents of one task; the plan keeps the first. */
    readonly perTaskMax: number;
    /** Rows whose parent field and parent edge say the same, and rows where they differ. */
    readonly fieldAgrees: number;
    readonly fieldDiffers: number;
  };
  readonly labels: {
    readonly uses: number;
    readonly rows: number;
    readonly different: number;
    readonly orphans: number;
  };
  readonly longestDescription: { readonly id: string; readonly chars: number } | undefined;
  readonly created: { readonly from: string; readonly to: string } | undefined;
  readonly estimates: { readonly minutes: number; readonly fillerMinutes: number };
  readonly acceptanceCriteria: {
    readonly total: number;
    readonly ticked: number;
    /** How many tasks have how many. */
    readonly tasksByCount: Counts;
  };
  readonly skipped: readonly SkippedRow[];
  readonly warnings: readonly string[];
  readonly events: EventReport | undefined;
}
