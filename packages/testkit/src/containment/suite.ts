/**
 * Plays cases on one Node line: the parent is this process, its runners are of the same Node.
 *
 * After every case that killed a runner another swarm runs something and must get the right answer; at the end nothing
 * of what was started may be left, and the parent must be as large as before.
 */
import { availableParallelism } from 'node:os';
import { soak } from './soak.ts';
import { matrixOnGround } from './breach.ts';
import { ALL_CASES } from './cases.ts';
import { Ground, type GroundOptions } from './ground.ts';
import { rightNeighbour } from './guests.ts';
import { isAlive, startOf } from './proc.ts';
import type { CaseResult, ContainmentCase, Ending, Group, LineReport } from './words.ts';

/** One case may take this long, ms; the longest makes the matrix of all attempts and sets of layers. */
const CASE_MS_MAX = 120_000;
/** Processes that were killed are gone within this time, ms. */
const GONE_MS_MAX = 3_000;

export interface SuiteOptions extends GroundOptions {
  readonly only?: ReadonlySet<number>;
  /** No case begins after this many ms. */
  readonly budgetMs?: number;
  readonly onResult?: (result: CaseResult) => void;
  /** Collects garbage where the process was started so that it can. */
  readonly collect?: () => void;
}

/** The numbers of all cases, in order. */
export const caseNumbers = (): readonly number[] =>
  ALL_CASES.map(({ number }) => number).toSorted((one, other) => one - other);

export const runSuite = async (options: SuiteOptions): Promise<LineReport> => {
  const startedAt = performance.now();
  const ground = await Ground.open(options);
  const attained = ground.host.attained();
  const results: CaseResult[] = [];
  let neighbourRuns = 0;
  // The first neighbour warms up what every later one uses, so that the parent is measured in its steady state.
  await rightNeighbour(ground);
  await ground.endCase();
  const rss = (): number => {
    options.collect?.();
    return process.memoryUsage.rss();
  };
  const rssBytesBefore = rss();
  let rssBytesAfter = rssBytesBefore;
  let soaked = { soakRounds: 0, soakBytes: 0 };
  try {
    for (const one of ALL_CASES) {
      if (options.only !== undefined && !options.only.has(one.number)) continue;
      const at = performance.now();
      const isLate = at - startedAt > (options.budgetMs ?? Number.POSITIVE_INFINITY);
      const ending = isLate ? undefined : await play(ground, one);
      const looked = ending?.kind === 'contained' && ending.killed === true;
      const neighbour = looked ? await rightNeighbour(ground) : undefined;
      if (looked && neighbour === undefined) neighbourRuns += 1;
      await ground.endCase();
      const result = resultOf(one, { ending, neighbour, ms: performance.now() - at, attained });
      results.push(result);
      options.onResult?.(result);
    }
    rssBytesAfter = rss();
    if (options.only === undefined) soaked = await soak(ground, rss);
  } finally {
    await ground.close();
  }
  return {
    node: process.versions.node,
    v8: process.versions.v8,
    platform: `${process.platform} ${process.arch}, ${availableParallelism()} cores`,
    level: attained.level,
    layers: attained.layers,
    results,
    matrix: matrixOnGround(ground),
    parent: {
      rssBytesBefore,
      rssBytesAfter,
      ...soaked,
      neighbourRuns,
      orphans: await orphansOf(ground),
    },
    seconds: (performance.now() - startedAt) / 1_000,
  };
};

type GroundCase = ContainmentCase<Ground> & { readonly group: Group };
type Play = Ending | { readonly kind: 'threw'; readonly how: string };

const play = async (ground: Ground, one: GroundCase): Promise<Play> => {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<Play>((resolve) => {
    timer = setTimeout(
      () => resolve({ kind: 'threw', how: `no end after ${CASE_MS_MAX} ms` }),
      CASE_MS_MAX,
    );
  });
  try {
    return await Promise.race([one.run(ground), tooLong]);
  } catch (cause) {
    return {
      kind: 'threw',
      how: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
    };
  } finally {
    clearTimeout(timer);
  }
};

interface Seen {
  readonly ending: Play | undefined;
  readonly neighbour: string | undefined;
  readonly ms: number;
  readonly attained: { readonly level: number };
}

const resultOf = (one: GroundCase, { ending, neighbour, ms, attained }: Seen): CaseResult => {
  const told = {
    case: one.number,
    group: one.group,
    name: one.name,
    node: process.versions.node,
    level: attained.level,
    ms: Math.round(ms),
  };
  if (ending === undefined) return { ...told, verdict: 'not run', how: 'the budget was used up' };
  if (ending.kind === 'threw') return { ...told, verdict: 'threw', how: ending.how };
  if (ending.kind === 'escaped') return { ...told, verdict: 'escaped', how: ending.how };
  if (neighbour !== undefined)
    return { ...told, verdict: 'escaped', how: `the next swarm: ${neighbour}`, by: ending.by };
  const expected = one.by.includes(ending.by);
  return {
    ...told,
    verdict: expected ? 'contained' : 'surprise',
    by: ending.by,
    how: expected ? ending.how : `${ending.how} (expected: ${one.by.join(', ')})`,
  };
};

/** Processes of the ground that still run, by pid and time of birth: a pid may be another's by now. */
const orphansOf = async ({ started }: Ground): Promise<number> => {
  const left = (): number =>
    started.filter(({ pid, bornAt }) => isAlive(pid) && startOf(pid) === bornAt).length;
  for (const until = performance.now() + GONE_MS_MAX; left() > 0 && performance.now() < until;)
    await new Promise((resolve) => setTimeout(resolve, 20));
  return left();
};
