import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@infrafabric/testkit';

import { Life } from './life.ts';
import { Oracle } from './oracle.ts';

export interface CrashFigures {
  readonly cycles: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly flaws: readonly string[];
  /** Cycles in which a torn tail was cut. */
  readonly tornTails: number;
  readonly openMsMax: number;
  /** Where a run that found something can be looked at. */
  readonly kept?: string;
}

export const NO_FIGURES: CrashFigures = {
  cycles: 0,
  acknowledged: 0,
  lost: 0,
  flaws: [],
  tornTails: 0,
  openMsMax: 0,
};

export interface CrashPlan {
  readonly cycles: number;
  readonly seed: number;
  /** No further cycle starts after this. */
  readonly deadlineMs: number;
}

/** Longest run between `ready` and the kill: some die in the first append, some after several segments. */
const RUN_MS_MAX = 60;
/** A new folder every so often: the oracle reads the whole log each time. */
const CYCLES_A_FOLDER = 15;

/** SIGKILL under load, restart, oracle. The lock must be free at once: the oracle takes it. */
export async function killCycles({ cycles, seed, deadlineMs }: CrashPlan): Promise<CrashFigures> {
  const random = seededRandom(seed);
  let figures = NO_FIGURES;
  while (figures.cycles < cycles && performance.now() < deadlineMs && isSound(figures)) {
    const root = mkdtempSync(join(tmpdir(), 'crash-kill-'));
    const oracle = new Oracle();
    for (let i = 0; i < CYCLES_A_FOLDER && figures.cycles < cycles; i += 1) {
      if (performance.now() >= deadlineMs || !isSound(figures)) break;
      const life = new Life({ folder: join(root, 'realm'), seed: seed + figures.cycles });
      await life.until('ready');
      await sleep(random.below(RUN_MS_MAX));
      await life.kill();
      figures = await judged(figures, oracle, life, join(root, 'realm'));
    }
    if (!isSound(figures)) return { ...figures, kept: root };
    rmSync(root, { recursive: true });
  }
  return figures;
}

/** Adds one cycle to the figures: what the life acknowledged, and what is left of it. */
export async function judged(
  figures: CrashFigures,
  oracle: Oracle,
  life: Life,
  folder: string,
): Promise<CrashFigures> {
  const doubled = oracle.learn(life.acknowledged);
  const told = oracle.told;
  const verdict = await oracle.check(folder).catch((cause: unknown) => ({
    lost: told,
    flaws: [`the journal does not open: ${String(cause)}`],
    cutBytes: 0,
    openMs: 0,
  }));
  return {
    cycles: figures.cycles + 1,
    acknowledged: figures.acknowledged + life.acknowledged.size,
    lost: figures.lost + verdict.lost,
    flaws: [...figures.flaws, ...doubled, ...verdict.flaws],
    tornTails: figures.tornTails + (verdict.cutBytes > 0 ? 1 : 0),
    openMsMax: Math.max(figures.openMsMax, verdict.openMs),
  };
}

export const isSound = ({ lost, flaws }: CrashFigures): boolean => lost === 0 && flaws.length === 0;
