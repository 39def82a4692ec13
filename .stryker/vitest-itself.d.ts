/** Vitest as it is: in a mutation run the name `vitest` leads to `warm-tests.ts` (see `warm-runner.ts`). */
declare module 'vitest-itself' {
  export { expect } from 'vitest';
}
