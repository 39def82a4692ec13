/**
 * Shares of a contract as people write them, `0.95`, and as the log keeps them: whole ten-thousandths, because it has no
 * fractions. What has no whole number is refused, never rounded.
 */

export interface Share {
  /** The part of the contract that it stands in. */
  readonly section: 'guarantees' | 'reputation';
  /** As people write it. */
  readonly word: string;
  /** As the contract has it. */
  readonly field: string;
  readonly says: string;
}

export const SHARES: readonly Share[] = [
  {
    section: 'guarantees',
    word: 'successRateMin',
    field: 'successPermyriadMin',
    says: 'least share of runs that complete',
  },
  {
    section: 'guarantees',
    word: 'availabilityMin',
    field: 'availabilityPermyriadMin',
    says: 'least share of runners that could be had',
  },
  {
    section: 'reputation',
    word: 'missPenalty',
    field: 'missPenaltyPermyriad',
    says: 'what a run that misses takes from the reputation; default 0.05',
  },
  {
    section: 'reputation',
    word: 'successGain',
    field: 'successGainPermyriad',
    says: 'what a run that does not miss gives back; default 0.01',
  },
];

export interface Finding {
  readonly at: readonly PropertyKey[];
  readonly what: string;
  readonly mend: string;
}

const WHOLE = 10_000;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The document with its shares as ten-thousandths, and what is wrong with those that have none. */
export const withoutFractions = (
  document: unknown,
): { readonly value: unknown; readonly flaws: readonly Finding[] } => {
  if (!isRecord(document)) return { value: document, flaws: [] };
  const flaws: Finding[] = [];
  const value: Record<string, unknown> = { ...document };
  for (const { section, word, field } of SHARES) {
    const part = value[section];
    if (!isRecord(part) || !Object.hasOwn(part, word)) continue;
    const { [word]: written, ...rest } = part;
    const permyriad = permyriadOf(written);
    if (permyriad === undefined)
      flaws.push({
        at: [section, word],
        what: 'it is no share with four decimals at most',
        mend: 'write a number from 0 to 1, such as 0.95',
      });
    if (Object.hasOwn(rest, field))
      flaws.push({ at: [section, field], what: `it says ${word} again`, mend: 'take one away' });
    value[section] = permyriad === undefined ? rest : { ...rest, [field]: permyriad };
  }
  return { value, flaws };
};

const permyriadOf = (share: unknown): number | undefined => {
  if (typeof share !== 'number' || share < 0 || share > 1) return undefined;
  const permyriad = Math.round(share * WHOLE);
  // Decimals of four places come back as they were; what has more does not.
  return permyriad / WHOLE === share ? permyriad : undefined;
};
