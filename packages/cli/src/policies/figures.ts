/**
 * The figures of a resource policy as people write them (dollars, shares, lengths of time) and as they are journaled
 * (integers). Conversion is exact in both directions: what has no integer is refused, never rounded.
 */
import type { ResourcePolicy } from '@infrafabric/protocol';
import { parseDurationMs } from '../commands/duration.ts';

export type FigureKind = 'count' | 'dollars' | 'share' | 'duration' | 'word';

export interface Figure {
  /** Its name in a file, below `resource_policy`. */
  readonly name: string;
  readonly field: keyof ResourcePolicy;
  readonly kind: FigureKind;
  readonly says: string;
}

const figure = (
  name: string,
  field: keyof ResourcePolicy,
  kind: FigureKind,
  says: string,
): Figure => ({ name, field, kind, says });

export const FIGURES: readonly Figure[] = [
  figure('max_swarms_per_task', 'maxSwarmsPerTask', 'count', 'swarms on one task and its help'),
  figure('max_cost_per_task', 'maxCostPerTaskMicroUsd', 'dollars', 'worst case of one task'),
  figure('min_capability_match', 'minMatchPermille', 'share', 'least share of the needs covered'),
  figure(
    'circuit_breaker_failure_threshold',
    'failureThreshold',
    'count',
    'failures in a row that open a breaker',
  ),
  figure(
    'circuit_breaker_failure_window',
    'failureWindowMs',
    'duration',
    'window in which failures are counted',
  ),
  figure(
    'circuit_breaker_failure_samples_min',
    'failureSamplesMin',
    'count',
    'results before the rate means anything',
  ),
  figure(
    'circuit_breaker_failure_rate',
    'failureRatePermille',
    'share',
    'share of failures that opens a breaker',
  ),
  figure(
    'circuit_breaker_no_progress_cost',
    'noProgressMicroUsd',
    'dollars',
    'spend without finished work that opens a breaker',
  ),
  figure('circuit_breaker_on_trip', 'onTrip', 'word', 'drain leases, or release them at once'),
  figure('realm_budget', 'realmLimitMicroUsd', 'dollars', 'all that the realm may spend'),
  figure(
    'confirm_plan_above',
    'confirmAboveMicroUsd',
    'dollars',
    'worst case of a plan that a person confirms',
  ),
  figure('unknown_price', 'unknownPrice', 'word', 'refuse, or charge at the ceiling'),
  figure(
    'price_ceiling_per_million_tokens',
    'priceCeilingMicroUsdPerMTok',
    'dollars',
    'price of a model without one',
  ),
  figure(
    'escalate_after',
    'escalateAfterMs',
    'duration',
    'wait of a blocker until a person is called',
  ),
  figure('min_isolation_level', 'minLevel', 'count', 'least isolation of a module, 0 to 3'),
  figure(
    'min_isolation_level_with_secrets',
    'secretsMinLevel',
    'count',
    'least isolation of a run that is given secrets',
  ),
];

const MICRO_DIGITS = 6;
const MILLE_DIGITS = 3;

export type Converted =
  | { readonly kind: 'value'; readonly value: number | string }
  | { readonly kind: 'wrong'; readonly what: string; readonly mend: string };

/** The figure behind what stands in the file. `written` is the text as it stands there: a parsed number is rounded. */
export const convertFigure = (kind: FigureKind, written: string): Converted => {
  switch (kind) {
    case 'count':
      return /^\d{1,15}$/.test(written)
        ? { kind: 'value', value: Number(written) }
        : wrong('a whole number', 'write digits only, such as 3');
    case 'dollars':
      return (
        scaled(written, MICRO_DIGITS) ??
        wrong('an amount in dollars', 'write it as 12.50, with six decimals at most')
      );
    case 'share':
      return (
        scaled(written, MILLE_DIGITS) ??
        wrong('a share from 0 to 1', 'write it as 0.7, with three decimals at most')
      );
    case 'duration': {
      const ms = /^\d+$/.test(written) ? undefined : parseDurationMs(written);
      return ms === undefined
        ? wrong('a length of time', 'write a number with its unit: 500ms, 30s, 10m, 2h, 1d')
        : { kind: 'value', value: ms };
    }
    case 'word':
      return { kind: 'value', value: written };
  }
};

const wrong = (what: string, mend: string): Converted => ({
  kind: 'wrong',
  what: `it is not ${what}`,
  mend,
});

/** A decimal as an integer of its last place: `12.5` with three places is 12,500. Digit by digit, so nothing is rounded. */
const scaled = (written: string, places: number): Converted | undefined => {
  const [, whole, decimals = ''] = /^\+?(\d+)(?:\.(\d*))?$/.exec(written) ?? [];
  const digits = decimals.replace(/0+$/, '');
  if (whole === undefined || digits.length > places) return undefined;
  const value = Number(whole + digits.padEnd(places, '0'));
  return Number.isSafeInteger(value) ? { kind: 'value', value } : undefined;
};

/** The figure as a person reads it: `$10.00`, `0.7`, `10m`. */
export const figureText = (kind: FigureKind, value: number | string): string => {
  if (typeof value === 'string') return value;
  switch (kind) {
    case 'dollars':
      return dollarsText(value);
    case 'share':
      return decimalText(value, MILLE_DIGITS, 1);
    case 'duration':
      return exactDuration(value);
    case 'count':
    case 'word':
      return String(value);
  }
};

/** `$10.00`, `$0.000125`: two decimals, and more only where they say something. */
export const dollarsText = (microUsd: number): string =>
  `$${decimalText(microUsd, MICRO_DIGITS, 2)}`;

const decimalText = (value: number, places: number, least: number): string => {
  const digits = String(value).padStart(places + 1, '0');
  const decimals = digits.slice(-places).replace(/0+$/, '').padEnd(least, '0');
  return `${digits.slice(0, -places)}.${decimals}`;
};

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/** In the largest unit that leaves nothing over. */
const exactDuration = (ms: number): string => {
  const [unit, size] = UNITS.find(([, one]) => ms >= one && ms % one === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
};
