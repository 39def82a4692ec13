/**
 * Core's door with a passage for planted decisions. `scripts/sim/plant-core.ts` puts it in the place of
 * `@infrafabric/core` for every module but this one, so that processes and watchers decide with the same bug.
 */
import { decide as real } from '@infrafabric/core';

import { passing } from './planted-decision.ts';

export * from '@infrafabric/core';
export const decide = passing(real);
