import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@infrafabric/testkit';

import { NO_FIGURES, isSound, judged, type CrashFigures, type CrashPlan } from './kill.ts';
import { Life } from './life.ts';
import { loopMount, type FileSystem } from './mounts.ts';
import { Oracle } from './oracle.ts';

/** Between `ready` and the cut. Longer than a kill's: some cuts must fall into a new segment. */
const RUN_MS_MAX = 150;
/**
 * The writer is stopped this long before the cut, so that no system call is under way: un-stopped, the cut races the
 * sync, which may return success for bytes that the shut file system did not take. SimDisk covers that window.
 */
const STILL_MS = 30;
const CYCLES_A_MOUNT = 10;

/** The power goes under load, the machine comes back, oracle. */
export async function powerCuts(kind: FileSystem, plan: CrashPlan): Promise<CrashFigures> {
  const { cycles, seed, deadlineMs } = plan;
  const random = seededRandom(seed);
  let figures = NO_FIGURES;
  while (figures.cycles < cycles && performance.now() < deadlineMs && isSound(figures)) {
    const mount = loopMount(kind);
    try {
      const folder = join(mount.folder, 'realm');
      const oracle = new Oracle();
      for (let i = 0; i < CYCLES_A_MOUNT && figures.cycles < cycles; i += 1) {
        if (performance.now() >= deadlineMs || !isSound(figures)) break;
        const life = new Life({ folder, seed: seed + figures.cycles });
        await cut(life, mount, random.below(RUN_MS_MAX));
        figures = await judged(figures, oracle, life, folder);
      }
    } finally {
      mount.dispose();
    }
  }
  return figures;
}

/** The same without a sync. A method that finds nothing lost here would find nothing anywhere. */
export async function powerCutControl(kind: FileSystem, seed: number): Promise<CrashFigures> {
  const mount = loopMount(kind);
  try {
    const folder = join(mount.folder, 'realm');
    const life = new Life({ folder, seed, durability: 'os' });
    await cut(life, mount, RUN_MS_MAX);
    return await judged(NO_FIGURES, new Oracle(), life, folder);
  } finally {
    mount.dispose();
  }
}

async function cut(
  life: Life,
  mount: { cutPower(): void; remount(): void },
  runMs: number,
): Promise<void> {
  await life.until('ready');
  await sleep(runMs);
  life.freeze();
  await sleep(STILL_MS);
  mount.cutPower();
  await life.kill();
  mount.remount();
}
