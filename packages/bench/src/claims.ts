/**
 * The claim suite in one process (B2): alone, 16 and 256 in flight, two claimers a task, a hundred on one. Whole
 * entries: what is measured is what the fabric does for a caller without a wire.
 */
import { openJournalReader } from '@infrafabric/fabric';
import { SESSION_LEASES_MAX } from '@infrafabric/protocol';

import { closedLoop, openField, type Field, type Kind, type Loop } from './field.ts';
import {
  check,
  sized,
  type OpenProbe,
  type Probe,
  type ProbeOptions,
  type Size,
  type Values,
} from './probe.ts';
import { latencies, percentile } from './stats.ts';
import { SyncedFile } from './synced-file.ts';

interface Counts {
  readonly alone: number;
  readonly sixteen: number;
  readonly many: number;
  readonly pairs: number;
  readonly crowds: number;
}

const COUNTS: { readonly [S in Size]: Counts } = {
  smoke: { alone: 50, sixteen: 200, many: 2_000, pairs: 100, crowds: 20 },
  short: { alone: 1_000, sixteen: 4_000, many: 30_000, pairs: 1_000, crowds: 500 },
  full: { alone: 2_000, sixteen: 10_000, many: 60_000, pairs: 2_000, crowds: 2_000 },
};

/** Before each entry of a frame. */
const ENTRY_LENGTH_BYTES = 2;
/** Claimers of one task. */
const CROWD = 100;

export const bareClaims: OpenProbe = (options) => openSuite('bare', options);
export const memoryClaims: OpenProbe = (options) => openSuite('memory', options);
export const osClaims: OpenProbe = (options) => openSuite('os', options);

/** The embedded default: the witness takes in every entry beside it, in a thread of its own. */
export const fileClaims: OpenProbe = (options) => openSuite('file', options);

async function openSuite(kind: Kind, { size, folder }: ProbeOptions): Promise<Probe> {
  const field = await openField(kind, folder);
  const raw = new SyncedFile(folder);
  const counts = sized(size, COUNTS);
  return {
    round: async () => {
      const values = {
        ...(await alone(field, kind, { count: counts.alone, raw })),
        ...(await inFlight(field, kind, { count: counts.sixteen, at: 16 })),
        ...(await inFlight(field, kind, { count: counts.many, at: 256 })),
        ...(kind === 'memory' ? {} : await entryBytes(folder, { kind, size: field.size })),
        ...(await pairs(field, kind, counts.pairs)),
        ...(await crowds(field, kind, counts.crowds)),
      };
      await field.settle();
      return values;
    },
    close: () => {
      raw.close();
      return field.fabric.close();
    },
  };
}

/** What a claim of the last frame takes in the log, on average. */
async function entryBytes(
  folder: string,
  { kind, size }: { readonly kind: Kind; readonly size: number },
): Promise<Values> {
  const reader = openJournalReader(folder);
  const [frame] = await reader.read(size - 1, { bytes: 1, frames: 1 }, size);
  reader.close();
  check(frame !== undefined, 'the log has no last frame');
  return {
    [`claims.${kind}.entryBytes`]: frame.entries.length / frame.count - ENTRY_LENGTH_BYTES,
  };
}

/** Claims of one and raw syncs of one, in turns: a disk that others use is not the same a second later. */
const TURN = 50;

async function alone(
  field: Field,
  kind: Kind,
  { count, raw }: { readonly count: number; readonly raw: SyncedFile },
): Promise<Values> {
  const { taskIds, sessionIds } = await field.prepare(count);
  const claimMs: number[] = [];
  const rawMs: number[] = [];
  let claimedMs = 0;
  let won = 0;
  while (claimMs.length < count) {
    rawMs.push(...raw.syncs(TURN));
    const from = claimMs.length;
    const turnAt = performance.now();
    const { ms } = await closedLoop(Math.min(TURN, count - from), 1, (i, end) => {
      const taskId = taskIds[from + i];
      const holder = sessionIds[Math.floor((from + i) / SESSION_LEASES_MAX)];
      check(taskId !== undefined && holder !== undefined, 'work has run out');
      field.claim(taskId, holder, (outcome) => {
        if (outcome.kind === 'committed') won += 1;
        end();
      });
    });
    claimedMs += performance.now() - turnAt;
    claimMs.push(...ms);
  }
  check(won === count, `${won} claims of ${count}`);
  return {
    [`claims.${kind}.alone.perS`]: count / (claimedMs / 1_000),
    ...latencies(`claims.${kind}.alone`, claimMs),
    ...latencies(`claims.${kind}.raw`, rawMs),
  };
}

