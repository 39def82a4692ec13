/** The chassis's fold: its own events, and what the coordinator's say of the leases that runs are under. */
import type { ArgsOf } from '../kernel/args.ts';
import { assert } from '../kernel/decision.ts';
import type { Entry } from '../kernel/decision.ts';
import type { DomainEvent } from '../kernel/events.ts';
import { leasesEndedBy } from '../kernel/lease-ends.ts';
import { foldAccepted, foldJudged } from './contract.ts';
import type { ChassisEvent } from './events.ts';
import { foldEnded, foldLeaseEnd, foldReputation, foldStarted } from './fold-run.ts';
import { foldRefusedRun } from './run.ts';
import { runNamed } from './state.ts';
import type { ChassisState } from './state.ts';

/** Contracts and verdicts stand in the call of their entry; their events point at it. */
const argsOf = <N extends 'contracts.accept' | 'modules.record'>(
  entry: Entry,
  op: N,
): ArgsOf<N> => {
  assert(entry.op === op, `an event of ${op} in an entry of ${entry.op}`);
  // The call was parsed by the operation's schema before it was journaled.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return entry.args as ArgsOf<N>;
};

export const evolveChassis = (state: ChassisState, event: ChassisEvent, entry: Entry): void => {
  const { at } = entry;
  switch (event.type) {
    case 'contract.accepted':
      return foldAccepted(state, argsOf(entry, 'contracts.accept'), { at, by: event.by });
    case 'module.admitted':
    case 'module.refused':
      return foldJudged(state, argsOf(entry, 'modules.record'), at);
    case 'run.started':
      return foldStarted(state, event, at);
    case 'run.ended':
      return foldEnded(state, event, at);
    case 'run.refused':
      return foldRefusedRun(state, at);
    case 'run.violated':
    case 'credential.used':
      runNamed(state, event.runId).notes += 1;
      return undefined;
    case 'run.notes_dropped':
      runNamed(state, event.runId).more += event.count;
      return undefined;
    case 'reputation.changed':
      return foldReputation(state, event, at);
    case 'slo.violated':
      return undefined;
  }
};

/** Follows the coordinator: which leases end, and whether by running out. */
export const observeLeases = (state: ChassisState, event: DomainEvent, at: number): void => {
  if (state.open.size === 0) return;
  const isExpiry =
    event.type === 'lease.expired' || (event.type === 'session.closed' && event.how === 'expired');
  for (const taskId of leasesEndedBy(event))
    foldLeaseEnd(state, taskId, { at, how: isExpiry ? 'expired' : 'over' });
};
