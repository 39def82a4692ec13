/** Contracts and modules: one contract in force for a swarm and a module, one verdict for a module. */
import { CONTRACTS_MAX, reject } from '@infrafabric/protocol';
import type { Rejection } from '@infrafabric/protocol';
import type { ArgsOf } from '../kernel/args.ts';
import { accept, UNCHANGED } from '../kernel/decision.ts';
import type { Command, Decision } from '../kernel/decision.ts';
import type { ChassisEvent } from './events.ts';
import { knownEvents } from './run-end.ts';
import { contractKey, MODULES_KEPT_MAX } from './state.ts';
import type { ChassisState, ContractState, ModuleState } from './state.ts';

/** The swarm is registered: whoever composes the command has looked. */
export const decideAccept = (
  state: ChassisState,
  command: Command<ArgsOf<'contracts.accept'>>,
): Decision => {
  const { contract, digest } = command.args;
  const { swarmId, provider, module } = contract;
  const known = state.contracts.get(contractKey(swarmId, module.digest));
  if (known?.digest === digest) return UNCHANGED;
  if (known === undefined && state.contracts.size >= CONTRACTS_MAX) {
    const detail = `${state.contracts.size} contracts are in force, as many as may be. One of a swarm and module that have one replaces it: ifab contract list.`;
    return reject('contract.too_many', detail, { contracts: state.contracts.size });
  }
  const accepted: ChassisEvent = {
    by: command.principal,
    digest,
    module: module.digest,
    provider,
    swarmId,
    type: 'contract.accepted',
  };
  // A record goes with its provider: who comes again under another name of a swarm finds it (case 97).
  return accept(accepted, ...knownEvents(state, { provider, swarmId, at: command.at }));
};

export const foldAccepted = (
  state: ChassisState,
  { contract, digest }: ArgsOf<'contracts.accept'>,
  { at, by }: { readonly at: number; readonly by: string },
): void => {
  const key = contractKey(contract.swarmId, contract.module.digest);
  state.contracts.set(key, { contract, digest, acceptedAt: at, acceptedBy: by });
};

export const noContract = (swarmId: string, module: string): Rejection =>
  reject(
    'contract.not_found',
    `There is no contract of swarm ${swarmId} for module ${module}. Bring one: ifab chassis load FILE --contract CONTRACT.`,
    { swarmId, module },
  );

export const findContract = (
  state: ChassisState,
  swarmId: string,
  module: string,
): ContractState | undefined => state.contracts.get(contractKey(swarmId, module));

export const decideRecordModule = (
  state: ChassisState,
  command: Command<ArgsOf<'modules.record'>>,
): Decision => {
  const { abi, digest, admitted, reason, admission, engine } = command.args;
  const known = state.modules.get(digest);
  if (
    known?.admitted === admitted &&
    known.abi === abi &&
    known.reason === reason &&
    known.admission === admission &&
    known.engine === engine
  )
    return UNCHANGED;
  return accept({
    admission,
    digest,
    engine,
    ...(reason === undefined ? {} : { reason }),
    type: admitted ? 'module.admitted' : 'module.refused',
  });
};

export const foldJudged = (
  state: ChassisState,
  verdict: ArgsOf<'modules.record'>,
  at: number,
): void => {
  const module: ModuleState = { ...defined(verdict), recordedAt: at };
  // The newest stands last, also where an older verdict is replaced.
  state.modules.delete(module.digest);
  state.modules.set(module.digest, module);
  if (state.modules.size <= MODULES_KEPT_MAX) return;
  for (const digest of state.modules.keys()) {
    state.modules.delete(digest);
    return;
  }
};

/** Without members that are absent: a state says nothing where there is nothing. */
const defined = ({
  reason,
  memoryPages,
  functions,
  ...verdict
}: ArgsOf<'modules.record'>): Omit<ModuleState, 'recordedAt'> => ({
  ...verdict,
  ...(reason === undefined ? {} : { reason }),
  ...(memoryPages === undefined ? {} : { memoryPages }),
  ...(functions === undefined ? {} : { functions }),
});
