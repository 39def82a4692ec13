/** A thread of `npm run sim`: runs the lots of seeds or hours that it is given, one after the other, and reports each. */
import { parentPort } from 'node:worker_threads';

import {
  contendedHour,
  type ContendedCounts,
} from '../../packages/testkit/src/sim/contended-claims.ts';
import { PLANTED_BUGS } from '../../packages/testkit/src/sim/planted-bugs.ts';
import { addCounts, noCounts, type SimCounts } from '../../packages/testkit/src/sim/counts.ts';
import { simulate } from '../../packages/testkit/src/sim/simulate.ts';

export type Lot =
  | {
      readonly kind: 'seeds';
      readonly from: number;
      readonly count: number;
      readonly bug: string | undefined;
      /** Ends with the first failure. */
      readonly untilFound: boolean;
      /** Wall time at which the budget ends, ms; worlds that are left are not run. */
      readonly endsAtMs: number;
    }
  | { readonly kind: 'hour'; readonly seed: number; readonly claims: number };

export interface Failure {
  readonly seed: number;
  readonly law: string;
}

export type LotReport =
  | {
      readonly kind: 'seeds';
      readonly lot: Lot;
      readonly ran: number;
      readonly counts: SimCounts;
      readonly failures: readonly Failure[];
    }
  | { readonly kind: 'hour'; readonly lot: Lot; readonly counts: ContendedCounts };

async function run(lot: Lot): Promise<LotReport> {
  if (lot.kind === 'hour') {
    return { kind: 'hour', lot, counts: contendedHour(lot.seed, lot.claims) };
  }
  const counts = noCounts();
  const failures: Failure[] = [];
  const doubles = lot.bug === undefined ? undefined : PLANTED_BUGS[lot.bug];
  const options = doubles === undefined ? {} : { doubles };
  let ran = 0;
  for (let seed = lot.from; seed < lot.from + lot.count; seed += 1) {
    if (Date.now() >= lot.endsAtMs) break;
    ran += 1;
    try {
      addCounts(counts, await simulate(seed, options));
    } catch (cause) {
      failures.push({ seed, law: cause instanceof Error ? cause.message : String(cause) });
      if (lot.untilFound) break;
    }
  }
  return { kind: 'seeds', lot, ran, counts, failures };
}

parentPort?.on('message', (lot: Lot) => {
  run(lot).then(
    (report) => {
      parentPort?.postMessage(report);
    },
    (cause: unknown) => {
      throw cause;
    },
  );
});
