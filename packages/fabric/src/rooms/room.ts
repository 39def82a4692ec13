/** What a room's handlers are given and of which shape they are. */
import type { Clock } from '../engine/clock.ts';
import type { Committed } from '../engine/call.ts';
import type { View } from '../engine/term-parts.ts';
import type { Tokens } from '../engine/tokens.ts';
import type {
  AnyOperation,
  OperationName,
  OutputOf,
  ParsedOf,
  Rejection,
} from '@infrafabric/protocol';
import type { DomainEvent, WriteName } from '@infrafabric/core';
import type { Principal } from '../engine/fabric.ts';

export interface RoomContext extends View {
  readonly tokens: Tokens;
  readonly clock: Clock;
}

export type ReadName = Extract<AnyOperation, { readonly effect: 'read' }>['name'];
export type SoftName = Extract<AnyOperation, { readonly effect: 'soft' }>['name'];

/** From an entry to the output of its operation: the same for a first reply and for a repeated one. */
export type Replies<N extends WriteName> = {
  readonly [K in N]: (entry: Committed, context: RoomContext) => OutputOf<K>;
};

/** What holds already, for commands that may change nothing. */
export type Unchangeds<N extends WriteName> = {
  readonly [K in N]?: (args: unknown, context: RoomContext) => OutputOf<K>;
};

export type Reads<N extends OperationName> = {
  readonly [K in N]: (
    input: ParsedOf<K>,
    context: RoomContext,
  ) => OutputOf<K> | Rejection | Promise<OutputOf<K> | Rejection>;
};

export type Softs<N extends SoftName> = {
  readonly [K in N]: (
    input: ParsedOf<K>,
    context: RoomContext,
    principal: Principal,
  ) => OutputOf<K> | Rejection;
};

/** The events of one type in an entry. */
export const eventsOf = <T extends DomainEvent['type']>(
  { events }: Committed,
  type: T,
): Extract<DomainEvent, { readonly type: T }>[] =>
  events.filter(
    (event): event is Extract<DomainEvent, { readonly type: T }> => event.type === type,
  );

/** The one event of a type that the entry was written for. */
export const eventOf = <T extends DomainEvent['type']>(
  entry: Committed,
  type: T,
): Extract<DomainEvent, { readonly type: T }> => {
  const [event] = eventsOf(entry, type);
  if (event === undefined) throw new Error(`defect: entry ${entry.index} has no ${type}`);
  return event;
};

/**
 * Ids and texts of an entry were parsed by the operation's schema before they were journaled, and events are made of
 * them by `core`: the brands they had then are theirs still. This is the only place that says so.
 */
export const trusted = <T>(value: unknown): T =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  value as T;
