/**
 * The port of conditions: a language in which rules ask about facts, of which core knows only that it answers yes, no,
 * or fails. An adapter answers the same for the same facts, always: no clock, no randomness, no memory of earlier calls.
 */
import type { Facts } from '@infrafabric/protocol';

/**
 * Answers whether the condition holds. Facts are not changed, neither here nor by their owner afterwards: an adapter may
 * keep what it made of the last ones it saw. Throws where there is no answer; that is never a yes.
 */
export type Condition = (facts: Facts) => boolean;

export interface Conditions {
  /** Throws where the source is no condition over the facts. */
  compile(source: string): Condition;
}

/** Where no language is there: every condition fails, so every rule denies. */
export const NO_CONDITIONS: Conditions = {
  compile: () => () => {
    throw new TypeError('no language of conditions is there');
  },
};
