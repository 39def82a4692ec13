/** Decisions of the realm about itself. */
import { reject } from '@infrafabric/protocol';
import { accept } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ArgsOf } from '../kernel/args.ts';
import type { RealmState } from './state.ts';

/** Every leader's first entry: the next epoch, which fences all earlier writers. */
export const decideOpenRealm = (
  state: RealmState,
  command: Command<ArgsOf<'realm.open'>>,
): Decision => {
  const { cause, cutBytes, decider, node, origin, release } = command.args;
  return accept({
    cause,
    cutBytes,
    decider,
    epoch: state.epoch + 1,
    node,
    origin,
    release,
    type: 'realm.opened',
  });
};

export const decideRecordStateHash = (
  state: RealmState,
  command: Command<ArgsOf<'realm.record_state_hash'>>,
): Decision => {
  const { index, hash } = command.args;
  if (index >= state.size) {
    return reject(
      'request.invalid',
      `The log has ${state.size} entries; there is no state after index ${index}.`,
    );
  }
  return accept({ hash, index, type: 'realm.state_hashed' });
};
