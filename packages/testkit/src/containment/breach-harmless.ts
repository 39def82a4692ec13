/**
 * What is let through somewhere and does no harm, with the reason. Only what stands here is forgiven, and only under the
 * set of layers that it stands for; everything else that comes through is an escape.
 */
import type { IsolationLayer } from '@infrafabric/protocol';

export type Harmless = string;

interface Forgiven {
  /** Of the attempt's name, from its beginning. */
  readonly attempt: RegExp;
  /** Sets of layers; absent: all. */
  readonly without?: readonly (IsolationLayer | 'none')[];
  readonly because: Harmless;
}

const FORGIVEN: readonly Forgiven[] = [];

export const harmlessHere = (
  attempt: string,
  without: IsolationLayer | 'none',
): Harmless | undefined =>
  FORGIVEN.find(
    (one) =>
      one.attempt.test(attempt) && (one.without === undefined || one.without.includes(without)),
  )?.because;
