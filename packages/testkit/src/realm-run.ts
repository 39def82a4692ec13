/** A realm without an engine: the pure world, its log and a clock moved by hand. For tests, scenarios and the simulator. */
import { hash } from 'node:crypto';

import {
  createWorld,
  DECIDER_VERSION,
  decide,
  evolve,
  leaseOf,
  type ArgsOf,
  type Credential,
} from '@infrafabric/core';
import type {
  Conditions,
  Decision,
  DomainEvent,
  Entry,
  Fence,
  World,
  WriteName,
} from '@infrafabric/core';
import { digestFrom, type InputOf } from '@infrafabric/protocol';

import { COMPARISONS } from './comparisons.ts';

type WithFence<T> = T extends { readonly fencingToken: unknown }
  ? Omit<T, 'fencingToken'> & { readonly fence: Fence }
  : T;

/**
 * The arguments of an operation as a test writes them: before brands, with fences in place of tokens, and with what the
 * engine adds where a test wants to say it.
 */
export type PlainArgs<N extends WriteName> = N extends
  | 'plans.submit'
  | 'policies.set'
  | 'contracts.accept'
  ? InputOf<N> & { readonly digest?: string }
  : N extends 'blockers.raise'
    ? WithFence<InputOf<N>> & { readonly waiting?: readonly string[] }
    : WithFence<InputOf<N>>;

export interface RunBy {
  readonly cred?: Credential;
  readonly principal?: string;
  readonly session?: string;
  readonly ids?: readonly string[];
  readonly idem?: string;
}

/** One command of a run, with everything that `decide` and `evolve` take from outside. */
export interface RunCommand extends RunBy {
  readonly op: WriteName;
  readonly args: object;
}

export class RealmRun {
  readonly world: World;
  readonly conditions: Conditions;
  /** Everything that was folded, in order. */
  readonly entries: Entry[] = [];
  /** The clock, ms. */
  at: number;
  epoch = 0;
  #minted = 0;

  /** The policy's rules speak in comparisons, unless another language is given. */
  constructor(world: World = createWorld(), at = 0, conditions: Conditions = COMPARISONS) {
    this.world = world;
    this.at = at;
    this.conditions = conditions;
  }

  /** Decides and folds one operation at the present time. Throws where the fold finds a defect. */
  run<N extends WriteName>(op: N, args: PlainArgs<N>, by: RunBy = {}): Decision {
    return this.submit({ op, args, ...by });
  }

  submit(command: RunCommand): Decision {
    const decision = decide(this.world, this.commandOf(command), this.conditions);
    if (decision.kind === 'accept') this.fold(command, decision.events);
    if (decision.kind === 'refuse') this.fold(command, [decision.record]);
    return decision;
  }

  /** The command as `decide` gets it. */
  commandOf(command: RunCommand): Parameters<typeof decide>[1] {
    const { op, args, cred = 'operator', principal = 'operator', session, ids } = command;
    return {
      op,
      args: { ...addedBy(op, args), ...args },
      at: this.at,
      cred,
      principal,
      ...(session === undefined ? {} : { session }),
      ids: ids ?? [`id${this.#minted}`],
    };
  }

  fold(command: RunCommand, events: readonly DomainEvent[]): void {
    const { op, args, at, principal } = this.commandOf(command);
    for (const event of events) if (event.type === 'realm.opened') this.epoch = event.epoch;
    const entry: Entry = {
      index: this.world.realm.size,
      at,
      epoch: this.epoch,
      op,
      args,
      principal,
      ...(command.session === undefined ? {} : { session: command.session }),
      ...(command.idem === undefined ? {} : { idem: command.idem }),
      events,
    };
    this.#minted += 1;
    evolve(this.world, entry);
    this.entries.push(entry);
  }

  /** The fence of a task's live lease, as its token would say it. */
  fenceOf(taskId: string): Fence {
    const lease = leaseOf(this.world, taskId);
    if (lease === undefined)
      throw new Error(`defect: the test asks for the fence of ${taskId}, which is not leased`);
    return { epoch: lease.epoch, holder: lease.sessionId, n: lease.fence };
  }
}

/** What the engine adds to the arguments of an operation. */
const addedBy = (op: WriteName, args: object): object => {
  if (op === 'plans.submit' || op === 'policies.set' || op === 'contracts.accept')
    return { digest: digestFrom(hash('sha256', JSON.stringify(args), 'hex')) };
  return op === 'blockers.raise' ? { waiting: [] } : {};
};

/** Opens the realm as the first leader does. */
export const openedRealm = (): RealmRun => {
  const realm = new RealmRun();
  const args: ArgsOf<'realm.open'> = {
    release: '0',
    decider: DECIDER_VERSION,
    cutBytes: 0,
    cause: 'start',
    node: 'test',
    origin: 'test/realm',
  };
  realm.submit({ op: 'realm.open', args, cred: 'realm' });
  return realm;
};
