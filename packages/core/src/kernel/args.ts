/** The arguments of each write operation as they are journaled: parsed, and with fences where tokens came in. */
import type { AnyOperation, OperationName, ParsedOf } from '@infrafabric/protocol';
import type { Fence } from './decision.ts';

export type WriteName = Extract<AnyOperation, { readonly effect: 'write' }>['name'];

type WithoutToken<T> = T extends { readonly fencingToken: unknown }
  ? Omit<T, 'fencingToken'> & { readonly fence: Fence }
  : T;

/**
 * `tasks.next` waits at the edge; the journaled call never does. What the edge alone knows is added there: digests, and
 * of a blocker the sessions that wait and could help, the best first.
 */
export type ArgsOf<N extends OperationName> = Readonly<
  N extends 'tasks.next'
    ? Omit<ParsedOf<N>, 'waitMs'>
    : N extends 'plans.submit' | 'policies.set' | 'contracts.accept'
      ? ParsedOf<N> & { readonly digest: string }
      : N extends 'blockers.raise'
        ? WithoutToken<ParsedOf<N>> & { readonly waiting: readonly string[] }
        : WithoutToken<ParsedOf<N>>
>;
