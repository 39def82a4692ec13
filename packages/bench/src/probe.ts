/**
 * A probe measures one thing again and again. Probes run interleaved, one round of each after another, so that what
 * the machine does meanwhile hits all of them; each in a process of its own, so that none pays for another's garbage.
 */

/** Of a run: `smoke` proves that it works, `short` is what CI compares, `full` is what documents may quote. */
export type Size = 'smoke' | 'short' | 'full';

/** Figures of one round by name; the unit is the end of the name: `PerS`, `Ms`, `Bytes`. */
export type Values = Readonly<Record<string, number>>;

export interface ProbeOptions {
  readonly size: Size;
  /** An empty folder of this probe alone, on a real disk. */
  readonly folder: string;
}

export interface Probe {
  /** Measures once. Throws where what came back is wrong: a fast wrong answer is no measurement. */
  round(): Promise<Values>;
  close(): Promise<void>;
}

export type OpenProbe = (options: ProbeOptions) => Promise<Probe>;

/** One of three sizes. */
export const sized = <T>(size: Size, values: { readonly [S in Size]: T }): T => values[size];

/** Holds a result to what it must be. */
export function check(isTrue: boolean, detail: string): asserts isTrue {
  if (!isTrue) throw new Error(`wrong result: ${detail}`);
}
