/**
 * npm run crash: what the file journal keeps when its process is killed, the power goes, the disk is full or refuses.
 *
 *   --json          the last line is one JSON object: ok, figures, seconds
 *   --budget-s N    at most about N seconds; fewer cycles where they do not fit
 *   --seed N        the same run again
 */
import { parseArgs } from 'node:util';

import { diskFull, injectedErrors } from '../tests/crash/disk.ts';
import { isSound, killCycles, type CrashFigures, type CrashPlan } from '../tests/crash/kill.ts';
import {
  loopMountsPossible,
  stracePossible,
  tmpfsPossible,
  type Possible,
} from '../tests/crash/mounts.ts';
import { powerCutControl, powerCuts } from '../tests/crash/power-cut.ts';

const KILL_CYCLES = 150;
const CUTS_A_FILE_SYSTEM = 15;
/** Fewer than this prove nothing; a budget that does not allow them is too small. */
const KILL_CYCLES_MIN = 10;
const CUTS_MIN = 2;
/** Of the budget: the kills get this share, the rest goes to what follows. */
const KILL_SHARE = 0.5;
const CUT_SHARE = 0.2;

interface Step {
  readonly name: string;
  readonly possible: () => Possible;
  readonly run: (plan: CrashPlan) => Promise<CrashFigures>;
  readonly cycles: number;
  readonly cyclesMin: number;
  /** Of the budget, where there is one. */
  readonly share: number;
  /** The control must lose: a method that finds nothing there would find nothing anywhere. */
  readonly mustLose?: boolean;
}

type Result =
  | {
      readonly name: string;
      readonly kind: 'ran';
      readonly ok: boolean;
      readonly seconds: number;
      readonly figures: CrashFigures;
    }
  | { readonly name: string; readonly kind: 'not run'; readonly ok: boolean; readonly why: string };

const here = (): Possible => ({ kind: 'possible' });
const once = { cycles: 1, cyclesMin: 1, share: 1 };
const cuts = { cycles: CUTS_A_FILE_SYSTEM, cyclesMin: CUTS_MIN, share: CUT_SHARE };

const STEPS: readonly Step[] = [
  {
    name: 'kill -9',
    possible: here,
    run: killCycles,
    cycles: KILL_CYCLES,
    cyclesMin: KILL_CYCLES_MIN,
    share: KILL_SHARE,
  },
  {
    name: 'power cut, XFS',
    possible: loopMountsPossible,
    run: (plan) => powerCuts('xfs', plan),
    ...cuts,
  },
  {
    name: 'power cut, ext4',
    possible: loopMountsPossible,
    run: (plan) => powerCuts('ext4', plan),
    ...cuts,
  },
  {
    name: 'control without sync, XFS',
    possible: loopMountsPossible,
    run: ({ seed }) => powerCutControl('xfs', seed),
    ...once,
    mustLose: true,
  },
  {
    name: 'control without sync, ext4',
    possible: loopMountsPossible,
    run: ({ seed }) => powerCutControl('ext4', seed),
    ...once,
    mustLose: true,
  },
  { name: 'disk full', possible: tmpfsPossible, run: ({ seed }) => diskFull(seed), ...once },
  {
    name: 'errors of system calls',
    possible: stracePossible,
    run: ({ seed }) => injectedErrors(seed),
    ...once,
    cyclesMin: 3,
  },
];

async function runStep(step: Step, seed: number, budgetMs: number): Promise<Result> {
  const { name } = step;
  const possible = step.possible();
  if (possible.kind !== 'possible') {
    // In CI a missing tool is a failure; what the machine forbids is said, loudly, and counted.
    const ok = possible.kind === 'forbidden' || process.env['CI'] === undefined;
    return { name, kind: 'not run', ok, why: `${possible.kind}: ${possible.why}` };
  }
  const startMs = performance.now();
  const deadlineMs = startMs + budgetMs * step.share;
  const figures = await step.run({ cycles: step.cycles, seed, deadlineMs });
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  const enough = figures.cycles >= step.cyclesMin && figures.acknowledged > 0;
  if (step.mustLose === true) {
    // What the power cut left of the control is no log: that it is refused is no flaw.
    const ok = enough && figures.lost > 0;
    return { name, kind: 'ran', ok, seconds, figures: { ...figures, flaws: [] } };
  }
  return { name, kind: 'ran', ok: enough && isSound(figures), seconds, figures };
}

function lineOf(result: Result): string {
  const mark = result.ok ? 'ok  ' : 'FAIL';
  if (result.kind === 'not run') return `${mark} ${result.name}: NOT RUN, ${result.why}`;
  const { cycles, acknowledged, lost, tornTails, openMsMax, flaws, kept, ...more } = result.figures;
  const extra = Object.entries(more).map(([key, value]) => `, ${key} ${Math.round(Number(value))}`);
  const head = `${mark} ${result.name}: ${cycles} cycles, ${acknowledged} acknowledged, ${lost} lost`;
  const tail = `, ${tornTails} torn tails, slowest opening ${Math.round(openMsMax)} ms${extra.join('')}`;
  const found = flaws.slice(0, 5).map((flaw) => `\n     ${flaw}`);
  const where = kept === undefined ? '' : `\n     kept in ${kept}`;
  return `${head}${tail}, ${result.seconds} s${found.join('')}${where}`;
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    'budget-s': { type: 'string' },
    seed: { type: 'string' },
  },
});
const seed = Number(values.seed ?? 1 + (Date.now() % 1_000_000));
const budgetMs = Number(values['budget-s'] ?? Number.POSITIVE_INFINITY) * 1_000;
const startMs = performance.now();
console.log(`crash: seed ${seed}`);
const results: Result[] = [];
// One after the other: they measure, and they share one disk.
for (const step of STEPS) {
  const result = await runStep(step, seed, budgetMs);
  console.log(lineOf(result));
  results.push(result);
}
const ok = results.every((result) => result.ok);
const notRun = results.filter(({ kind }) => kind === 'not run').length;
const seconds = Math.round((performance.now() - startMs) / 1_000);
console.log(
  `crash: ${ok ? 'passed' : 'FAILED'}, ${notRun} of ${STEPS.length} not run, ${seconds} s`,
);
if (values.json) console.log(JSON.stringify({ ok, seed, seconds, notRun, figures: results }));
process.exitCode = ok ? 0 : 1;
