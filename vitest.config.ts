import { defineConfig } from 'vitest/config';

const INTEGRATION = 'packages/*/src/**/*.integration.test.ts';
const OUTSIDE = ['**/node_modules/**', '**/dist/**', '**/.stryker-tmp/**', '**/.tmp/**'];

/** A unit test takes milliseconds, its largest property seconds on a busy machine; after this long it hangs. */
const UNIT_MS_MAX = 30_000;
/** Sockets and children take their time under load; polling goes on until then. The default is one second. */
const POLL_MS_MAX = 20_000;
/** One test may take this long where it starts real processes and disks. */
const INTEGRATION_MS_MAX = 180_000;
/** A browser, a database and a fabric start before the first line of such a test. */
const E2E_MS_MAX = 180_000;

/** Decisions and proofs: a branch that no test takes is a rule that nobody has checked. */
const EVERY_BRANCH = { branches: 100, lines: 100, functions: 100 };
/** Elsewhere the rest is mostly faults of the system that only a broken machine can produce. */
const FLOOR = { branches: 85, lines: 85 };

export default defineConfig({
  // Packages run from src: `exports` has a `source` condition, so no build stands between an edit and its test.
  ssr: { resolve: { conditions: ['source', 'node'] } },
  test: {
    // Many tests wait for sockets, disks and children; the default leaves one core of two without work.
    maxWorkers: '100%',
    // Worker threads and child processes that a test starts inherit these, and resolve packages as the test does.
    execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning'],
    exclude: OUTSIDE,
    testTimeout: UNIT_MS_MAX,
    expect: { poll: { timeout: POLL_MS_MAX } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'scripts/*.test.ts', 'tests/golden/*.test.ts'],
          exclude: [INTEGRATION, ...OUTSIDE],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: [INTEGRATION, 'tests/**/*.test.ts'],
          exclude: ['tests/golden/**', 'tests/e2e/**', 'tests/sim/**', ...OUTSIDE],
          testTimeout: INTEGRATION_MS_MAX,
          hookTimeout: INTEGRATION_MS_MAX,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['tests/e2e/**/*.test.ts'],
          testTimeout: E2E_MS_MAX,
          hookTimeout: E2E_MS_MAX,
        },
      },
      {
        extends: true,
        test: { name: 'sim', include: ['tests/sim/**/*.test.ts'], testTimeout: E2E_MS_MAX },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/{core,tlog,protocol,fabric,sdk,cli}/src/**/*.ts'],
      // A main runs in a process of its own, where this process cannot count: e2e tests hold it.
      exclude: ['**/*.test.ts', '**/main.ts', '**/bin.ts'],
      reporter: ['text-summary', 'json-summary'],
      reportsDirectory: 'coverage',
      // One run says all that is wrong: a failing test does not hide a floor.
      reportOnFailure: true,
      thresholds: {
        'packages/core/src/**': EVERY_BRANCH,
        'packages/tlog/src/**': EVERY_BRANCH,
        'packages/protocol/src/**': FLOOR,
        'packages/fabric/src/**': FLOOR,
        'packages/sdk/src/**': FLOOR,
        'packages/cli/src/**': FLOOR,
      },
    },
  },
});
