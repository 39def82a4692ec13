/**
 * The event table of a Gas Town backup, folded by event id. Its times are of one clock among themselves, so spans and
 * rates may be taken from them; order never is.
 */
import type { DraftTask, EventRows } from './draft.ts';
import { parseObject } from './json.ts';

export interface EventReport {
  readonly rows: number;
  readonly ids: {
    readonly first: number;
    readonly last: number;
    readonly missing: number;
    readonly gaps: number;
    readonly rising: boolean;
  };
  readonly byType: Readonly<Record<string, number>>;
  readonly actors: number;
  readonly tasks: number;
  /** Tasks that events name and the plan lacks. */
  readonly unknownTasks: number;
  readonly tasksWithoutEvents: number;
  readonly claims: {
    readonly count: number;
    readonly tasks: number;
    /** Tasks that two or more workers claimed, and the most workers of one task. */
    readonly sharedTasks: number;
    readonly workersMax: number;
    readonly sameHolderAgain: number;
    readonly holderReplaced: number;
  };
  /** Returns to `open` after a claim; one claim is handed back at most once. */
  readonly handBacks: number;
  readonly inFlightMax: number;
  readonly closes: {
    readonly count: number;
    readonly onClosed: number;
    readonly onClosedTasks: number;
    readonly onClosedByAnother: number;
  };
  /** Does the fold give the status that the task's row states? */
  readonly fold: { readonly tasks: number; readonly agree: number };
  /** `old_value.status` against the fold, but for the events that a fold starts from. */
  readonly oldStatus: { readonly agree: number; readonly differ: number };
  readonly claimToCloseMinutes: {
    readonly spans: number;
    readonly p50: number;
    readonly p90: number;
    readonly p99: number;
  };
  readonly busiest: { readonly minuteEvents: number; readonly secondEvents: number };
}

const IN_FLIGHT = new Set(['hooked', 'in_progress']);

interface Fold {
  readonly status: Map<string, string>;
  readonly holder: Map<string, string>;
  readonly workers: Map<string, Set<string>>;
  /** Tasks with a claim that was not handed back yet; a close does not count as handing back. */
  readonly claimed: Set<string>;
  readonly claimedAtMs: Map<string, number>;
  readonly lastCloser: Map<string, string>;
  readonly closedTwice: Set<string>;
  readonly spans: number[];
  readonly count: Record<Counter, number>;
}
type Counter =
  | 'claims'
  | 'sameHolderAgain'
  | 'holderReplaced'
  | 'handBacks'
  | 'inFlight'
  | 'inFlightMax'
  | 'closes'
  | 'onClosed'
  | 'onClosedByAnother'
  | 'oldAgree'
  | 'oldDiffer';

const emptyFold = (): Fold => ({
  status: new Map(),
  holder: new Map(),
  workers: new Map(),
  claimed: new Set(),
  claimedAtMs: new Map(),
  lastCloser: new Map(),
  closedTwice: new Set(),
  spans: [],
  count: {
    claims: 0,
    sameHolderAgain: 0,
    holderReplaced: 0,
    handBacks: 0,
    inFlight: 0,
    inFlightMax: 0,
    closes: 0,
    onClosed: 0,
    onClosedByAnother: 0,
    oldAgree: 0,
    oldDiffer: 0,
  },
});

export const foldEvents = (rows: EventRows, tasks: readonly DraftTask[]): EventReport => {
  const fold = emptyFold();
  const ordered = rows.toSorted((a, b) => Number(a['id']) - Number(b['id']));
  for (const row of ordered) apply(fold, row);

  const statusOf = new Map(tasks.map(({ id, status }) => [id, status]));
  const touched = [...fold.status];
  const workers = [...fold.workers.values()].map(({ size }) => size);
  const { count } = fold;
  return {
    rows: rows.length,
    ids: idsOf(rows.map((row) => Number(row['id']))),
    byType: tally(rows.map((row) => String(row['event_type']))),
    actors: new Set(rows.map((row) => String(row['actor']))).size,
    tasks: touched.length,
    unknownTasks: touched.filter(([id]) => !statusOf.has(id)).length,
    tasksWithoutEvents: tasks.filter(({ id }) => !fold.status.has(id)).length,
    claims: {
      count: count.claims,
      tasks: workers.length,
      sharedTasks: workers.filter((size) => size > 1).length,
      workersMax: largest(workers),
      sameHolderAgain: count.sameHolderAgain,
      holderReplaced: count.holderReplaced,
    },
    handBacks: count.handBacks,
    inFlightMax: count.inFlightMax,
    closes: {
      count: count.closes,
      onClosed: count.onClosed,
      onClosedTasks: fold.closedTwice.size,
      onClosedByAnother: count.onClosedByAnother,
    },
    fold: {
      tasks: touched.length,
      agree: touched.filter(([id, status]) => statusOf.get(id) === status).length,
    },
    oldStatus: { agree: count.oldAgree, differ: count.oldDiffer },
    claimToCloseMinutes: spansOf(fold.spans),
    busiest: {
      minuteEvents: mostAt(rows, 'YYYY-MM-DDTHH:MM'.length),
      secondEvents: mostAt(rows, 'YYYY-MM-DDTHH:MM:SS'.length),
    },
  };
};

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

