/**
 * Capabilities as small integers: the sets that tasks need and that sessions have are interned once, so that whether a
 * session can do a task is a few bit tests. A set of needs is posted under the first few of its capabilities, by name:
 * whoever has enough of the needs has one of any `needs − enough + 1` of them (the prefix filter of set-similarity
 * joins), so a session finds the queues that suit it under its own capabilities and never looks at all of them.
 */
import { RESOURCE_POLICY_DEFAULT } from '@infrafabric/protocol';
import { must } from '../kernel/decision.ts';
import { enoughOf } from '../kernel/matching.ts';

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
  for (const id of ids) bits[id >> 5] = (bits[id >> 5] ?? 0) | (1 << (id & 31));
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

/** Under which capabilities a set of needs is posted; none for a set that needs nothing. */
export const postedUnder = (sets: CapabilitySets, needs: number): readonly number[] => {
  const { ids } = needsAt(sets, needs);
  return ids.length === 0
    ? ids
    : ids.slice(0, ids.length - enoughOf(ids.length, sets.minMatchPermille) + 1);
};

/** The first capability under which needs are posted that is among what is had: there, and only there, they are seen. */
export const seenUnder = (sets: CapabilitySets, haves: number, needs: number): number => {
  const { bits } = havesAt(sets, haves);
  return postedUnder(sets, needs).find((id) => isIn(bits, id)) ?? -1;
};

/** A session with these capabilities was opened, or ended. */
export const countHolders = (sets: CapabilitySets, haves: number, by: 1 | -1): void => {
  for (const id of havesAt(sets, haves).ids)
    sets.holders[id] = must(sets.holders[id], 'a capability that was not interned') + by;
};

/** Open sessions that have a capability. */
export const holdersOf = (sets: CapabilitySets, name: string): number =>
  sets.holders[sets.ids.get(name) ?? -1] ?? 0;
