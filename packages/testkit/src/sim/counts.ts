/** How often things happened in simulated worlds: a run in which nothing happens proves nothing. */

export interface SimCounts {
  entries: number;
  calls: number;
  answers: number;
  grants: number;
  expiries: number;
  refusedWrites: number;
  repeats: number;
  crashes: number;
  powerCuts: number;
  secondLeaders: number;
  pauses: number;
  clockJumps: number;
  epochs: number;
  files: number;
  /** Leaders that served again only after a restart, although their medium had healed. */
  stuck: number;
  /** Refusals that callers heard, by code. */
  readonly refusals: Record<string, number>;
  /** What a room counts for itself. */
  readonly room: Record<string, number>;
}

export const noCounts = (): SimCounts => ({
  entries: 0,
  calls: 0,
  answers: 0,
  grants: 0,
  expiries: 0,
  refusedWrites: 0,
  repeats: 0,
  crashes: 0,
  powerCuts: 0,
  secondLeaders: 0,
  pauses: 0,
  clockJumps: 0,
  epochs: 0,
  files: 0,
  stuck: 0,
  refusals: {},
  room: {},
});

/** One more of a kind. */
export const countOne = (counts: Record<string, number>, kind: string): void => {
  counts[kind] = (counts[kind] ?? 0) + 1;
};

/** What a log says of leases. */
export function countEvents(
  counts: SimCounts,
  entries: readonly { readonly events: readonly { readonly type: string }[] }[],
): void {
  for (const { type } of entries.flatMap(({ events }) => events)) {
    if (type === 'task.leased') counts.grants += 1;
    if (type === 'lease.expired') counts.expiries += 1;
    if (type === 'write.refused') counts.refusedWrites += 1;
  }
}

/** Adds the figures of one run to a sum: numbers are added, lists joined, and so on inside of what has members. */
export function addCounts(sum: object, more: object): void {
  const into = new Map<string, unknown>(Object.entries(sum));
  for (const [name, value] of Object.entries(more) as [string, unknown][]) {
    const before = into.get(name);
    if (typeof value === 'number')
      Object.assign(sum, { [name]: typeof before === 'number' ? before + value : value });
    else if (Array.isArray(value) && Array.isArray(before))
      Object.assign(sum, { [name]: [...(before as unknown[]), ...(value as unknown[])] });
    else if (isObject(value) && isObject(before)) addCounts(before, value);
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
