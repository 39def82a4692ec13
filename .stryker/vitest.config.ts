import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** The unit tests of the two packages that are mutated, without projects: the mutation runner knows none. */
export default defineConfig({
  root: join(import.meta.dirname, '..'),
  ssr: { resolve: { conditions: ['source', 'node'] } },
  test: {
    include: ['packages/{core,tlog}/src/**/*.test.ts'],
    exclude: ['**/*.integration.test.ts', '**/node_modules/**', '**/dist/**'],
    execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning'],
  },
});
