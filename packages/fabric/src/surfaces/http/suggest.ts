import { ANYONE, OPERATIONS, reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';

/** Beyond a third of its letters a name is another name. */
const DISTANCE_RATIO_MAX = 1 / 3;
/** Longest name that is compared; the table costs length × length. */
const NAME_CHARS_MAX = 64;

const names: readonly string[] = OPERATIONS.filter(({ callers }) =>
  callers.some((caller) => ANYONE.includes(caller)),
).map(({ name }) => name);

/** The refusal of a name that no operation has, with the nearest one that exists. */
export function unknownOperation(name: string): Rejection {
  const near = suggestOperation(name);
  const shown = JSON.stringify(name.slice(0, NAME_CHARS_MAX));
  return near === undefined
    ? reject(
        'request.unknown_operation',
        `There is no operation ${shown}; GET /openapi.json lists all.`,
      )
    : reject('request.unknown_operation', `There is no operation ${shown}. Did you mean ${near}?`, {
        near,
      });
}

export function suggestOperation(name: string): string | undefined {
  const spelled = name
    .slice(0, NAME_CHARS_MAX)
    .toLowerCase()
    .replaceAll(/[/_:-]/g, '.');
  let best: { readonly name: string; readonly distance: number } | undefined;
  for (const known of names) {
    const distance = editDistance(spelled, known);
    if (best === undefined || distance < best.distance) best = { name: known, distance };
  }
  if (best === undefined || best.distance > best.name.length * DISTANCE_RATIO_MAX) return undefined;
  return best.name;
}

/** Levenshtein's distance by the two-row table of Wagner and Fischer (1974). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const swap = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
