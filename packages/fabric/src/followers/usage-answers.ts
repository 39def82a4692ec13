/** What the read model of costs is asked and what it answers; plain values that cross a thread. */
import type { CostBucket, CostDimension } from '@infrafabric/protocol';

/** Records that fit all that is said. '' asks for those that name no swarm, or no model. */
export interface UsageFilter {
  readonly planId?: string | undefined;
  readonly swarmId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly model?: string | undefined;
  readonly component?: string | undefined;
  /** Ms since 1970, inclusive both. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Only records of entries below this index. */
  readonly before?: number | undefined;
}

interface Page {
  readonly limit?: number | undefined;
  /** As an answer's `next` gave it. */
  readonly after?: string | undefined;
}

export interface ReportAsk extends UsageFilter, Page {
  readonly by: readonly CostDimension[];
}

export interface HistoryAsk extends UsageFilter, Page {
  readonly bucket: CostBucket;
  readonly by?: Exclude<CostDimension, 'day'> | undefined;
}

export interface EntriesAsk extends UsageFilter, Page {}

/** Micro-dollars and tokens of some records. */
export interface UsageFigures {
  readonly microUsd: number;
  readonly chargedMicroUsd: number;
  readonly overrunMicroUsd: number;
  readonly measuredMicroUsd: number;
  readonly reportedMicroUsd: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly records: number;
}

interface Span {
  readonly firstIndex: number;
  readonly lastIndex: number;
}

export type Group = Readonly<Record<string, string>>;

export interface ReportAnswer {
  readonly rows: readonly (UsageFigures & Span & { readonly group: Group })[];
  readonly total: UsageFigures & Partial<Span>;
  readonly next?: string;
  /** Entries that the answer took account of. */
  readonly indexedTo: number;
}

export interface HistoryAnswer {
  readonly rows: readonly (UsageFigures &
    Span & { readonly from: number; readonly group?: Group })[];
  readonly next?: string;
  readonly indexedTo: number;
}

export interface UsageEntry {
  readonly index: number;
  readonly at: number;
  readonly planId: string;
  readonly taskId: string;
  readonly sessionId: string;
  readonly swarmId?: string;
  readonly model?: string;
  readonly component: string;
  readonly basis: string;
  readonly microUsd: number;
  readonly chargedMicroUsd: number;
  readonly overrunMicroUsd: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
}

export interface EntriesAnswer {
  readonly entries: readonly UsageEntry[];
  readonly next?: string;
  readonly indexedTo: number;
}

/** What was spent lately, and since when anything was. */
export interface BurnAnswer {
  readonly microUsd: number;
  readonly records: number;
  /** Time of the first record that fits, whenever it was, ms since 1970; absent: there is none. */
  readonly firstAt?: number;
  readonly indexedTo: number;
}
