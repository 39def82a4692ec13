/**
 * npm run sim: whole fabrics by seed, in virtual time; every planted bug must be found, and none in the real parts.
 *
 *   --seeds N         worlds (60000)             --from N     the first seed (1)
 *   --seed N          exactly this one, told step by step
 *   --bug NAME        with this planted bug; with --seed, to look at how it is found
 *   --planted         the planted bugs alone
 *   --scenario 72h    25.92 million contended claims instead; --hours N for fewer than 72
 *   --budget-s N      at most about N seconds, saying what was covered
 *   --json            the last line is one JSON object
 */
import { parseArgs } from 'node:util';

import {
  CLAIMS_AN_HOUR,
  HOURS_72,
  noContention,
} from '../packages/testkit/src/sim/contended-claims.ts';
import { PLANTED_BUGS } from '../packages/testkit/src/sim/planted-bugs.ts';
import { addCounts, noCounts } from '../packages/testkit/src/sim/counts.ts';
import { simulate } from '../packages/testkit/src/sim/simulate.ts';
import { Threads } from './sim/threads.ts';
import type { Failure, Lot } from './sim/worker.ts';

const SEEDS = 60_000;
/** Worlds of one lot: long enough that handing it out costs nothing, short enough to keep to a budget. */
const LOT_SEEDS = 250;
/** A planted bug must show within so many worlds. */
const SEEDS_FOR_A_BUG = 2_000;
/** Of a budget: what the seeds get, before the planted bugs. */
const SEEDS_SHARE = 0.75;
const FAILURES_TOLD_MAX = 10;
/** Of a law that a planted bug broke, in its line. */
const LAW_CHARS = 110;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: String(SEEDS) },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    bug: { type: 'string' },
    planted: { type: 'boolean', default: false },
    scenario: { type: 'string' },
    hours: { type: 'string', default: String(HOURS_72) },
    'budget-s': { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const startMs = performance.now();
const budgetMs = Number(values['budget-s'] ?? Number.POSITIVE_INFINITY) * 1_000;
const secondsSince = (fromMs: number): number =>
  Math.round((performance.now() - fromMs) / 100) / 10;
const endsAtMs = (share: number): number =>
  Date.now() - performance.now() + startMs + budgetMs * share;
const spent = (share: number): boolean => performance.now() - startMs > budgetMs * share;

interface Result {
  readonly ok: boolean;
  readonly figures: Readonly<Record<string, unknown>>;
}

if (values.bug !== undefined && PLANTED_BUGS[values.bug] === undefined) {
  console.error(
    `sim: no planted bug is named so; there are: ${Object.keys(PLANTED_BUGS).join(', ')}`,
  );
  process.exit(2);
}

/** One world, told. */
async function oneSeed(seed: number): Promise<Result> {
  const doubles = values.bug === undefined ? undefined : PLANTED_BUGS[values.bug];
  const trace = (line: string): void => {
    console.log(line);
  };
  try {
    const counts = await simulate(seed, { trace, ...(doubles === undefined ? {} : { doubles }) });
    console.log(`seed ${seed}: every law held; ${counts.entries} entries, ${counts.calls} calls`);
    return { ok: true, figures: { seed, counts } };
  } catch (cause) {
    const law = cause instanceof Error ? cause.message : String(cause);
    console.log(law);
    return { ok: false, figures: { seed, law } };
  }
}

function* seedLots(from: number, seeds: number, share: number): Generator<Lot> {
  for (let next = from; next < from + seeds && !spent(share); next += LOT_SEEDS) {
    const count = Math.min(LOT_SEEDS, from + seeds - next);
    yield {
      kind: 'seeds',
      from: next,
      count,
      bug: values.bug,
      untilFound: false,
      endsAtMs: endsAtMs(share),
    };
  }
}

async function manySeeds(threads: Threads, share: number): Promise<Result> {
  const [from, seeds] = [Number(values.from), Number(values.seeds)];
  const sinceMs = performance.now();
  const counts = noCounts();
  const failures: Failure[] = [];
  let ran = 0;
  await threads.run(seedLots(from, seeds, share), (report) => {
    if (report.kind !== 'seeds') return;
    ran += report.ran;
    addCounts(counts, report.counts);
    for (const failure of report.failures) {
      failures.push(failure);
      if (failures.length <= FAILURES_TOLD_MAX) tell(failure);
    }
  });
  const seconds = secondsSince(sinceMs);
  // A run in which the interesting things do not happen proves nothing about them.
  const missing = Object.entries(counts).filter(([name, n]) => n === 0 && name !== 'stuck');
  const enough = ran < SEEDS_FOR_A_BUG || missing.length === 0;
  if (!enough) console.log(`FAIL never happened: ${missing.map(([name]) => name).join(', ')}`);
  const rate = Math.round(ran / Math.max(seconds, 0.1));
  const ok = failures.length === 0 && enough && ran > 0;
  const cut = ran < seeds ? ` (of ${seeds}: the budget ended)` : '';
  console.log(
    `${ok ? 'ok  ' : 'FAIL'} ${ran} worlds${cut}, ${failures.length} broken, ${rate} a second`,
  );
  console.log(`     ${JSON.stringify(counts)}`);
  return {
    ok,
    figures: {
      seeds: ran,
      asked: seeds,
      from,
      rate,
      seconds,
      counts,
      failures: failures.slice(0, FAILURES_TOLD_MAX),
    },
  };
}

const tell = ({ seed, law }: Failure): void => {
  const bug = values.bug === undefined ? '' : ` --bug '${values.bug}'`;
  console.log(`FAIL ${law.split('\n')[0]}\n     npm run sim -- --seed ${seed}${bug}`);
};

async function planted(threads: Threads): Promise<Result> {
  const found = new Map<string, Failure>();
  const notRun: string[] = [];
  const lots = Object.keys(PLANTED_BUGS).map((bug): Lot => ({
    kind: 'seeds',
    from: 1,
    count: SEEDS_FOR_A_BUG,
    bug,
    untilFound: true,
    endsAtMs: endsAtMs(1),
  }));
  await threads.run(lots, (report) => {
    if (report.kind !== 'seeds' || report.lot.kind !== 'seeds') return;
    const [first] = report.failures;
    const bug = report.lot.bug ?? '';
    if (first !== undefined) {
      found.set(bug, first);
      const law = first.law
        .split('\n')[0]
        ?.replace(/^seed \d+: /, '')
        .slice(0, LAW_CHARS);
      console.log(`ok   planted: ${bug}: found at seed ${first.seed} (${law})`);
    } else if (report.ran < SEEDS_FOR_A_BUG) {
      notRun.push(bug);
      console.log(`     planted: ${bug}: NOT FOUND YET in ${report.ran} worlds, the budget ended`);
    } else console.log(`FAIL planted: ${bug}: not found in ${report.ran} worlds`);
  });
  const ok = found.size > 0 && found.size + notRun.length === lots.length;
  const bugs = Object.fromEntries([...found].map(([bug, { seed }]) => [bug, seed]));
  const cut = notRun.length === 0 ? '' : `, ${notRun.length} cut off by the budget`;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${found.size} of ${lots.length} planted bugs found${cut}`);
  return { ok, figures: { planted: lots.length, found: found.size, cutOff: notRun, bugs } };
}

function* hours(count: number): Generator<Lot> {
  for (let seed = 1; seed <= count && !spent(1); seed += 1) {
    yield { kind: 'hour', seed, claims: CLAIMS_AN_HOUR };
  }
}

async function contended(threads: Threads): Promise<Result> {
  const counts = noContention();
  let ran = 0;
  const asked = Number(values.hours);
  await threads.run(hours(asked), (report) => {
    if (report.kind !== 'hour') return;
    ran += 1;
    addCounts(counts, report.counts);
  });
  const seconds = secondsSince(startMs);
  const { violations, ...figures } = counts;
  for (const law of violations.slice(0, FAILURES_TOLD_MAX)) console.log(`FAIL ${law}`);
  const rate = Math.round(counts.granted / Math.max(seconds, 0.1));
  const ok = violations.length === 0 && counts.granted > 0;
  const cut = ran < asked ? ` (of ${asked}: the budget ended)` : '';
  console.log(
    `${ok ? 'ok  ' : 'FAIL'} ${ran} hours${cut}: ${counts.granted} claims granted, ${counts.refused} refused, ` +
      `${counts.expired} expired, ${counts.staleRefused + counts.forgedRefused} stale or guessed writes refused, ` +
      `${violations.length} violations; ${rate} granted a second, ${seconds} s`,
  );
  return {
    ok,
    figures: {
      scenario: '72h',
      hours: ran,
      asked,
      rate,
      violations: violations.length,
      ...figures,
    },
  };
}

async function main(): Promise<Result> {
  if (values.seed !== undefined) return oneSeed(Number(values.seed));
  const threads = new Threads();
  try {
    if (values.scenario === '72h') return await contended(threads);
    if (values.planted) return await planted(threads);
    if (values.bug !== undefined) return await manySeeds(threads, 1);
    const seeds = await manySeeds(threads, SEEDS_SHARE);
    const bugs = await planted(threads);
    return { ok: seeds.ok && bugs.ok, figures: { ...seeds.figures, ...bugs.figures } };
  } finally {
    await threads.close();
  }
}

const { ok, figures } = await main();
const seconds = secondsSince(startMs);
if (values.json) console.log(JSON.stringify({ ok, ...figures, seconds }));
process.exitCode = ok ? 0 : 1;
