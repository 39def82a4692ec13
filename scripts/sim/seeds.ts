/** Worlds by seed: many of a room, one that is told, and worlds with planted bugs. */
import { addCounts, noCounts, type SimCounts } from '../../packages/testkit/src/sim/counts.ts';
import { ROOMS } from '../../packages/testkit/src/sim/rooms.ts';
import { secondsSince, type Budget } from './budget.ts';
import type { Threads } from './threads.ts';
import type { Failure, SeedLot } from './worker.ts';

/** Worlds of one lot: long enough that handing it out costs nothing, short enough to keep to a budget. */
const LOT_SEEDS = 250;
/** A planted bug must show within so many worlds. */
const SEEDS_FOR_A_BUG = 2_000;
const SEEDS_AT_FIRST = 50;
/** From which world, and how many. */
const PASSES = [
  [1, SEEDS_AT_FIRST],
  [SEEDS_AT_FIRST + 1, SEEDS_FOR_A_BUG - SEEDS_AT_FIRST],
] as const;
export const FAILURES_TOLD_MAX = 10;
/** A long run says this often that it lives. */
const PROGRESS_WORLDS = 5_000;
/** Of a law that a planted bug broke, in its line. */
const LAW_CHARS = 110;

export interface Result {
  readonly ok: boolean;
  readonly figures: Readonly<Record<string, unknown>>;
}

export interface Seeds {
  readonly room: string;
  readonly from: number;
  readonly seeds: number;
  readonly bug: string | undefined;
}

/** One world, told step by step. */
export async function oneSeed(threads: Threads, { room, from, bug }: Seeds): Promise<Result> {
  let failure: Failure | undefined;
  let counts = noCounts();
  const lot = { kind: 'seeds', room, from, count: 1, bug } as const;
  const told = { ...lot, untilFound: true, told: true, endsAtMs: Number.POSITIVE_INFINITY };
  await threads.run([told], (report) => {
    if (report.kind !== 'seeds') return;
    [failure] = report.failures;
    ({ counts } = report);
  });
  if (failure !== undefined) {
    console.log(failure.law);
    return { ok: false, figures: { room, ...failure } };
  }
  console.log(`seed ${from}: every law held; ${counts.entries} entries, ${counts.calls} calls`);
  return { ok: true, figures: { room, seed: from, counts } };
}

function* lotsOf(what: Seeds, budget: Budget, share: number): Generator<SeedLot> {
  const { room, from, seeds, bug } = what;
  for (let next = from; next < from + seeds && !budget.spent(share); next += LOT_SEEDS) {
    const count = Math.min(LOT_SEEDS, from + seeds - next);
    const lot = { kind: 'seeds', room, from: next, count, bug } as const;
    yield { ...lot, untilFound: false, told: false, endsAtMs: budget.endsAtMs(share) };
  }
}

/** Every seed from one on; `share` is how much of the budget is gone when it ends. */
export async function manySeeds(
  threads: Threads,
  what: Seeds,
  { budget, share }: { readonly budget: Budget; readonly share: number },
): Promise<Result> {
  const { room, from, seeds } = what;
  const sinceMs = performance.now();
  const counts = noCounts();
  const failures: Failure[] = [];
  let ran = 0;
  await threads.run(lotsOf(what, budget, share), (report) => {
    if (report.kind !== 'seeds') return;
    if (Math.floor((ran + report.ran) / PROGRESS_WORLDS) > Math.floor(ran / PROGRESS_WORLDS))
      console.log(`     ${room}: ${ran + report.ran} worlds, ${secondsSince(sinceMs)} s`);
    ran += report.ran;
    addCounts(counts, report.counts);
    for (const failure of report.failures) {
      failures.push(failure);
      if (failures.length <= FAILURES_TOLD_MAX) tell(failure, what);
    }
  });
  const seconds = secondsSince(sinceMs);
  // A run in which the interesting things do not happen proves nothing about them.
  const missing = missingIn(counts, room);
  const enough = ran < SEEDS_FOR_A_BUG || missing.length === 0;
  if (!enough) console.log(`FAIL never happened: ${missing.join(', ')}`);
  const rate = Math.round(ran / Math.max(seconds, 0.1));
  const ok = failures.length === 0 && enough && ran > 0;
  const cut = ran < seeds ? ` (of ${seeds}: the budget ended)` : '';
  console.log(
    `${ok ? 'ok  ' : 'FAIL'} ${room}: ${ran} worlds${cut}, ${failures.length} broken, ${rate} a second`,
  );
  console.log(`     ${JSON.stringify(counts)}`);
  const { room: ofRoom, ...all } = counts;
  const broken = failures.slice(0, FAILURES_TOLD_MAX);
  const run = { room, seeds: ran, asked: seeds, from, rate, seconds };
  return { ok, figures: { ...run, ...all, ...ofRoom, broken: failures.length, failures: broken } };
}