const apply = (fold: Fold, row: EventRows[number]): void => {
  const task = String(row['issue_id']);
  const before = textOf(parseObject(row['old_value'])?.['status']);
  const after = parseObject(row['new_value']);
  const stated = textOf(after?.['status']);
  const known = fold.status.get(task);
  if (known !== undefined && before !== undefined) {
    fold.count[before === known ? 'oldAgree' : 'oldDiffer'] += 1;
  }
  const { from, to } = stepOf({ type: row['event_type'], known, before, stated });
  const atMs = Date.parse(String(row['created_at']));
  if (row['event_type'] === 'closed')
    close(fold, { task, from, actor: String(row['actor']), atMs });
  hand(fold, { task, stated, worker: textOf(after?.['assignee']), atMs });
  if (!IN_FLIGHT.has(to)) fold.holder.delete(task);

  fold.status.set(task, to);
  fold.count.inFlight += Number(IN_FLIGHT.has(to)) - Number(IN_FLIGHT.has(known ?? ''));
  fold.count.inFlightMax = Math.max(fold.count.inFlightMax, fold.count.inFlight);
};

interface Hand {
  readonly task: string;
  readonly stated: string | undefined;
  readonly worker: string | undefined;
  readonly atMs: number;
}

/** From hand to hand: a status in flight with a worker is a claim, `open` after a claim is a hand-back. */
const hand = (fold: Fold, { task, stated, worker, atMs }: Hand): void => {
  if (stated === undefined) return;
  if (IN_FLIGHT.has(stated) && worker !== undefined) claim(fold, { task, worker, atMs });
  else if (stated === 'open' && fold.claimed.delete(task)) fold.count.handBacks += 1;
};

interface Step {
  readonly type: unknown;
  readonly known: string | undefined;
  readonly before: string | undefined;
  readonly stated: string | undefined;
}

/** `created` opens, `closed` closes, a stated status sets; a task first seen in between starts where its event says. */
const stepOf = ({
  type,
  known,
  before,
  stated,
}: Step): { readonly from: string; readonly to: string } => {
  if (type === 'created') return { from: known ?? 'open', to: stated ?? 'open' };
  const from = known ?? before ?? '';
  return { from, to: stated ?? (type === 'closed' ? 'closed' : from) };
};

const claim = (
  fold: Fold,
  { task, worker, atMs }: { task: string; worker: string; atMs: number },
): void => {
  const workers = fold.workers.get(task) ?? new Set();
  fold.workers.set(task, workers.add(worker));
  fold.count.claims += 1;
  const holder = fold.holder.get(task);
  if (holder !== undefined)
    fold.count[holder === worker ? 'sameHolderAgain' : 'holderReplaced'] += 1;
  fold.holder.set(task, worker);
  fold.claimed.add(task);
  fold.claimedAtMs.set(task, atMs);
};

interface Close {
  readonly task: string;
  readonly from: string;
  readonly actor: string;
  readonly atMs: number;
}

const close = (fold: Fold, { task, from, actor, atMs }: Close): void => {
  fold.count.closes += 1;
  if (from === 'closed') {
    fold.count.onClosed += 1;
    fold.closedTwice.add(task);
    if (fold.lastCloser.get(task) !== actor) fold.count.onClosedByAnother += 1;
  }
  fold.lastCloser.set(task, actor);
  const claimedAtMs = fold.claimedAtMs.get(task);
  if (claimedAtMs !== undefined) fold.spans.push(atMs - claimedAtMs);
  fold.claimedAtMs.delete(task);
};

/** The largest of the numbers, 0 without any. A spread would exhaust the stack at some hundred thousand of them. */
export const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), values[0] ?? 0);

/** How often each word occurs, the most frequent first. */
export const tally = (words: readonly string[]): Readonly<Record<string, number>> => {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries([...counts].toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
};

const idsOf = (ids: readonly number[]): EventReport['ids'] => {
  let gaps = 0;
  let rising = true;
  for (const [index, id] of ids.slice(1).entries()) {
    const step = id - (ids[index] ?? 0);
    if (step > 1) gaps += 1;
    if (step <= 0) rising = false;
  }
  const [first, last] = [-largest(ids.map((id) => -id)), largest(ids)];
  if (ids.length === 0) return { first: 0, last: 0, missing: 0, gaps: 0, rising: true };
  return { first, last, missing: last - first + 1 - new Set(ids).size, gaps, rising };
};

const MINUTE_MS = 60_000;

/** Nearest-rank quantiles, rounded down to a tenth of a minute. */
const spansOf = (spansMs: readonly number[]): EventReport['claimToCloseMinutes'] => {
  const sorted = spansMs.toSorted((a, b) => a - b);
  const quantile = (share: number): number => {
    const spanMs = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
    return Number((spanMs / MINUTE_MS).toFixed(1));
  };
  return { spans: sorted.length, p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) };
};

const mostAt = (rows: EventRows, chars: number): number => {
  const counts = Object.values(tally(rows.map((row) => String(row['created_at']).slice(0, chars))));
  return counts[0] ?? 0;
};
