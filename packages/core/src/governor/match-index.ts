/**
 * Who can do what: for each capability the swarms that have it, best merit first. A task is matched without a look at
 * all swarms: a swarm that has enough of the needs has at least one of any `needs − enough + 1` of them (the prefix
 * filter of set-similarity joins, Chaudhuri, Ganti and Kaushik 2006), so the lists of the rarest of these are read, one
 * after another, and each in the order of merit no further than where merit alone can no longer win (the threshold
 * algorithm, Fagin 2001).
 */
import { must } from '../kernel/decision.ts';
import { enoughOf } from '../kernel/matching.ts';

/** One that may be chosen. `merit` is what multiplies the match: reputation ÷ price. */
export interface Candidate {
  readonly id: string;
  readonly merit: number;
  readonly capabilities: ReadonlySet<string>;
}

export interface Match {
  readonly candidate: Candidate;
  /** Needs that it has. */
  readonly has: number;
  readonly score: number;
}

export interface MatchIndex {
  readonly byId: Map<string, Candidate>;
  readonly byCapability: Map<string, Candidate[]>;
  /** All of them, for tasks that need nothing. */
  readonly all: Candidate[];
}

export const createMatchIndex = (): MatchIndex => ({
  byId: new Map(),
  byCapability: new Map(),
  all: [],
});

/** The order of a list: merit, then id (O2). */
const before = (a: Candidate, b: Candidate): boolean =>
  a.merit === b.merit ? a.id < b.id : a.merit > b.merit;

const placeOf = (list: readonly Candidate[], one: Candidate): number => {
  let from = 0;
  let to = list.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (before(must(list[middle], 'a place outside its list'), one)) from = middle + 1;
    else to = middle;
  }
  return from;
};

export const addCandidate = (index: MatchIndex, one: Candidate): void => {
  dropCandidate(index, one.id);
  index.byId.set(one.id, one);
  index.all.splice(placeOf(index.all, one), 0, one);
  for (const capability of one.capabilities) {
    let list = index.byCapability.get(capability);
    if (list === undefined) index.byCapability.set(capability, (list = []));
    list.splice(placeOf(list, one), 0, one);
  }
};

export const dropCandidate = (index: MatchIndex, id: string): void => {
  const known = index.byId.get(id);
  if (known === undefined) return;
  index.byId.delete(id);
  index.all.splice(placeOf(index.all, known), 1);
  for (const capability of known.capabilities) {
    const list = must(index.byCapability.get(capability), 'a capability of no list');
    list.splice(placeOf(list, known), 1);
    if (list.length === 0) index.byCapability.delete(capability);
  }
};

/**
 * The best `limit` that have enough of the needs and that `fits` accepts, best first: by match × merit, ties by id.
 * `needs` are distinct.
 */
export const bestMatches = (
  index: MatchIndex,
  wanted: {
    readonly needs: readonly string[];
    readonly minMatchPermille: number;
    readonly limit: number;
  },
  fits: (candidate: Candidate) => boolean,
): Match[] => {
  const { minMatchPermille, limit } = wanted;
  const { needs, lists } = byRarity(index, wanted.needs);
  const count = needs.length;
  const enough = enoughOf(count, minMatchPermille);
  const best: Match[] = [];
  for (let lacked = 0; lacked <= count - enough; lacked += 1) {
    // Who has one of the needs before this one was met in its list, so all of these are lacked here.
    const most = shareOf(count - lacked, count);
    for (const candidate of must(lists[lacked], 'a need without its list')) {
      const worst = best.length === limit ? best.at(-1) : undefined;
      if (worst !== undefined && candidate.merit * most < worst.score) break;
      const has = countHad(candidate.capabilities, needs, { lacked, enough });
      if (has < enough || !fits(candidate)) continue;
      insert(best, { candidate, has, score: shareOf(has, count) * candidate.merit }, limit);
    }
  }
  return best;
};

const shareOf = (has: number, count: number): number => (count === 0 ? 1 : has / count);

/** The needs that fewest have come first, each with its list; who needs nothing may have anybody. */
const byRarity = (
  index: MatchIndex,
  needs: readonly string[],
): {
  readonly needs: readonly string[];
  readonly lists: readonly (readonly Candidate[])[];
} => {
  if (needs.length === 0) return { needs, lists: [index.all] };
  const all = needs.map((need) => ({ need, list: index.byCapability.get(need) ?? NOBODY }));
  all.sort((a, b) => a.list.length - b.list.length);
  return { needs: all.map(({ need }) => need), lists: all.map(({ list }) => list) };
};

const NOBODY: readonly Candidate[] = [];

/**
 * How many of the needs somebody has who stands in the list of `needs[lacked]` and lacks those before it; nought as soon
 * as they cannot be enough.
 */
const countHad = (
  capabilities: ReadonlySet<string>,
  needs: readonly string[],
  { lacked, enough }: { readonly lacked: number; readonly enough: number },
): number => {
  let had = 0;
  let left = needs.length;
  for (const [i, need] of needs.entries()) {
    left -= 1;
    if (i === lacked || capabilities.has(need)) {
      if (i < lacked) return 0;
      had += 1;
    } else if (had + left < enough) return 0;
  }
  return had;
};

const isBetter = (a: Match, b: Match): boolean =>
  a.score === b.score ? a.candidate.id < b.candidate.id : a.score > b.score;

const insert = (best: Match[], match: Match, limit: number): void => {
  let at = best.length;
  while (at > 0 && isBetter(match, must(best[at - 1], 'a place outside the best'))) at -= 1;
  best.splice(at, 0, match);
  if (best.length > limit) best.pop();
};
