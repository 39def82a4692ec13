/** What a planted bug puts in the place of the real parts. */
import type { Section, World } from '@infrafabric/core';
import type { Fabric, LeadingFabric } from '@infrafabric/fabric';

import type { Medium, MediumDoubles } from './media.ts';
import type { PlantedDecision } from './planted-decision.ts';

export interface Doubles extends MediumDoubles {
  /** The medium on which the bug shows; absent: either. */
  readonly medium?: Medium['kind'];
  /** Calls as a surface with the bug passes them on. `life` is new with every process. */
  readonly surface?: (fabric: LeadingFabric, life: object) => Pick<Fabric, 'call'>;
  /** Behind its monotonic clock, a leader runs this late, ms. */
  readonly clockLagMs?: number;
  readonly sections?: (world: World) => readonly Section[];
  /** Decisions with the bug, of every process and of whoever decides the log again: only laws can tell. */
  readonly decide?: PlantedDecision;
}
