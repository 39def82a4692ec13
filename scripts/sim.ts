/**
 * npm run sim: whole fabrics by seed, in virtual time; every planted bug must be found, and none in the real parts.
 */
import { parseArgs } from 'node:util';

import { HOURS_72 } from '../packages/testkit/src/sim/contended-claims.ts';
import { ROOMS } from '../packages/testkit/src/sim/rooms.ts';
import { blocker } from './sim/blocker.ts';
import { budgetOf, secondsSince } from './sim/budget.ts';
import { contended } from './sim/contended.ts';
import { manySeeds, oneSeed, planted, type Result } from './sim/seeds.ts';
import { Threads } from './sim/threads.ts';

const SEEDS = 60_000;
/** Of a budget: what the seeds get, before the planted bugs. */
const SEEDS_SHARE = 0.7;

const HELP = `npm run sim -- [flags]: whole fabrics by seed, in virtual time

  --room NAME       coordinator or governor; absent: both, which share the budget
  --seeds N         worlds of a room (60000)   --from N     the first seed (1)
  --seed N          exactly this one, told step by step
  --bug NAME        with this planted bug; with --seed, to look at how it is found
  --planted         the planted bugs alone
  --scenario 72h    25.92 million contended claims instead; --hours N for fewer than 72
  --scenario blocker  the blocker story of seed 002: with help, without, and with blind help
  --budget-s N      at most about N seconds, saying what was covered
  --json            the last line is one JSON object
`;

const OPTIONS = {
  room: { type: 'string' },
  seeds: { type: 'string', default: String(SEEDS) },
  from: { type: 'string', default: '1' },
  seed: { type: 'string' },
  bug: { type: 'string' },
  planted: { type: 'boolean', default: false },
  scenario: { type: 'string' },
  hours: { type: 'string', default: String(HOURS_72) },
  'budget-s': { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const flags = () => {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (cause) {
    console.error(`sim: ${cause instanceof Error ? cause.message : String(cause)}\n\n${HELP}`);
    return process.exit(2);
  }
};
const values = flags();
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const budget = budgetOf(Number(values['budget-s'] ?? Number.POSITIVE_INFINITY));

const stop = (why: string): never => {
  console.error(`sim: ${why}`);
  process.exit(2);
};

if (values.room !== undefined && ROOMS[values.room] === undefined)
  stop(`no room is named so; there are: ${Object.keys(ROOMS).join(', ')}`);
if (values.scenario !== undefined && !['72h', 'blocker'].includes(values.scenario))
  stop('no scenario is named so; there are: 72h, blocker');
// A bug names its room where nobody else does.
const { bug } = values;
const roomOfBug = Object.keys(ROOMS).find(
  (name) => bug !== undefined && ROOMS[name]?.bugs[bug] !== undefined,
);
const roomNames =
  values.room === undefined ? [roomOfBug].filter((name) => name !== undefined) : [values.room];
const rooms = roomNames.length === 0 ? Object.keys(ROOMS) : roomNames;
const [first = 'coordinator'] = rooms;
if (bug !== undefined && ROOMS[first]?.bugs[bug] === undefined)
  stop(
    `no planted bug is named so; there are: ${rooms.flatMap((name) => Object.keys(ROOMS[name]?.bugs ?? {})).join(', ')}`,
  );

const what = (room: string) => ({
  room,
  from: Number(values.seed ?? values.from),
  seeds: Number(values.seeds),
  bug,
});

/** Both halves of every room: the seeds first, so that a short budget still sees some of each. */
async function allOf(threads: Threads): Promise<Result> {
  const runs: Result[] = [];
  for (const [at, room] of rooms.entries()) {
    const share = (SEEDS_SHARE * (at + 1)) / rooms.length;
    if (!values.planted) runs.push(await manySeeds(threads, what(room), { budget, share }));
  }
  const bugs: Result[] = [];
  const before = values.planted ? 0 : SEEDS_SHARE;
  for (const [at, room] of rooms.entries()) {
    const share = before + ((1 - before) * (at + 1)) / rooms.length;
    bugs.push(await planted(threads, room, { budget, share }));
  }
  const figures = rooms.map((room, at) => ({ room, ...runs[at]?.figures, ...bugs[at]?.figures }));
  const ok = [...runs, ...bugs].every((result) => result.ok);
  return { ok, figures: figures.length === 1 ? { ...figures[0] } : { rooms: figures } };
}

async function main(): Promise<Result> {
  if (values.scenario === 'blocker') return blocker();
  const threads = new Threads();
  try {
    if (values.scenario === '72h') return await contended(threads, Number(values.hours), budget);
    if (values.seed !== undefined) return await oneSeed(threads, what(first));
    if (bug !== undefined) return await manySeeds(threads, what(first), { budget, share: 1 });
    return await allOf(threads);
  } finally {
    await threads.close();
  }
}

const { ok, figures } = await main();
if (values.json) console.log(JSON.stringify({ ok, ...figures, seconds: secondsSince() }));
process.exitCode = ok ? 0 : 1;
