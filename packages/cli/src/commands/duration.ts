/** Lengths and points of time as people write them. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `30s`, `5m`, `1500ms`; a bare number is milliseconds. Undefined: it is none. */
export const parseDurationMs = (text: string): number | undefined => {
  const [, digits, unit = 'ms'] = /^(\d{1,12})(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = digits === undefined ? Number.NaN : Number(digits) * (UNIT_MS[unit] ?? Number.NaN);
  return Number.isSafeInteger(ms) ? ms : undefined;
};

/** An ISO time, or a length of time before now. A bare number is milliseconds since 1970. */
export const parseTimeMs = (text: string, nowMs: number): number | undefined => {
  if (/^\d+$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
  const ago = parseDurationMs(text);
  if (ago !== undefined) return Math.max(0, nowMs - ago);
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
};

const STEPS: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
];

/** The largest unit that fits: `3m`, `2h`; below a second `0s`. */
export const durationText = (ms: number): string => {
  const [unit, size] = STEPS.find(([, one]) => ms >= one) ?? ['s', 1_000];
  return `${Math.floor(ms / size)}${unit}`;
};

/** `3m ago`, `in 20s`. */
export const agoText = (atMs: number, nowMs: number): string =>
  atMs <= nowMs ? `${durationText(nowMs - atMs)} ago` : `in ${durationText(atMs - nowMs)}`;
