/** The realm's slice: who leads, how far the log is, and which idempotency keys were answered where. */
import type { Entry, Section } from '../kernel/decision.ts';
import { assert } from '../kernel/decision.ts';
import { canonicalText } from '../kernel/canonical.ts';
import type { RealmEvent } from './events.ts';

/** How long a key's reply is kept, ms: longer than any client retries, and than the longest lease. */
export const IDEMPOTENCY_WINDOW_MS = 3_600_000;
/** Keys kept at most; the oldest go first. About 120 bytes each. */
export const IDEMPOTENCY_KEYS_MAX = 1_000_000;

export interface RealmState {
  /** Entries folded so far. */
  size: number;
  epoch: number;
  /** Time of the last entry, ms. */
  at: number;
  origin: string;
  decider: number;
  /** Digest of (principal, key) → index of the entry that answered it and its time; oldest first. */
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
  assert(entry.index === state.size, `entry ${entry.index} is folded at position ${state.size}`);
  assert(entry.at >= state.at, 'time went back in the log');
  state.size += 1;
  state.at = entry.at;
  if (entry.idem !== undefined) {
    // The newest stands last, also where an old entry had the same key.
    state.keys.delete(entry.idem);
    state.keys.set(entry.idem, { index: entry.index, at: entry.at });
  }
  for (const [key, { at }] of state.keys) {
    if (at > entry.at - IDEMPOTENCY_WINDOW_MS && state.keys.size <= IDEMPOTENCY_KEYS_MAX) break;
    state.keys.delete(key);
  }
};

export const evolveRealm = (state: RealmState, event: RealmEvent): void => {
  if (event.type !== 'realm.opened') return;
  assert(event.epoch === state.epoch + 1, 'an epoch that is not the next one');
  state.epoch = event.epoch;
  state.origin = event.origin;
  state.decider = event.decider;
};

export const realmSections = ({ keys, ...rest }: RealmState): Section[] => [
  { name: 'realm/rest', content: canonicalText(rest) },
  {
    name: 'realm/keys',
    content: JSON.stringify([...keys].map(([key, { index, at }]) => [key, index, at])),
  },
];

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
