/** How a line of a scenario reads: its words, its named values, its durations and sums. */
import { microUsdOf } from './scenario-plan.ts';

/** The words of one command line: what it is about, then named values, flags, and free text behind `because`. */
export interface Line {
  readonly words: readonly string[];
  readonly named: ReadonlyMap<string, string>;
  readonly because: string | undefined;
}

export const lineOf = (text: string): Line => {
  const [head = '', ...rest] = text.split(' because ');
  const words = head.trim().split(/\s+/);
  const named = new Map<string, string>();
  for (const word of words) {
    const at = word.indexOf('=');
    if (at > 0) named.set(word.slice(0, at), word.slice(at + 1));
  }
  return { words, named, because: rest.length === 0 ? undefined : rest.join(' because ') };
};

/** The word behind another one, as in `as ada`. */
export const behind = (line: Line, word: string): string | undefined => {
  const at = line.words.indexOf(word);
  return at < 0 ? undefined : line.words[at + 1];
};

export const msOf = (text: string): number => {
  const match = /^(\d+)(ms|s|min)$/.exec(text);
  if (match === null) throw new Error(`"${text}" is no duration`);
  const unit = { ms: 1, s: 1_000, min: 60_000 }[match[2] ?? ''] ?? 0;
  return Number(match[1]) * unit;
};

export const msIn = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : msOf(text);

export const numberIn = (named: Line['named'], name: string): number | undefined => {
  const text = named.get(name);
  return text === undefined ? undefined : Number(text);
};

export const moneyIn = (named: Line['named'], name: string): number | undefined => {
  const text = named.get(name);
  return text === undefined ? undefined : microUsdOf(text);
};

/** A member that is left out where there is no value. */
export const member = <K extends string, V>(
  name: K,
  value: V | undefined,
): { readonly [P in K]?: V } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [P in K]?: V };
