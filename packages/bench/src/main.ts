/**
 * `npm run bench`: how fast the fabric is, beside the raw machine and a peer of the same minutes.
 *
 *   [scenario …]     names of scenarios.ts; none: all of them
 *   --peer bullmq    BullMQ on a redis-server that is started for it, in the same rounds; brings `remote` along
 *   --smoke          everything at a tiny size: proves that nothing has rotted, measures nothing
 *   --full           the sizes of documents; without it, those of CI
 *   --rounds N       interleaved rounds; default 5, smoke 1
 *   --budget-s N     begins no further round and no further scenario after N seconds
 *   --json           the last line of stdout is the run as one JSON object
 *   --keep           append the run to results/ (smoke runs never are)
 *
 * Exit 0: all ran, goals judged. 1: something threw or answered wrongly. 2: unknown arguments.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { isCi } from './config.ts';
import { GOALS, judge } from './goals.ts';
import { interleave } from './interleave.ts';
import { load, machine } from './machine.ts';
import type { Size, Values } from './probe.ts';
import type { ProbeName } from './probes.ts';
import { redisVersion } from './redis-server.ts';
import { keep, reportText, type Run } from './report.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const ROUNDS = 5;
/** Without a budget a run ends by itself; this only bounds one that does not. */
const BUDGET_S_MAX = 14_400;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    peer: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    'budget-s': { type: 'string' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

const note = (text: string): void => {
  process.stderr.write(`${(performance.now() / 1_000).toFixed(1).padStart(6)} s  ${text}\n`);
};

function usage(detail: string): never {
  process.stderr.write(`bench: ${detail}\nscenarios: ${Object.keys(SCENARIOS).join(' ')}\n`);
  process.exit(2);
}

const size: Size = flags.smoke ? 'smoke' : flags.full ? 'full' : 'short';
const names = positionals.length > 0 ? positionals : Object.keys(SCENARIOS);
const scenarios = names.map((name): Scenario => {
  const found = SCENARIOS[name];
  return found ?? usage(`there is no scenario ${name}`);
});
if (flags.peer !== undefined && flags.peer !== 'bullmq') usage(`there is no peer ${flags.peer}`);
const wantsPeer = flags.peer === 'bullmq' || positionals.length === 0;

interface Peer {
  readonly text: string;
  readonly probes: readonly ProbeName[];
}

/** The peer of this run. Where redis-server is missing CI fails: there it is installed for this. */
function peerOf(): Peer {
  if (!wantsPeer) return { text: 'none asked for', probes: [] };
  const version = redisVersion();
  if (version !== undefined) {
    return {
      text: `BullMQ 6.7 on redis-server ${version}, appendfsync always (bullmq.always) and everysec`,
      probes: ['bullmq', 'redis', 'everysec', 'remote'],
    };
  }
  const why = 'there is no redis-server on PATH; install it: apt-get install redis-server';
  if (isCi()) usage(why);
  return { text: `NOT RUN: ${why}`, probes: [] };
}

async function main(): Promise<void> {
  const peer = peerOf();
  const folder = mkdtempSync(join(tmpdir(), 'ifab-bench-'));
  const endsAt = Number(flags['budget-s'] ?? BUDGET_S_MAX) * 1_000;
  const loadBefore = load();
  try {
    const probes = [...new Set([...scenarios.flatMap((one) => one.probes), ...peer.probes])];
    const rounds = await interleave({
      probes,
      rounds: Number(flags.rounds ?? (flags.smoke ? 1 : ROUNDS)),
      size,
      folder,
      endsAt,
      note,
    });
    const { once, notRun } = await runOnce(folder, endsAt);
    const all =
      probes.length === 0 ? [once] : rounds.map((one, i) => (i > 0 ? one : { ...one, ...once }));
    finish({
      at: new Date().toISOString(),
      command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim(),
      size,
      seconds: Math.round(performance.now() / 100) / 10,
      machine: machine(folder),
      peer: peer.text,
      loadBefore,
      loadAfter: load(),
      ran: names.filter((name) => notRun[name] === undefined),
      notRun,
      rounds: all,
      goals: flags.smoke ? [] : judge(all),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The scenarios that are measured once, one after another. */
async function runOnce(
  folder: string,
  endsAt: number,
): Promise<{ readonly once: Values; readonly notRun: Readonly<Record<string, string>> }> {
  const once: Record<string, number> = {};
  const notRun: Record<string, string> = {};
  for (const name of names) {
    const scenario = SCENARIOS[name];
    if (scenario?.once === undefined) continue;
    if (performance.now() > endsAt) {
      notRun[name] = 'the budget was used up';
      continue;
    }
    const startedAt = performance.now();
    const measure = await scenario.once();
    const own = mkdtempSync(join(folder, `${name}-`));
    Object.assign(once, await measure({ size, folder: own, note }));
    rmSync(own, { recursive: true, force: true });
    note(`${name} ${Math.round(performance.now() - startedAt)} ms`);
  }
  return { once, notRun };
}

function finish(run: Run): void {
  process.stdout.write(`${reportText(run)}\n`);
  if (flags.keep && !flags.smoke) note(`kept in ${keep(run)}`);
  const counts = { yes: 0, no: 0, unsure: 0, 'not run': 0 };
  for (const { verdict } of run.goals) counts[verdict] += 1;
  if (!flags.smoke) {
    note(
      `${GOALS.length} goals: ${counts.yes} met, ${counts.no} not, ${counts.unsure} unsure, ${counts['not run']} not run`,
    );
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(run)}\n`);
}

await main();
