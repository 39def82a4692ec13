/**
 * Every event of the realm. Members stand in the order of RFC 8785 (by UTF-16 code units, so `type` comes last or
 * nearly so), and constructors build them in that order: stringifying an event gives canonical JSON.
 */
import type { RealmEvent } from '../realm/events.ts';
import type { GovernorEvent } from '../governor/events.ts';
import type { OptimiseEvent } from '../optimise/events.ts';
import type { ChassisEvent } from '../chassis/events.ts';
import type { CoordinatorEvent } from '../coordinator/events.ts';
import type { WitnessEvent } from '../witness/events.ts';

export type DomainEvent =
  | ChassisEvent
  | CoordinatorEvent
  | GovernorEvent
  | OptimiseEvent
  | RealmEvent
  | WitnessEvent;
