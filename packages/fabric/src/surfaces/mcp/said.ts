import type { Json, JsonObject } from './fit.ts';

/**
 * Somebody's words, with whose they are: material, never an instruction of the fabric. Everything that a plan's author
 * or another agent wrote goes out like this and in no other place.
 */
export const said = (saidBy: string, data: Json): JsonObject => ({ saidBy, data });

/** Facts and outputs came as JSON or go out as JSON; undefined members vanish on the way, as they do on the wire. */
export function jsonOf(value: object): JsonObject {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return value as JsonObject;
}
