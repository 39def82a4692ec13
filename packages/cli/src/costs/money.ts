/** Money and tokens as people read and write them. Inside it is micro-dollars: 1 is $0.000001. */

const MICRO_USD_PER_USD = 1_000_000;
const MICRO_DIGITS = 6;
/** Below a cent nobody is helped by two zeros, above it nobody by six. */
const CENT_DIGITS = 2;

/** `$12.345678`, `$12.34`, `$1,234.50`: cents at least, and of a micro-dollar's six digits those that say something. */
export const usdText = (microUsd: number): string => withDigits(microUsd, digitsOf(microUsd));

/** A column of money: as many digits for all as the one that needs most, so that the points stand below each other. */
export const usdColumn = (amounts: readonly number[]): readonly string[] => {
  const digits = amounts.reduce((most, amount) => Math.max(most, digitsOf(amount)), CENT_DIGITS);
  return amounts.map((amount) => withDigits(amount, digits));
};

/** Rounded to the nearest cent, halves up: for sums that are estimates. */
export const centsText = (microUsd: number): string => {
  const cent = MICRO_USD_PER_USD / 100;
  return usdText(Math.round(microUsd / cent) * cent);
};

/** `0.25`, `$3`, `12.345678` as micro-dollars; undefined where it is no such amount, or has more than six digits behind the point. */
export const parseUsd = (text: string): number | undefined => {
  const [, whole, fraction = ''] = /^\$?(\d{1,9})(?:\.(\d{1,6}))?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  return Number(whole) * MICRO_USD_PER_USD + Number(fraction.padEnd(MICRO_DIGITS, '0'));
};

/** `1,234,567`. */
export const countText = (count: number): string =>
  String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',');

/** A part of a whole in whole percent, rounded down: 100 % is only what is all of it. Of nothing all is used up. */
export const percentOf = (part: number, whole: number): number =>
  whole === 0 ? 100 : Math.floor((part / whole) * 100);

const withDigits = (microUsd: number, digits: number): string => {
  const micro = microUsd % MICRO_USD_PER_USD;
  const fraction = String(micro).padStart(MICRO_DIGITS, '0').slice(0, digits);
  return `$${countText((microUsd - micro) / MICRO_USD_PER_USD)}.${fraction}`;
};

const digitsOf = (microUsd: number): number => {
  const fraction = String(microUsd % MICRO_USD_PER_USD).padStart(MICRO_DIGITS, '0');
  return Math.max(CENT_DIGITS, fraction.replace(/0+$/, '').length);
};
