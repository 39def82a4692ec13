/** The 72-hour scenario of seed 002: 25.92 million contended claims. */
import { CLAIMS_AN_HOUR, noContention } from '../../packages/testkit/src/sim/contended-claims.ts';
import { addCounts } from '../../packages/testkit/src/sim/counts.ts';
import { secondsSince, type Budget } from './budget.ts';
import { FAILURES_TOLD_MAX, type Result } from './seeds.ts';
import type { Threads } from './threads.ts';
import type { Lot } from './worker.ts';

function* hours(count: number, budget: Budget): Generator<Lot> {
  for (let seed = 1; seed <= count && !budget.spent(1); seed += 1) {
    yield { kind: 'hour', seed, claims: CLAIMS_AN_HOUR };
  }
}

export async function contended(threads: Threads, asked: number, budget: Budget): Promise<Result> {
  const counts = noContention();
  let ran = 0;
  await threads.run(hours(asked, budget), (report) => {
    if (report.kind !== 'hour') return;
    ran += 1;
    addCounts(counts, report.counts);
  });
  const seconds = secondsSince();
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
  const run = { scenario: '72h', hours: ran, asked, rate, violations: violations.length };
  return { ok, figures: { ...run, ...figures } };
}
