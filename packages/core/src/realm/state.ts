/** The realm's slice: who leads, how far the log is, and which idempotency keys were answered where. */
import type { Entry, Section } from '../kernel/decision.ts';
import { assert } from '../kernel/decision.ts';
import { canonicalText } from '../kernel/canonical.ts';
import type { RealmEvent } from './events.ts';

/** How long a key's reply is kept, ms: longer than any client retries, and than the longest lease. */
export const IDEMPOTENCY_WINDOW_MS = 3_600_000;
/** Keys kept at most, after a sweep; the oldest go first. About 120 bytes each. */
export const IDEMPOTENCY_KEYS_MAX = 1_000_000;
/**
 * Entries between two sweeps of keys that are over. Smaller: each sweep walks over the holes that earlier ones left in
 * the map, at worst half a million. Larger: memory for keys that nobody may find, half a megabyte at this number.
 */
export const IDEMPOTENCY_SWEEP_ENTRIES = 4_096;

export interface RealmState {
  /** Entries folded so far. */
  size: number;
  epoch: number;
  /** Time of the last entry, ms. */
  at: number;
  origin: string;
  decider: number;
  /**
   * Digest of (principal, key) → index of the entry that answered it and its time; oldest first. Some that are over
   * stand here until the next sweep: `answeredBy` and the sections do not know them.
   */
  readonly keys: Map<string, { readonly index: number; readonly at: number }>;
}

export const createRealm = (): RealmState => ({
  size: 0,
  epoch: 0,
  at: 0,
  origin: '',
  decider: 0,
  keys: new Map(),
});

/** Folds what every entry brings: its place, its time, its key. */
export const evolveEntry = (state: RealmState, entry: Entry): void => {
  // The message is made only where it is needed: this runs once an entry.
  if (entry.index !== state.size)
    assert(false, `entry ${entry.index} is folded at position ${state.size}`);
  assert(entry.at >= state.at, 'time went back in the log');
  state.size += 1;
  state.at = entry.at;
  if (entry.idem !== undefined) keep(state.keys, entry.idem, { index: entry.index, at: entry.at });
  // By index, so that the same log is swept at the same places everywhere.
  if (entry.index % IDEMPOTENCY_SWEEP_ENTRIES === 0) sweep(state);
};

/** Index of the entry that answered this key within its window, or undefined. */
export const answeredBy = (state: RealmState, digest: string): number | undefined => {
  const answer = state.keys.get(digest);
  return answer !== undefined && isLive(state, answer.at) ? answer.index : undefined;
};

/** Gone at the instant the window ends, by the time of the last entry. */
const isLive = (state: RealmState, at: number): boolean => at > state.at - IDEMPOTENCY_WINDOW_MS;

const keep = (
  keys: RealmState['keys'],
  key: string,
  answer: { readonly index: number; readonly at: number },
): void => {
  const before = keys.size;
  keys.set(key, answer);
  if (keys.size > before) return;
  // The newest stands last, also where an old entry had the same key.
  keys.delete(key);
  keys.set(key, answer);
};

const sweep = (state: RealmState): void => {
  for (const [key, { at }] of state.keys) {
    if (isLive(state, at) && state.keys.size <= IDEMPOTENCY_KEYS_MAX) return;
    state.keys.delete(key);
  }
};

/** Keys that are written at once: one text of them all costs a third of a text each, without a copy of the whole map. */
const ROWS_AT_ONCE = 1_024;

/** The keys that are not over as JSON rows, oldest first: the same whenever the last sweep was. */
const keyRows = (state: RealmState): string => {
  const texts: string[] = [];
  let rows: (readonly [string, number, number])[] = [];
  const write = (): void => {
    if (rows.length > 0) texts.push(JSON.stringify(rows).slice(1, -1));
    rows = [];
  };
  for (const [key, { index, at }] of state.keys) {
    if (!isLive(state, at)) continue;
    rows.push([key, index, at]);
    if (rows.length === ROWS_AT_ONCE) write();
  }
  write();
  return `[${texts.join(',')}]`;
};

export const evolveRealm = (state: RealmState, event: RealmEvent): void => {
  if (event.type !== 'realm.opened') return;
  assert(event.epoch === state.epoch + 1, 'an epoch that is not the next one');
  state.epoch = event.epoch;
  state.origin = event.origin;
  state.decider = event.decider;
};

export const realmSections = (state: RealmState): Section[] => {
  const { keys: _, ...rest } = state;
  return [
    { name: 'realm/rest', content: canonicalText(rest) },
    { name: 'realm/keys', content: keyRows(state) },
  ];
};

export const restoreRealm = (sections: ReadonlyMap<string, Section>): RealmState => {
  const rest = sections.get('realm/rest')?.content;
  const keys = sections.get('realm/keys')?.content;
  assert(typeof rest === 'string' && typeof keys === 'string', 'a snapshot lacks the realm');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const scalars = JSON.parse(rest) as Omit<RealmState, 'keys'>;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const rows = JSON.parse(keys) as [string, number, number][];
  return { ...scalars, keys: new Map(rows.map(([key, index, at]) => [key, { index, at }])) };
};
