/**
 * Path ownership: two leases never own overlapping paths of one repository. A glob has `*` and `?` within a segment
 * and `**` for any number of segments; a trailing slash means everything below.
 */
const SEGMENTS_MAX = 64;

/** The segments of a glob, without `.`; a directory owns what is below it. */
export const segmentsOf = (glob: string): readonly string[] => {
  const text = glob.endsWith('/') ? `${glob}**` : glob;
  return text
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .slice(0, SEGMENTS_MAX);
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

/** Whether some path matches both globs. Dynamic programming over segments, O(a × b) segment comparisons. */
export const globsOverlap = (a: readonly string[], b: readonly string[]): boolean => {
  // row[j]: can a[0..i) and b[0..j) match a common list of segments?
  let row: boolean[] = Array.from({ length: b.length + 1 }, () => false);
  row[0] = true;
  for (let j = 0; j < b.length && b[j] === '**'; j += 1) row[j + 1] = true;
  for (const segment of a) {
    const any = segment === '**';
    const next: boolean[] = [any && row[0] === true];
    for (const [j, other] of b.entries()) {
      const skipA = any && row[j + 1] === true;
      const skipB = other === '**' && next[j] === true;
      const both = row[j] === true && (any || other === '**' || segmentsOverlap(segment, other));
      // A `**` that has taken one segment may take more.
      const more = (any && next[j] === true) || (other === '**' && row[j + 1] === true);
      next.push(skipA || skipB || both || more);
    }
    row = next;
  }
  return row[b.length] === true;
};

/** Whether some text matches both patterns of one segment. */
const segmentsOverlap = (a: string, b: string): boolean => {
  if (!isPattern(a) && !isPattern(b)) return a === b;
  let row: boolean[] = Array.from({ length: b.length + 1 }, () => false);
  row[0] = true;
  for (let j = 0; j < b.length && b[j] === '*'; j += 1) row[j + 1] = true;
  for (const x of a) {
    const next: boolean[] = [x === '*' && row[0] === true];
    for (let j = 0; j < b.length; j += 1) {
      const y = b.charAt(j);
      const skip = (x === '*' && row[j + 1] === true) || (y === '*' && next[j] === true);
      const star = x === '*' || y === '*';
      const step = row[j] === true && (star || x === y || x === '?' || y === '?');
      const more = (x === '*' && next[j] === true) || (y === '*' && row[j + 1] === true);
      next.push(skip || step || more);
    }
    row = next;
  }
  return row[b.length] === true;
};

const isPattern = (segment: string): boolean => segment.includes('*') || segment.includes('?');

interface Owner {
  readonly task: number;
  readonly globs: readonly (readonly string[])[];
}

/**
 * Every task that owns paths, by repository and by its globs' first segment, so that a lease looks only at tasks that
 * can overlap it. Tasks stay in the index for ever: what a lease held back it lets go by the same look-up.
 */
export interface PathIndex {
  readonly repos: Map<string, Map<string, Owner[]>>;
}

export const createPathIndex = (): PathIndex => ({ repos: new Map() });

const WILD = '*';
const bucketOf = (glob: readonly string[]): string => {
  const first = glob[0] ?? WILD;
  return isPattern(first) ? WILD : first;
};

export const addOwner = (
  index: PathIndex,
  repo: string,
  owner: { task: number; owns: readonly string[] },
): void => {
  const globs = owner.owns.map(segmentsOf);
  let buckets = index.repos.get(repo);
  if (buckets === undefined) index.repos.set(repo, (buckets = new Map<string, Owner[]>()));
  for (const bucket of new Set(globs.map(bucketOf))) {
    const owners = buckets.get(bucket);
    if (owners === undefined) buckets.set(bucket, [{ task: owner.task, globs }]);
    else owners.push({ task: owner.task, globs });
  }
};

/** The other tasks of the repository whose paths overlap these. */
export const overlapping = (
  index: PathIndex,
  repo: string,
  of: { task: number; owns: readonly string[] },
): number[] => {
  const buckets = index.repos.get(repo);
  if (buckets === undefined) return [];
  const globs = of.owns.map(segmentsOf);
  const wanted = new Set(globs.map(bucketOf));
  const found = new Set<number>();
  for (const [bucket, owners] of buckets) {
    if (bucket !== WILD && !wanted.has(WILD) && !wanted.has(bucket)) continue;
    for (const owner of owners) {
      if (owner.task === of.task || found.has(owner.task)) continue;
      if (owner.globs.some((theirs) => globs.some((ours) => globsOverlap(ours, theirs))))
        found.add(owner.task);
    }
  }
  return [...found];
};
