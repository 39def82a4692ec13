/**
 * Who can do what: for each capability the swarms that have it, best merit first. A task is matched without a look at
 * all swarms: a swarm that has enough of the needs has at least one of any `needs − enough + 1` of them (the prefix
 * filter of set-similarity joins, Chaudhuri, Ganti and Kaushik 2006), so the lists of the rarest of these are read, in
 * the order of merit, and no further than where merit alone can no longer win (the threshold algorithm, Fagin 2001).
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
  const { needs, minMatchPermille, limit } = wanted;
  const enough = enoughOf(needs.length, minMatchPermille);
  const best: Match[] = [];
  for (const candidate of inMerit(listsOf(index, needs, enough))) {
    const worst = best.length === limit ? best.at(-1) : undefined;
    if (worst !== undefined && candidate.merit < worst.score) break;
    const has = needs.filter((need) => candidate.capabilities.has(need)).length;
    if (has < enough || !fits(candidate)) continue;
    const share = needs.length === 0 ? 1 : has / needs.length;
    insert(best, { candidate, has, score: share * candidate.merit }, limit);
  }
  return best;
};

const isBetter = (a: Match, b: Match): boolean =>
  a.score === b.score ? a.candidate.id < b.candidate.id : a.score > b.score;

const insert = (best: Match[], match: Match, limit: number): void => {
  let at = best.length;
  while (at > 0 && isBetter(match, must(best[at - 1], 'a place outside the best'))) at -= 1;
  best.splice(at, 0, match);
  if (best.length > limit) best.pop();
};

/** The lists that every match stands in at least one of: of the rarest needs. */
const listsOf = (
  index: MatchIndex,
  needs: readonly string[],
  enough: number,
): readonly (readonly Candidate[])[] => {
  if (needs.length === 0) return [index.all];
  const lists = needs.map((need) => index.byCapability.get(need) ?? []);
  return lists.toSorted((a, b) => a.length - b.length).slice(0, needs.length - enough + 1);
};

/** Candidates of several lists, each once, in the order of merit. */
function* inMerit(lists: readonly (readonly Candidate[])[]): Generator<Candidate> {
  const at = lists.map(() => 0);
  for (;;) {
    let first: Candidate | undefined;
    for (const [i, list] of lists.entries()) {
      const one = list[must(at[i], 'a list without its place')];
      if (one !== undefined && (first === undefined || before(one, first))) first = one;
    }
    if (first === undefined) return;
    for (const [i, list] of lists.entries()) {
      const place = must(at[i], 'a list without its place');
      if (list[place] === first) at[i] = place + 1;
    }
    yield first;
  }
}
