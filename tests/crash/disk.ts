import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { NO_FIGURES, judged, type CrashFigures } from './kill.ts';
import { Life } from './life.ts';
import { smallMount } from './mounts.ts';
import { Oracle } from './oracle.ts';

const MIB = 1_048_576;
/** Room for the first three segments and little more. */
const SMALL_BYTES = 24 * MIB;
/** A writer that does not fill a small disk by itself before the ballast is in. */
const PAUSE_MS = 4;
/** A full disk is noticed, and a free one used again, within a second (WR6). */
const NOTICE_MS_MAX = 1_000;

export interface FullFigures extends CrashFigures {
  /** From the full disk to the first refusal, and from the freed disk to the next acknowledgement. */
  readonly readOnlyMs: number;
  readonly resumedMs: number;
}

/** Something else fills the disk; the journal refuses, loses nothing, and goes on when there is room. */
export async function diskFull(seed: number): Promise<FullFigures> {
  const mount = smallMount(SMALL_BYTES);
  const folder = join(mount.folder, 'realm');
  const life = new Life({ folder, seed, pauseMs: PAUSE_MS });
  try {
    await life.until('ready');
    await life.untilAcknowledged();
    const ballast = join(mount.folder, 'ballast');
    fill(ballast);
    const fullMs = performance.now();
    await life.until('refused log.full');
    const readOnlyMs = performance.now() - fullMs;
    rmSync(ballast);
    const freeMs = performance.now();
    await life.untilAcknowledged();
    const resumedMs = performance.now() - freeMs;
    await life.kill();
    const figures = await judged(NO_FIGURES, new Oracle(), life, folder);
    const flaws = [...figures.flaws];
    if (readOnlyMs > NOTICE_MS_MAX) flaws.push(`read-only only after ${readOnlyMs} ms`);
    if (resumedMs > NOTICE_MS_MAX) flaws.push(`resumed only after ${resumedMs} ms`);
    return { ...figures, flaws, readOnlyMs, resumedMs };
  } finally {
    await life.kill();
    mount.dispose();
  }
}

function fill(path: string): void {
  const file = openSync(path, 'w');
  const chunk = new Uint8Array(MIB);
  try {
    // Ends: the disk is small. A part of the last chunk is written before it says so.
    for (;;) writeSync(file, chunk);
  } catch {
    // Full, as it must be.
  } finally {
    closeSync(file);
  }
}

/** Injected errors as strace names them, and what the writer must do. */
interface Injection {
  readonly id: string;
  readonly calls: string;
  readonly how: string;
  /** `ends`: exit 75 with this code. `goes-on`: refusals of this code, and acknowledgements after them. */
  readonly expected: { readonly kind: 'ends' | 'goes-on'; readonly code: string };
}

const INJECTIONS: readonly Injection[] = [
  {
    id: 'EIO on sync',
    calls: 'fdatasync,fsync',
    how: 'error=EIO:when=25+1',
    expected: { kind: 'ends', code: 'log.fsync_failed' },
  },
  {
    id: 'ENOSPC on write',
    calls: 'pwrite64',
    how: 'error=ENOSPC:when=30+40',
    expected: { kind: 'goes-on', code: 'log.full' },
  },
  {
    id: 'EIO on write',
    calls: 'pwrite64',
    how: 'error=EIO:when=30+40',
    expected: { kind: 'goes-on', code: 'log.unavailable' },
  },
];

/** sysexits.h EX_TEMPFAIL: the supervisor starts the process again. */
const EXIT_RESTART = 75;

/** System calls that fail under the journal. The code, the exit and every acknowledgement must be right. */
export async function injectedErrors(seed: number): Promise<CrashFigures> {
  let figures = NO_FIGURES;
  for (const injection of INJECTIONS) {
    const root = mkdtempSync(join(tmpdir(), 'crash-inject-'));
    const folder = join(root, 'realm');
    const { calls, how } = injection;
    const trace = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`];
    const under = [...trace, '-e', `inject=${calls}:${how}`];
    const life = new Life({ folder, seed, under, pauseMs: 1 });
    const flaws = await outcome(life, injection);
    await life.kill();
    figures = await judged(figures, new Oracle(), life, folder);
    if (life.acknowledged.size === 0) flaws.push(`${injection.id}: nothing was acknowledged`);
    figures = { ...figures, flaws: [...figures.flaws, ...flaws] };
    rmSync(root, { recursive: true });
  }
  return figures;
}

async function outcome(life: Life, { id, expected }: Injection): Promise<string[]> {
  const { kind, code } = expected;
  try {
    if (kind === 'ends') {
      await life.until(`ended ${code}`);
      await life.end();
      return life.exitCode === EXIT_RESTART ? [] : [`${id}: exit ${life.exitCode}`];
    }
    await life.until(`refused ${code}`);
    await life.untilAcknowledged();
    return [];
  } catch (cause) {
    return [`${id}: ${String(cause)}`];
  }
}