/** Every claim wins, each task once: the log grows by exactly that many entries. */
async function inFlight(
  field: Field,
  kind: string,
  { count, at }: { readonly count: number; readonly at: number },
): Promise<Values> {
  const { taskIds, sessionIds } = await field.prepare(count);
  const before = field.size;
  let fences = 0;
  const loop: Loop = await closedLoop(count, at, (i, end) => {
    const taskId = taskIds[i];
    const sessionId = sessionIds[i % sessionIds.length];
    check(taskId !== undefined && sessionId !== undefined, 'work has run out');
    field.claim(taskId, sessionId, (outcome) => {
      if (outcome.kind === 'committed' && outcome.events[0]?.type === 'task.leased')
        fences += outcome.events[0].fence;
      end();
    });
  });
  check(fences === count, `${fences} first grants of ${count}`);
  check(field.size - before === count, `${field.size - before} entries of ${count} claims`);
  const name = `claims.${kind}.${at}`;
  return {
    [`${name}.perS`]: loop.perS,
    [`${name}.threadUs`]: loop.threadUs,
    ...latencies(name, loop.ms),
  };
}

/** Two claimers a task, 256 in flight: one of each pair wins. */
async function pairs(field: Field, kind: string, count: number): Promise<Values> {
  const { taskIds, sessionIds: firsts } = await field.prepare(count);
  const claimers = [firsts, await field.sessions(count)] as const;
  const wins = new Map<string, number>();
  let refused = 0;
  const loop = await closedLoop(count * 2, 256, (i, end) => {
    const taskId = taskIds[i >> 1];
    const sessionIds = i % 2 === 0 ? claimers[0] : claimers[1];
    const sessionId = sessionIds[(i >> 1) % sessionIds.length];
    check(taskId !== undefined && sessionId !== undefined, 'work has run out');
    field.claim(taskId, sessionId, (outcome) => {
      if (outcome.kind === 'committed') wins.set(taskId, (wins.get(taskId) ?? 0) + 1);
      else refused += 1;
      end();
    });
  });
  check(wins.size === count && refused === count, `${wins.size} winners, ${refused} losers`);
  check(
    [...wins.values()].every((won) => won === 1),
    'a task was won twice',
  );
  return { [`claims.${kind}.pairs.perS`]: loop.perS };
}

/** A hundred sessions ask for one task in one turn: one wins, and the last hears of it soon (P6). */
async function crowds(field: Field, kind: string, rounds: number): Promise<Values> {
  const { taskIds } = await field.prepare(rounds, 0);
  const sessionIds = await Promise.all(Array.from({ length: CROWD }, () => field.open()));
  const lastMs = new Float64Array(rounds);
  let winners = 0;
  for (const [round, taskId] of taskIds.entries()) {
    const startedAt = performance.now();
    let answers = 0;
    await new Promise<void>((resolve) => {
      for (const [i] of sessionIds.entries()) {
        const sessionId = sessionIds[(i + round) % CROWD];
        check(sessionId !== undefined, 'no session');
        field.claim(taskId, sessionId, (outcome) => {
          if (outcome.kind === 'committed') winners += 1;
          answers += 1;
          if (answers === CROWD) resolve();
        });
      }
    });
    lastMs[round] = performance.now() - startedAt;
  }
  check(winners === rounds, `${winners} winners in ${rounds} contests`);
  return {
    [`claims.${kind}.crowd.contests`]: rounds,
    [`claims.${kind}.crowd.lastP50Ms`]: percentile(lastMs, 0.5),
    [`claims.${kind}.crowd.lastP99Ms`]: percentile(lastMs, 0.99),
  };
}
