/**
 * Tests run under the `source` condition so that packages resolve to their sources. `eventsource`, which both official
 * clients load, has such a condition too, for TypeScript that Node refuses inside node_modules: it is taken away there.
 */
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) => {
    if (context.parentURL?.includes('/node_modules/') !== true) return next(specifier, context);
    const conditions = context.conditions.filter((condition) => condition !== 'source');
    return next(specifier, { ...context, conditions });
  },
});
