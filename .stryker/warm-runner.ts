/**
 * A test runner for mutation runs that loads the tests once and then only calls them.
 *
 * Vitest starts a worker and loads every module anew for each mutant: 0.6 s of work around tests that take a few
 * milliseconds, and 7,000 mutants would take hours. Nor does the runner for Vitest see what `@infrafabric/core` means
 * to `@infrafabric/testkit`: the link leads out of the sandbox, to code without mutants. So this one
 *
 * R1  imports the test files with Node itself, with `describe` and `test` of its own and Vitest's `expect`;
 * R2  resolves the packages of the workspace inside the sandbox;
 * R3  calls the tests that cover a mutant, the fastest first, until one fails;
 * R4  calls the test that failed once more without the mutant. Only if it passes is the mutant killed; else a mutant
 *     has spoilt what the tests share, so all is loaded anew and the mutant tried again.
 */
import { registerHooks } from 'node:module';
import { join, relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { Script } from 'node:vm';
import { INSTRUMENTER_CONSTANTS } from '@stryker-mutator/api/core';
import { declareFactoryPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import {
  determineHitLimitReached,
  DryRunStatus,
  MutantRunStatus,
  TestStatus,
} from '@stryker-mutator/api/test-runner';
import type {
  DryRunResult,
  MutantRunOptions,
  MutantRunResult,
  TestRunner,
  TestRunnerCapabilities,
} from '@stryker-mutator/api/test-runner';
import type { MutantCoverage } from '@stryker-mutator/api/core';
import fc from 'fast-check';
import type * as WarmTests from './warm-tests.ts';

type WarmTest = WarmTests.WarmTest;

/** What instrumented code reads and writes: the mutant that is switched on, and who covers which. */
interface Switchboard {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number | undefined;
  hitLimit?: number | undefined;
  mutantCoverage?: MutantCoverage;
}

/** Properties draw the same cases in every run, so that a score is a fact about the tests, not about luck; and a
    failure is enough: nobody reads the smallest one. */
const PROPERTIES = { seed: 20_261_121, endOnFailure: true };

const SHIM_URL = new URL('./warm-tests.ts', import.meta.url).href;

/** A test with a mutant may take so many times what it takes without, and meet the mutant so many times as often
    (Stryker's own factor): more is a loop without end. */
const SLOWER_MAX = 10;
const HITS_FACTOR_MAX = 100;
/** Added to the former, since what took no time at all is not measured exactly on a busy machine. */
const TEST_MS_MIN = 1_500;
const HITS_MIN = 1_000;
const DRY_MS_MAX = 120_000;
/** Slower tests are left out, for a first look. */
const SPENT_MS_MAX = Number(process.env['TEST_MS_MAX'] ?? Number.POSITIVE_INFINITY);
/** What the dry run learns in one process, for the others and their successors. In the sandbox. */
const LEARNT_PATH = 'warm-dry-run.json';
const ENDLESS = 'took too long';
/** Only a script of `node:vm` can be stopped in a loop without end. */
const CALL = new Script('__called.run()');
const called: { run: () => unknown } = { run: () => undefined };
Object.assign(globalThis, { __called: called });

class WarmRunner implements TestRunner {
  readonly #board: Switchboard = {};
  readonly #pattern: string;
  /** Each load gets a number in its URLs: Node has no other way to load a module twice. */
  #generation = 0;
  #tests: readonly WarmTest[] = [];
  #shim: typeof WarmTests | undefined;
  #spentMs = new Map<string, number>();
  #coverage: MutantCoverage | undefined;

  constructor(namespace: string) {
    // Instrumented code makes the same object if it comes first; here it never does.
    Object.assign(globalThis, { [namespace]: this.#board });
    this.#pattern = `packages/${process.env['MUTATED'] ?? '{core,tlog}'}/src/**/*.test.ts`;
  }

  capabilities(): TestRunnerCapabilities {
    return { reloadEnvironment: true };
  }

  async init(): Promise<void> {
    const sandbox = pathToFileURL(join(process.cwd(), '/')).href;
    registerHooks({
      resolve: (specifier, context, next) => {
        if (specifier === 'vitest') return { url: SHIM_URL, shortCircuit: true };
        if (specifier === 'vitest-itself') return next('vitest', context);
        const own = /^@infrafabric\/([a-z]+)$/.exec(specifier)?.[1];
        const found =
          own === undefined
            ? next(specifier, context)
            : { url: `${sandbox}packages/${own}/src/index.ts`, shortCircuit: true };
        const isOurs = found.url.startsWith(`${sandbox}packages/`) && !found.url.includes('?');
        return isOurs ? { ...found, url: `${found.url}?load=${this.#generation}` } : found;
      },
    });
    fc.configureGlobal(PROPERTIES);
    this.#shim = await import('./warm-tests.ts');
  }

  async dryRun(): Promise<DryRunResult> {
    this.#board.activeMutant = undefined;
    try {
      await this.#load();
    } catch (cause) {
      return { status: DryRunStatus.Error, errorMessage: String(cause) };
    }
    const tests = [];
    for (const test of this.#tests) {
      this.#board.currentTestId = test.id;
      const startedAt = performance.now();
      const failure = await failureOf(test, DRY_MS_MAX);
      this.#board.currentTestId = undefined;
      const timeSpentMs = performance.now() - startedAt;
      this.#spentMs.set(test.id, timeSpentMs);
      const told = { id: test.id, name: test.name, fileName: test.file, timeSpentMs };
      tests.push(
        failure === undefined
          ? { ...told, status: TestStatus.Success as const }
          : { ...told, status: TestStatus.Failed as const, failureMessage: failure },
      );
    }
    const none: MutantCoverage = { static: {}, perTest: {} };
    this.#coverage = this.#board.mutantCoverage ?? none;
    const learnt = { spentMs: [...this.#spentMs], coverage: this.#coverage };
    writeFileSync(LEARNT_PATH, JSON.stringify(learnt));
    return { status: DryRunStatus.Complete, tests, mutantCoverage: this.#coverage };
  }

  async mutantRun(options: MutantRunOptions): Promise<MutantRunResult> {
    if (this.#coverage === undefined) {
      const learnt: { spentMs: [string, number][]; coverage: MutantCoverage } = JSON.parse(
        readFileSync(LEARNT_PATH, 'utf8'),
      );
      this.#spentMs = new Map(learnt.spentMs);
      this.#coverage = learnt.coverage;
    }
    this.#board.hitLimit = options.hitLimit;
    const isStatic = options.mutantActivation === 'static';
    this.#board.activeMutant = isStatic ? options.activeMutant.id : undefined;
    if (isStatic || this.#tests.length === 0) {
      try {
        this.#board.hitCount = 0;
        await this.#load();
      } catch (cause) {
        this.#tests = [];
        this.#board.activeMutant = undefined;
        if (!isStatic) throw cause;
        return killed('(load)', String(cause), 0);
      }
    }
    const first = await this.#tryMutant(options);
    this.#board.activeMutant = undefined;
    // The next mutant must not find modules that were loaded with this one.
    if (isStatic) this.#tests = [];
    if (isStatic || first.status !== MutantRunStatus.Killed) return first;
    const killer = this.#tests.find(({ id }) => first.killedBy.includes(id));
    if (killer !== undefined && (await failureOf(killer, DRY_MS_MAX)) === undefined) return first;
    await this.#load();
    return this.#tryMutant(options);
  }

  async #tryMutant({
    activeMutant,
    testFilter,
    hitLimit,
  }: MutantRunOptions): Promise<MutantRunResult> {
    const wanted = testFilter && new Set(testFilter);
    const tests = this.#tests
      .filter((test) => wanted?.has(test.id) !== false && this.#spentOf(test) < SPENT_MS_MAX)
      .toSorted((a, b) => this.#spentOf(a) - this.#spentOf(b));
    this.#board.activeMutant = activeMutant.id;
    this.#board.hitCount = 0;
    let nrOfTests = 0;
    for (const test of tests) {
      nrOfTests += 1;
      const hits = this.#coverage?.perTest[test.id]?.[activeMutant.id];
      this.#board.hitCount = 0;
      this.#board.hitLimit = hits === undefined ? hitLimit : HITS_MIN + hits * HITS_FACTOR_MAX;
      const failure = await failureOf(test, TEST_MS_MIN + this.#spentOf(test) * SLOWER_MAX);
      const endless = determineHitLimitReached(this.#board.hitCount, this.#board.hitLimit);
      if (endless !== undefined) {
        return { status: MutantRunStatus.Timeout, reason: endless.reason ?? '' };
      }
      if (failure === ENDLESS) return { status: MutantRunStatus.Timeout, reason: test.id };
      if (failure !== undefined) return killed(test.id, failure, nrOfTests);
    }
    return { status: MutantRunStatus.Survived, nrOfTests };
  }

  #spentOf(test: WarmTest): number {
    return this.#spentMs.get(test.id) ?? 0;
  }

  async #load(): Promise<void> {
    this.#generation += 1;
    const shim = this.#shim;
    if (shim === undefined) throw new Error('loaded before init');
    shim.registered.length = 0;
    for (const file of globSync(this.#pattern).toSorted()) {
      if (file.endsWith('.integration.test.ts')) continue;
      shim.startFile(relative(process.cwd(), file));
      await import(`${pathToFileURL(join(process.cwd(), file)).href}?load=${this.#generation}`);
    }
    this.#tests = [...shim.registered];
  }
}

/** Calls a test. Its synchronous part, or all of it where nothing is awaited, ends after `msMax`. */
async function failureOf(test: WarmTest, msMax: number): Promise<string | undefined> {
  try {
    called.run = test.run;
    await CALL.runInThisContext({ timeout: Math.ceil(msMax) });
    return undefined;
  } catch (cause) {
    if (isTimeout(cause)) return ENDLESS;
    return cause instanceof Error ? cause.message : String(cause);
  }
}

function isTimeout(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}

function killed(id: string, failureMessage: string, nrOfTests: number): MutantRunResult {
  return { status: MutantRunStatus.Killed, killedBy: [id], failureMessage, nrOfTests };
}

function createWarmRunner(): TestRunner {
  return new WarmRunner(INSTRUMENTER_CONSTANTS.NAMESPACE);
}
createWarmRunner.inject = [] as const;

export const strykerPlugins = [
  declareFactoryPlugin(PluginKind.TestRunner, 'warm', createWarmRunner),
];
