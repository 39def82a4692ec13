/**
 * Capabilities as small integers: the sets that tasks need and that sessions have are interned once, so that whether a
 * session can do a task is a few bit tests. Which sets of needs somebody can do is found once too: whoever asks for work
 * looks at the queues of these, and not at all there are.
 */
import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import { enoughOf, matchPermilleOf } from '../kernel/matching.ts';
import { cell } from './columns.ts';

interface Needs {
  readonly names: readonly string[];
  readonly ids: readonly number[];
}

interface Haves {
  readonly names: ReadonlySet<string>;
  readonly ids: readonly number[];
  /** One bit a capability. */
  readonly bits: Uint32Array;
}

export interface CapabilitySets {
  readonly ids: Map<string, number>;
  readonly needKeys: Map<string, number>;
  readonly needs: Needs[];
  readonly haveKeys: Map<string, number>;
  readonly haves: Haves[];
  /** Open sessions that have a capability. */
  readonly holders: number[];
  /** Least share of the needs, thousandths. */
  minMatchPermille: number;
}

export const createCapabilitySets = (): CapabilitySets => ({
  ids: new Map(),
  needKeys: new Map(),
  needs: [],
  haveKeys: new Map(),
  haves: [],
  holders: [],
  minMatchPermille: RESOURCE_POLICY_DEFAULT.minMatchPermille,
});

/** The sorted, distinct form of a set of capabilities. */
const normal = (capabilities: readonly string[]): readonly string[] =>
  [...new Set(capabilities)].toSorted();

const idOf = (sets: CapabilitySets, name: string): number => {
  let id = sets.ids.get(name);
  if (id === undefined) {
    id = sets.holders.length;
    sets.ids.set(name, id);
    sets.holders.push(0);
  }
  return id;
};

export const internNeeds = (sets: CapabilitySets, needs: readonly string[]): number => {
  const names = normal(needs);
  const key = names.join(' ');
  const known = sets.needKeys.get(key);
  if (known !== undefined) return known;
  const id = sets.needs.length;
  sets.needKeys.set(key, id);
  sets.needs.push({ names, ids: names.map((name) => idOf(sets, name)) });
  return id;
};

export const internHaves = (sets: CapabilitySets, capabilities: readonly string[]): number => {
  const list = normal(capabilities);
  const key = list.join(' ');
  const known = sets.haveKeys.get(key);
  if (known !== undefined) return known;
  const at = sets.haves.length;
  sets.haveKeys.set(key, at);
  const ids = list.map((name) => idOf(sets, name));
  const bits = new Uint32Array((Math.max(-1, ...ids) >> 5) + 1);
  for (const id of ids) bits[id >> 5] = cell(bits, id >> 5) | (1 << (id & 31));
  sets.haves.push({ names: new Set(list), ids, bits });
  return at;
};

export const needsAt = (sets: CapabilitySets, needs: number): Needs =>
  must(sets.needs[needs], 'needs that were not interned');

export const havesAt = (sets: CapabilitySets, haves: number): Haves =>
  must(sets.haves[haves], 'capabilities that were not interned');

const isIn = (bits: Uint32Array, id: number): boolean =>
  ((bits[id >> 5] ?? 0) & (1 << (id & 31))) !== 0;

/** How many of the needs are among what is had. */
export const countIn = (sets: CapabilitySets, haves: number, needs: number): number => {
  const { bits } = havesAt(sets, haves);
  let count = 0;
  for (const id of needsAt(sets, needs).ids) if (isIn(bits, id)) count += 1;
  return count;
};

export const isEnough = (sets: CapabilitySets, haves: number, needs: number): boolean => {
  const { length } = needsAt(sets, needs).ids;
  return countIn(sets, haves, needs) >= enoughOf(length, sets.minMatchPermille);
};

/** Share of the needs that somebody has, thousandths. */
export const shareOf = (sets: CapabilitySets, haves: number, needs: number): number =>
  matchPermilleOf(countIn(sets, haves, needs), needsAt(sets, needs).ids.length);

/** The sets of needs that somebody can do, and beside each the share that they have. */
export interface Suited {
  readonly needs: readonly number[];
  readonly permilles: readonly number[];
}

interface Suits {
  readonly needs: number[];
  readonly permilles: number[];
  /** Sets of needs that were looked at: those that are interned later follow at the next question. */
  seen: number;
}

interface KeptSuits {
  readonly byHaves: Map<number, Suits>;
  readonly minMatchPermille: number;
  /** Sets of needs in all of them. */
  count: number;
}

/**
 * Sets of needs kept for all who ask, about 16 bytes each: fifty for each of as many sessions as may be open. More
 * takes memory; fewer makes a realm of very many distinct sets look at all of them again and again.
 */
export const SUITS_KEPT_MAX = 1_000_000;

/** Derived from sets that never change once they are interned, so that it may be kept beside them and filled by reading. */
const kept = new WeakMap<CapabilitySets, KeptSuits>();

const keptOf = (sets: CapabilitySets): KeptSuits => {
  const { minMatchPermille } = sets;
  const known = kept.get(sets);
  if (known?.minMatchPermille === minMatchPermille) return known;
  const none = { byHaves: new Map<number, Suits>(), minMatchPermille, count: 0 };
  kept.set(sets, none);
  return none;
};

/** What somebody can do: looked up, after the first time; only sets of needs that came since then are looked at. */
export const suitedBy = (sets: CapabilitySets, haves: number): Suited => {
  const all = keptOf(sets);
  const suits = all.byHaves.get(haves) ?? { needs: [], permilles: [], seen: 0 };
  if (suits.seen === sets.needs.length) return suits;
  const before = suits.needs.length;
  for (; suits.seen < sets.needs.length; suits.seen += 1) {
    if (!isEnough(sets, haves, suits.seen)) continue;
    suits.needs.push(suits.seen);
    suits.permilles.push(shareOf(sets, haves, suits.seen));
  }
  all.count += suits.needs.length - before;
  if (all.count > SUITS_KEPT_MAX) {
    all.byHaves.clear();
    all.count = suits.needs.length;
  }
  all.byHaves.set(haves, suits);
  return suits;
};

/** A session with these capabilities was opened, or ended. */
export const countHolders = (sets: CapabilitySets, haves: number, by: 1 | -1): void => {
  for (const id of havesAt(sets, haves).ids)
    sets.holders[id] = must(sets.holders[id], 'a capability that was not interned') + by;
};

/** Open sessions that have a capability. */
export const holdersOf = (sets: CapabilitySets, name: string): number =>
  sets.holders[sets.ids.get(name) ?? -1] ?? 0;
