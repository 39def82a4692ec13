/** A thread of `npm run sim`: runs the lots that it is given, one after the other, and reports each. */
import { parentPort } from 'node:worker_threads';

import {
  contendedHour,
  type ContendedCounts,
} from '../../packages/testkit/src/sim/contended-claims.ts';
import { addCounts, noCounts, type SimCounts } from '../../packages/testkit/src/sim/counts.ts';
import { ROOMS } from '../../packages/testkit/src/sim/rooms.ts';
import { simulate, type SimOptions } from '../../packages/testkit/src/sim/simulate.ts';

/** Worlds of one room, with a planted bug or without. */
export interface SeedLot {
  readonly kind: 'seeds';
  readonly room: string;
  readonly from: number;
  readonly count: number;
  readonly bug: string | undefined;
  /** Ends with the first failure. */
  readonly untilFound: boolean;
  /** Tells every step of them. */
  readonly told: boolean;
  /** Wall time at which the budget ends, ms; worlds that are left are not run. */
  readonly endsAtMs: number;
}

export type Lot =
  | SeedLot
  | { readonly kind: 'hour'; readonly seed: number; readonly claims: number };

export interface Failure {
  readonly seed: number;
  readonly law: string;
}

export interface SeedReport {
  readonly kind: 'seeds';
  readonly lot: SeedLot;
  readonly ran: number;
  readonly counts: SimCounts;
  readonly failures: readonly Failure[];
}

export type LotReport =
  | SeedReport
  | { readonly kind: 'hour'; readonly lot: Lot; readonly counts: ContendedCounts };

function optionsOf({ room: name, bug, told }: SeedLot): SimOptions {
  const under = ROOMS[name];
  if (under === undefined) throw new Error(`no room is named ${name}`);
  const doubles = bug === undefined ? undefined : under.bugs[bug];
  return {
    room: under.room,
    ...(doubles === undefined ? {} : { doubles }),
    ...(told
      ? {
          trace: (line: string) => {
            console.log(line);
          },
        }
      : {}),
  };
}

async function run(lot: Lot): Promise<LotReport> {
  if (lot.kind === 'hour') {
    return { kind: 'hour', lot, counts: contendedHour(lot.seed, lot.claims) };
  }
  const counts = noCounts();
  const failures: Failure[] = [];
  const options = optionsOf(lot);
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
