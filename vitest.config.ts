import { defineConfig } from 'vitest/config';

const INTEGRATION = 'packages/*/src/**/*.integration.test.ts';

/** One test may take this long where it starts real processes and real disks; a unit test never needs it. */
const INTEGRATION_MS_MAX = 60_000;
const E2E_MS_MAX = 120_000;

export default defineConfig({
  // Packages run from src: their `exports` have a `source` condition, so no build stands between an edit and its test.
  ssr: { resolve: { conditions: ['source', 'node'] } },
  test: {
    // Worker threads and child processes that a test starts inherit these, and so resolve packages as the test does.
    execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/.stryker-tmp/**'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts', 'scripts/**/*.test.ts', 'tests/golden/**/*.test.ts'],
          exclude: [INTEGRATION, '**/node_modules/**', '**/dist/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: [INTEGRATION, 'tests/**/*.test.ts'],
          exclude: ['tests/golden/**', 'tests/e2e/**', 'tests/sim/**', '**/node_modules/**'],
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
  },
});
