/** What is wrong with a plan that somebody wrote: where, what, and how to mend it. */

export interface PlanIssue {
  /** The field, as in `tasks[3].dependsOn[0]`; empty: the whole file. */
  readonly path: string;
  /** Line of the file, where it is known. */
  readonly line: number | undefined;
  readonly what: string;
  readonly mend: string;
}

/** Issues shown of one plan. The tenth rarely teaches what the first nine did not; fifty fill two screens. */
export const ISSUES_MAX = 50;

export const pathText = (path: readonly PropertyKey[]): string => {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += text === '' ? String(part) : `.${String(part)}`;
  }
  return text;
};

/** The candidate nearest to a word by edit distance, when it is near enough to be a slip of the keys. */
export const nearest = (word: string, candidates: Iterable<string>): string | undefined => {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
};

export const didYouMean = (word: string, candidates: Iterable<string>): string => {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? '' : `did you mean “${candidate}”? `;
};

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
const editDistance = (a: string, b: string): number => {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a.charAt(i - 1) === b.charAt(j - 1);
      const swapped = i > 1 && a.slice(i - 2, i) === b.charAt(j - 1) + b.charAt(j - 2);
      const costs = [at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1)];
      if (swapped && j > 1) costs.push(at(beforeLast, j - 2) + 1);
      row.push(Math.min(...costs));
    }
    [beforeLast, last] = [last, row];
  }
  return at(last, b.length);
};

const at = (row: readonly number[], column: number): number => row[column] ?? 0;