const missingIn = ({ refusals: _refusals, room, ...counts }: SimCounts, name: string): string[] => [
  ...Object.entries(counts)
    .filter(([kind, n]) => n === 0 && kind !== 'stuck')
    .map(([kind]) => kind),
  ...(ROOMS[name]?.mustHappen ?? []).filter((kind) => (room[kind] ?? 0) === 0),
];

const tell = ({ seed, law }: Failure, { room, bug }: Seeds): void => {
  const withBug = bug === undefined ? '' : ` --bug '${bug}'`;
  console.log(
    `FAIL ${law.split('\n')[0]}\n     npm run sim -- --room ${room} --seed ${seed}${withBug}`,
  );
};

/**
 * Looks for every planted bug of a room until its share of the budget is gone: in a few worlds first, so that a short
 * budget still sees most of them, then in all of them.
 */
export async function planted(
  threads: Threads,
  room: string,
  { budget, share }: { readonly budget: Budget; readonly share: number },
): Promise<Result> {
  const found = new Map<string, Failure>();
  const worlds = new Map<string, number>();
  const bugs = Object.keys(ROOMS[room]?.bugs ?? {});
  for (const [from, count] of PASSES) {
    const lots = bugs
      .filter((bug) => !found.has(bug))
      .map((bug): SeedLot => {
        const lot = { kind: 'seeds', room, from, count, bug } as const;
        return { ...lot, untilFound: true, told: false, endsAtMs: budget.endsAtMs(share) };
      });
    await threads.run(lots, (report) => {
      if (report.kind !== 'seeds') return;
      const { bug = '' } = report.lot;
      worlds.set(bug, (worlds.get(bug) ?? 0) + report.ran);
      const [first] = report.failures;
      if (first === undefined) return;
      found.set(bug, first);
      console.log(`ok   planted: ${bug}: found at seed ${first.seed} (${lawOf(first)})`);
    });
  }
  const left = bugs.filter((bug) => !found.has(bug));
  const cutOff = left.filter((bug) => (worlds.get(bug) ?? 0) < SEEDS_FOR_A_BUG);
  for (const bug of left) {
    const ran = worlds.get(bug) ?? 0;
    console.log(
      cutOff.includes(bug)
        ? `     planted: ${bug}: NOT FOUND YET in ${ran} worlds, the budget ended`
        : `FAIL planted: ${bug}: not found in ${ran} worlds`,
    );
  }
  const ok = found.size > 0 && left.length === cutOff.length;
  const cut = cutOff.length === 0 ? '' : `, ${cutOff.length} cut off by the budget`;
  console.log(
    `${ok ? 'ok  ' : 'FAIL'} ${room}: ${found.size} of ${bugs.length} planted bugs found${cut}`,
  );
  const seedOf = Object.fromEntries([...found].map(([bug, { seed }]) => [bug, seed]));
  return { ok, figures: { planted: bugs.length, found: found.size, cutOff, bugs: seedOf } };
}

const lawOf = ({ law }: Failure): string =>
  (law.split('\n')[0] ?? '').replace(/^seed \d+: /, '').slice(0, LAW_CHARS);
