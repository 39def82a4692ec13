/**
 * Path ownership: two leases never own overlapping paths of one repository. A glob has `*` and `?` within a segment
 * and `**` for any number of segments. Where a reading is in doubt the wider one is taken, since two tasks that wait
 * for each other cost time and two that write one file cost work: a glob whose last segment is a plain name owns what
 * is below it too, and a class `[…]` or a choice `{…}` stands for anything.
 */
const SEGMENTS_MAX = 64;

const ANY_SEGMENTS = '**';
const ANY_CHARACTERS = '*';
const ANY_CHARACTER = '?';

/** The segments of a glob, without `.`; the last of them is always a pattern. */
export const segmentsOf = (glob: string): readonly string[] => {
  const segments = withoutChoices(glob)
    .replaceAll(/\[[^\]/]*\]/g, ANY_CHARACTERS)
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.');
  const last = segments.at(-1);
  return last === undefined || isPattern(last) ? segments : [...segments, ANY_SEGMENTS];
};

/** A choice within a segment becomes `*`; one that spans segments, and all behind it, becomes `**`. */
const withoutChoices = (glob: string): string => {
  let text = glob;
  for (let before = ''; before !== text;) {
    before = text;
    text = text.replaceAll(/\{[^{}/]*\}/g, ANY_CHARACTERS);
  }
  const choice = text.indexOf('{');
  return choice < 0 ? text : text.slice(0, text.lastIndexOf('/', choice) + 1) + ANY_SEGMENTS;
};

/** Why a glob cannot be owned, or undefined. */
export const globFault = (glob: string): string | undefined => {
  if (glob.startsWith('/')) return `the path "${glob}" is absolute; give it below the repository`;
  const parts = glob.split('/');
  if (parts.includes('..')) return `the path "${glob}" leaves the repository`;
  if (parts.length > SEGMENTS_MAX)
    return `the path "${glob.slice(0, 40)}…" has more than ${SEGMENTS_MAX} segments`;
  if (segmentsOf(glob).length === 0)
    return 'an owned path is empty; write "**" for the whole repository';
  return undefined;
};

/** Whether some path matches both globs. O(a × b) comparisons of segments. */
export const globsOverlap = (a: readonly string[], b: readonly string[]): boolean =>
  intersect(a, b, { many: ANY_SEGMENTS, same: segmentsOverlap });

/** Whether some text matches both patterns of one segment. */
const segmentsOverlap = (a: string, b: string): boolean =>
  !isPattern(a) && !isPattern(b)
    ? a === b
    : intersect(Array.from(a), Array.from(b), { many: ANY_CHARACTERS, same: charactersOverlap });

const charactersOverlap = (a: string, b: string): boolean =>
  a === b || a === ANY_CHARACTER || b === ANY_CHARACTER;

const isPattern = (segment: string): boolean =>
  segment.includes(ANY_CHARACTERS) || segment.includes(ANY_CHARACTER);

interface Symbols {
  /** Stands for any number of symbols. */
  readonly many: string;
  /** Whether two symbols that stand for one each can be the same. */
  readonly same: (a: string, b: string) => boolean;
}

/**
 * Whether two patterns match a common list of symbols: dynamic programming over their prefixes. Cell (i, j) says that
 * a[0..i) and b[0..j) do. A `many` on either side matches nothing, (i−1, j) or (i, j−1), or takes the other's symbol,
 * which are the same two cells; two single symbols go on from (i−1, j−1).
 */
const intersect = (
  a: readonly string[],
  b: readonly string[],
  { many, same }: Symbols,
): boolean => {
  let row = [true];
  for (const y of b) row.push(y === many && row.at(-1) === true);
  for (const x of a) {
    const next = [x === many && row[0] === true];
    for (const [j, y] of b.entries()) {
      const either = next[j] === true || row[j + 1] === true;
      next.push(x === many || y === many ? either : row[j] === true && same(x, y));
    }
    row = next;
  }
  return row.at(-1) === true;
};

interface Owner {
  readonly task: number;
  readonly glob: readonly string[];
}

/** Owners whose globs begin with the plain names on the way to this place and go on with a pattern or end. */
interface PathNode {
  readonly owners: Owner[];
  readonly below: Map<string, PathNode>;
}

/**
 * Every task that owns paths: per repository a tree of the plain names that globs begin with, so that a look-up meets
 * those on its own way down and those below its end, which are all that can overlap it. Tasks stay in the index for
 * ever: what a lease held back it lets go by the same look-up.
 */
export interface PathIndex {
  readonly repos: Map<string, PathNode>;
}

export const createPathIndex = (): PathIndex => ({ repos: new Map() });

const createNode = (): PathNode => ({ owners: [], below: new Map() });

/** Whose paths: a task and its globs. */
export interface Ownership {
  readonly task: number;
  readonly owns: readonly string[];
}

export const addOwner = (index: PathIndex, repo: string, owner: Ownership): void => {
  let root = index.repos.get(repo);
  if (root === undefined) index.repos.set(repo, (root = createNode()));
  for (const glob of owner.owns.map(segmentsOf)) {
    let node = root;
    for (const segment of glob) {
      if (isPattern(segment)) break;
      let next = node.below.get(segment);
      if (next === undefined) node.below.set(segment, (next = createNode()));
      node = next;
    }
    node.owners.push({ task: owner.task, glob });
  }
};

/** The other tasks of the repository whose paths overlap these. */
export const overlapping = (index: PathIndex, repo: string, of: Ownership): number[] => {
  const root = index.repos.get(repo);
  if (root === undefined) return [];
  const found = new Set<number>();
  for (const glob of of.owns.map(segmentsOf)) {
    for (const owner of candidates(root, glob)) {
      if (owner.task !== of.task && !found.has(owner.task) && globsOverlap(glob, owner.glob))
        found.add(owner.task);
    }
  }
  return [...found];
};

const candidates = function* (root: PathNode, glob: readonly string[]): Generator<Owner> {
  let node = root;
  for (const segment of glob.slice(0, glob.findIndex(isPattern))) {
    yield* node.owners;
    const next = node.below.get(segment);
    if (next === undefined) return;
    node = next;
  }
  yield* allBelow(node);
};

const allBelow = function* (node: PathNode): Generator<Owner> {
  yield* node.owners;
  for (const below of node.below.values()) yield* allBelow(below);
};
