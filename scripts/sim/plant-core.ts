/** Loaded before everything else in a thread of the simulator: `@infrafabric/core` is its double, except for the double. */
import { registerHooks } from 'node:module';

const DOUBLE = new URL('../../packages/testkit/src/sim/planted-core.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@infrafabric/core' && context.parentURL !== DOUBLE
      ? { url: DOUBLE, shortCircuit: true }
      : next(specifier, context),
});
