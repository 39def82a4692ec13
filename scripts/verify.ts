/**
 * What CI runs: format, build, lint, arrows, dead code, tidiness, all tests with their coverage floors.
 *
 *     npm run verify [-- --fix] [--keep-going] [--only <step>] [--json]
 *
 * Stops at the first failure and says the command that repeats it; `--keep-going` runs the other steps too.
 * `--fix` formats, and rewrites golden files (read the diff). The last line is the number of tests that passed and
 * failed, from the test runner's own report, or with `--json` one JSON object. `--totals` prints that line again.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface Step {
  readonly name: string;
  readonly command: readonly string[];
  /** What `--fix` runs instead. */
  readonly fix?: readonly string[];
  /** Long steps show their output as it comes; short ones only when they fail. */
  readonly live?: boolean;
}

interface Outcome {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
}

interface Totals {
  readonly passed: number;
  readonly failed: number;
}

/** CI gives all steps ten minutes; one that takes nine hangs, and says so itself before it is cut off. */
const STEP_MS_MAX = 540_000;

const root = join(import.meta.dirname, '..');
const reportPath = join(root, '.tmp', 'vitest.json');

const REPORT = ['--reporter=default', '--reporter=json', '--outputFile.json=.tmp/vitest.json'];
const TESTS = ['vitest', 'run', '--coverage', ...REPORT];
const ARROWS = ['depcruise', 'packages', 'scripts', 'tests', 'vitest.config.ts'];
const TIDY = ['node', '--conditions=source', 'scripts/tidy.ts'];

const STEPS: readonly Step[] = [
  { name: 'format', command: ['oxfmt', '--check'], fix: ['oxfmt'] },
  { name: 'build', command: ['tsc', '-b'] },
  { name: 'bundle', command: ['node', '--conditions=source', 'scripts/bundle-runner.ts'] },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'arrows', command: ARROWS },
  { name: 'dead', command: ['knip', '--no-progress', '--no-config-hints'] },
  { name: 'tidy', command: TIDY },
  { name: 'tests', command: TESTS, fix: [...TESTS, '--update'], live: true },
];

/** What this reads of the JSON report that vitest shares with Jest. */
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** Counts of the last test run, or undefined where there was none. A file that does not load is one failure. */
function readTotals(): Totals | undefined {
  try {
    const report: Report = JSON.parse(readFileSync(reportPath, 'utf8'));
    const unloaded = report.testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && assertionResults.every((result) => result.status !== 'failed'),
    );
    return { passed: report.numPassedTests, failed: report.numFailedTests + unloaded.length };
  } catch {
    // No report, or half of one: the runner did not come to its end, and no number would be true.
    return undefined;
  }
}

function run(command: readonly string[], live: boolean): Promise<{ ok: boolean; output: string }> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    // stdout goes to stderr as well: our own last line is for programs.
    const child = spawn(program, args, {
      cwd: root,
      timeout: STEP_MS_MAX,
      stdio: ['ignore', live ? 2 : 'pipe', live ? 2 : 'pipe'],
    });
    const chunks: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => chunks.push(text));
    }
    child.once('error', (cause) => resolve({ ok: false, output: `${cause.message}\n` }));
    child.once('close', (code) => resolve({ ok: code === 0, output: chunks.join('') }));
  });
}

async function runStep(step: Step, fix: boolean): Promise<Outcome> {
  const command = fix ? (step.fix ?? step.command) : step.command;
  const startedAt = performance.now();
  const { ok, output } = await run(command, step.live === true);
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  console.error(`verify: ${step.name.padEnd(7)} ${ok ? 'ok' : 'FAILED'} ${seconds.toFixed(1)} s`);
  if (!ok) console.error(`${output}verify: repeat it with: npx ${command.join(' ')}`);
  return { name: step.name, ok, seconds };
}

function printTotals(): void {
  const totals = readTotals();
  if (totals !== undefined) console.log(`${totals.passed} passed, ${totals.failed} failed`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      fix: { type: 'boolean', default: false },
      'keep-going': { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      json: { type: 'boolean', default: false },
      totals: { type: 'boolean', default: false },
    },
  });
  if (values.totals) return printTotals();

  const { only } = values;
  const steps = STEPS.filter(({ name }) => only === undefined || only.includes(name));
  mkdirSync(join(root, '.tmp'), { recursive: true });
  rmSync(reportPath, { force: true });
  const outcomes: Outcome[] = [];
  for (const step of steps) {
    const outcome = await runStep(step, values.fix);
    outcomes.push(outcome);
    if (!outcome.ok && !values['keep-going']) break;
  }
  const ok = steps.length > 0 && outcomes.every((outcome) => outcome.ok);
  const failed = outcomes.filter((outcome) => !outcome.ok).map(({ name }) => name);
  if (failed.length > 0) console.error(`verify: FAILED: ${failed.join(', ')}`);
  if (values.json)
    console.log(JSON.stringify({ ok, steps: outcomes, tests: readTotals() ?? null }));
  else printTotals();
  process.exitCode = ok ? 0 : 1;
}

await main();
