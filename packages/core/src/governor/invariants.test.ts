/** Each invariant, broken by hand: a check that cannot find anything checks nothing. */
import type { SwarmProfile } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { governorFaults } from './invariants.ts';
import { createGovernor } from './state.ts';
import type { GovernorState } from './state.ts';
import { foldRegistered } from './swarm.ts';

const PROFILE = {
  swarmId: 's',
  capabilities: ['go'],
  costPerHourMicroUsd: 0,
} as unknown as SwarmProfile;

/** A whole state with one lease that has 5 left. */
const whole = (): GovernorState => {
  const state = createGovernor();
  foldRegistered(state, PROFILE, 0);
  const account = { reserved: 5, spent: 1, overrun: 0, alerted: 0 };
  state.accounts.set('realm', { ...account, limit: 10 });
  state.accounts.set('plan:p', { ...account, parent: 'realm' });
  state.accounts.set('task:p/a', { ...account, parent: 'plan:p', limit: 6 });
  state.accounts.set('session:x', { ...account, parent: 'realm' });
  state.reservations.set('p/a', {
    taskId: 'p/a',
    fence: 1,
    planId: 'p',
    sessionId: 'x',
    left: 5,
    spent: 1,
  });
  return state;
};

const broken = (breakIt: (state: GovernorState) => void): string[] => {
  const state = whole();
  breakIt(state);
  return governorFaults(state);
};

const set = (state: GovernorState, account: string, change: object): void => {
  state.accounts.set(account, {
    reserved: 0,
    spent: 0,
    overrun: 0,
    alerted: 0,
    ...state.accounts.get(account),
    ...change,
  });
};

test('a whole state has no fault', () => {
  expect(governorFaults(whole())).toStrictEqual([]);
  expect(governorFaults(createGovernor())).toStrictEqual([]);
});

test('G1: more than the limit, its own or that of the account above', () => {
  expect(broken((state) => set(state, 'task:p/a', { limit: 5 }))).toStrictEqual([
    'G1: task:p/a has 5 reserved and 1 spent of 5',
  ]);
  expect(broken((state) => set(state, 'plan:p', { spent: 6 }))).toStrictEqual([
    'G1: plan:p has 5 reserved and 6 spent of 10',
  ]);
});

test('G1: less than nothing', () => {
  for (const change of [{ spent: -1 }, { overrun: -1 }])
    expect(broken((state) => set(state, 'plan:p', change))).toStrictEqual([
      'G1: plan:p has less than nothing',
    ]);
  expect(broken((state) => set(state, 'plan:p', { reserved: -1 }))).toStrictEqual([
    'G1: plan:p has less than nothing',
    'G2: plan:p has -1 reserved, its leases 5',
  ]);
});

test('G2: money reserved that no lease has, and a lease whose money no account has', () => {
  expect(broken((state) => state.reservations.clear())).toHaveLength(4);
  expect(broken((state) => state.accounts.delete('session:x'))).toStrictEqual([
    'G2: leases reserve from session:x, no account',
  ]);
});

test('G4: who is stopped is not looked for, and who is not is', () => {
  expect(
    broken((state) => {
      const swarm = state.swarms.get('s');
      if (swarm !== undefined) swarm.breaker = { state: 'open' };
    }),
  ).toStrictEqual(['G4: s is open, and looked for as if it were not']);
  expect(broken((state) => state.index.byId.delete('s'))).toHaveLength(1);
});

test('G5: a limit that is no figure', () => {
  expect(broken((state) => set(state, 'realm', { limit: Infinity }))).toContain(
    'G5: realm has the limit Infinity',
  );
});
