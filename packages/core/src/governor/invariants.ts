/** The governor's invariants as a check of the whole slice: for the simulator, the falsifying replay and tests. */
import { accountsOf, draftOf, limitOf } from './ledger.ts';
import type { GovernorState } from './state.ts';

/** Sentences, each with the invariant it breaks first; empty when all hold. O(accounts + reservations + swarms). */
export const governorFaults = (state: GovernorState): string[] => [
  ...accountFaults(state),
  ...sumFaults(state),
  ...indexFaults(state),
];

const accountFaults = (state: GovernorState): string[] => {
  const draft = draftOf(state);
  const faults: string[] = [];
  for (const [id, { reserved, spent, overrun }] of state.accounts) {
    const limit = limitOf(draft, id);
    if (reserved < 0 || spent < 0 || overrun < 0) faults.push(`G1: ${id} has less than nothing`);
    if (reserved + spent > limit)
      faults.push(`G1: ${id} has ${reserved} reserved and ${spent} spent of ${limit}`);
    if (!Number.isSafeInteger(limit)) faults.push(`G5: ${id} has the limit ${limit}`);
  }
  return faults;
};

/** G2: what accounts have reserved is what reservations of live leases have left. */
const sumFaults = (state: GovernorState): string[] => {
  const left = new Map<string, number>();
  for (const reservation of state.reservations.values()) {
    for (const account of accountsOf(reservation))
      left.set(account, (left.get(account) ?? 0) + reservation.left);
  }
  const faults: string[] = [];
  for (const [id, { reserved }] of state.accounts) {
    if (reserved !== (left.get(id) ?? 0))
      faults.push(`G2: ${id} has ${reserved} reserved, its leases ${left.get(id) ?? 0}`);
    left.delete(id);
  }
  return [...faults, ...[...left.keys()].map((id) => `G2: leases reserve from ${id}, no account`)];
};

/** What is looked for is who may be chosen: registered, and not stopped. */
const indexFaults = (state: GovernorState): string[] =>
  [...state.swarms.values()].flatMap(({ id, breaker }) =>
    state.index.byId.has(id) === (breaker.state === 'closed')
      ? []
      : [`G4: ${id} is ${breaker.state}, and looked for as if it were not`],
  );
