/** Two proofs that others hold, run small: what a kill leaves (B8), and what a changed byte betrays (B9). */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { NODE_PORTS, openFileJournal } from '@infrafabric/fabric';
import { crashLives, tamperRun, TEST_GENESIS_LEAF } from '@infrafabric/testkit';

import { NODE_FLAGS } from './child.ts';
import { check, sized, type Values } from './probe.ts';
import type { MeasureOnce } from './scenarios.ts';

const CRASH_S = { smoke: 0, short: 40, full: 120 };
/** A kill of a process takes a second or two; a smoke run takes lives on a disk in memory instead. */
const SIMULATED_LIVES = 20;
const SEGMENT_BYTES = [6_144, 12_288];
const CHANGES = { smoke: 14, short: 100, full: 1_000 };
const CHANGES_S = { smoke: 5, short: 60, full: 600 };
const SEED = 9;

const root = join(import.meta.dirname, '..', '..', '..');

export const crash: MeasureOnce = async ({ size }) => {
  if (size === 'smoke') return simulatedLives();
  const budget = sized(size, CRASH_S);
  const startedAt = performance.now();
  const args = [join(root, 'scripts', 'crash.ts'), '--budget-s', String(budget), '--json'];
  const { code, lastLine } = await lastLineOf(process.execPath, [...NODE_FLAGS, ...args]);
  const told: { readonly ok?: boolean } = JSON.parse(lastLine);
  check(code === 0 && told.ok === true, `scripts/crash.ts: exit ${code}: ${lastLine}`);
  return { 'crash.ok': 1, 'crash.seconds': (performance.now() - startedAt) / 1_000 };
};

async function simulatedLives(): Promise<Values> {
  let acknowledged = 0;
  for (let seed = 1; seed <= SIMULATED_LIVES; seed += 1) {
    const report = await crashLives(seed, {
      open: (disk, folder, lastStop) =>
        openFileJournal(
          { folder, genesisLeaf: TEST_GENESIS_LEAF, segmentBytes: SEGMENT_BYTES },
          { ...NODE_PORTS, disk, lock: () => ({ lastStop, release: () => undefined }) },
        ),
    });
    acknowledged += report.acknowledged;
  }
  check(acknowledged > SIMULATED_LIVES, 'lives in which nothing was written prove nothing');
  return { 'crash.simulatedLives': SIMULATED_LIVES, 'crash.acknowledged': acknowledged };
}

export const flips: MeasureOnce = async ({ size }) => {
  const report = await tamperRun({
    n: sized(size, CHANGES),
    seed: SEED,
    budgetS: sized(size, CHANGES_S),
  });
  check(
    report.ok && report.found === report.run,
    `${JSON.stringify(report.undetected)} were not found`,
  );
  check(report.run > 0, 'no change was made');
  return {
    'flips.made': report.run,
    'flips.found': report.found,
    'flips.slowestMs': report.slowestMs,
  };
};

function lastLineOf(
  command: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly lastLine: string }> {
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const lastLine = Buffer.concat(parts).toString().trim().split('\n').at(-1) ?? '';
      resolve({ code, lastLine });
    });
  });
}
