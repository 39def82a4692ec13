/** K1: work that is ready is not kept from a session that waits for it. */
import { hasReadyFor } from '@infrafabric/core';

import type { SimAgent } from './actors.ts';
import type { SimProcess } from './processes.ts';

/** The law, where an agent waits at this leader for what it could have; else undefined. */
export function whoWaitsInVain(
  { fabric }: SimProcess,
  agents: readonly SimAgent[],
): string | undefined {
  const view = fabric?.leader.view();
  if (fabric === undefined || view === undefined || !('world' in view)) return undefined;
  if (fabric.leader.phase !== 'serving' || fabric.leader.durable?.size !== view.size)
    return undefined;
  const { world } = view;
  const inVain = agents.find(
    ({ pending, session }) =>
      pending?.op === 'tasks.next' &&
      pending.input['waitMs'] !== undefined &&
      session !== undefined &&
      fabric.figures().tickets > 0 &&
      hasReadyFor(world, session.sessionId),
  );
  return inVain && `K1: ${inVain.name} waits for work while some is ready for it`;
}
