import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UsageRecorded } from './events.ts';
import { governorFaults } from './invariants.ts';
import {
  accountsOf,
  balanceOf,
  closeAccount,
  coverOf,
  draftCharge,
  draftOf,
  draftReserve,
  draftSettle,
  emptyOf,
  foldLimited,
  foldReserved,
  foldSettled,
  foldUsage,
  limitOf,
  parentOf,
  shortOf,
} from './ledger.ts';
import type { Payers } from './ledger.ts';
import { createGovernor } from './state.ts';
import type { GovernorState } from './state.ts';

const PAYERS: Payers = { planId: 'p', taskId: 'p/a', sessionId: 'x', swarmId: 's' };

const limit = (state: GovernorState, account: string, limitMicroUsd: number): void => {
  const parent = parentOf(state, account);
  foldLimited(state, {
    account,
    by: 'olga',
    limitMicroUsd,
    ...(parent === undefined ? {} : { parent }),
    type: 'budget.limited',
  });
};

const reserve = (
  state: GovernorState,
  amountMicroUsd: number,
  { payers = PAYERS, limitMicroUsd = 10_000_000 } = {},
): void =>
  foldReserved(state, {
    ...payers,
    amountMicroUsd,
    fence: 1,
    limitMicroUsd,
    type: 'budget.reserved',
  });

const usage = (
  payers: Payers,
  { charged, overrun }: { readonly charged: number; readonly overrun: number },
): UsageRecorded => ({
  ...payers,
  basis: 'measured',
  chargedMicroUsd: charged,
  component: 'agent',
  fence: 1,
  microUsd: charged + overrun,
  overrunMicroUsd: overrun,
  type: 'usage.recorded',
});

/** Charges a cost to a reservation, as the decision of it and its fold together do. */
const charge = (state: GovernorState, taskId: string, cost: number) => {
  const reservation = state.reservations.get(taskId);
  if (reservation === undefined) throw new Error(`defect: nothing is reserved for ${taskId}`);
  const done = draftCharge(draftOf(state), reservation, cost);
  foldUsage(
    state,
    usage(reservation, { charged: done.reserved + done.extended, overrun: done.overrun }),
  );
  return done;
};

const settle = (state: GovernorState, taskId: string): void => {
  const { fence, left, spent } = state.reservations.get(taskId) ?? { fence: 0, left: 0, spent: 0 };
  foldSettled(state, {
    fence,
    releasedMicroUsd: left,
    spentMicroUsd: spent,
    taskId,
    type: 'budget.settled',
  });
};

describe('the tree of accounts', () => {
  test('a lease draws on five accounts, on four without a swarm, the narrowest first', () => {
    expect(accountsOf(PAYERS)).toStrictEqual([
      'task:p/a',
      'session:x',
      'swarm:s',
      'plan:p',
      'realm',
    ]);
    expect(accountsOf({ planId: 'p', taskId: 'p/a', sessionId: 'x' })).toStrictEqual([
      'task:p/a',
      'session:x',
      'plan:p',
      'realm',
    ]);
  });

  test('a task stands below its plan, a session below its swarm, the rest below the realm', () => {
    const state = createGovernor();
    state.swarmOf.set('x', 's');
    expect(
      ['task:p/a', 'session:x', 'session:y', 'swarm:s', 'plan:p', 'realm'].map((one) =>
        parentOf(state, one),
      ),
    ).toStrictEqual(['plan:p', 'swarm:s', 'realm', 'realm', 'realm', undefined]);
    expect(parentOf(state, 'session:y', 't')).toBe('swarm:t');
  });

  test('an account that was opened keeps its place when its session has ended', () => {
    const state = createGovernor();
    state.swarmOf.set('x', 's');
    reserve(state, 1);
    state.swarmOf.delete('x');
    expect(parentOf(state, 'session:x')).toBe('swarm:s');
  });

  test('G5: every account has a finite limit, that of the nearest above where it has none; 0 means 0', () => {
    const state = createGovernor();
    state.swarmOf.set('x', 's');
    const draft = draftOf(state);
    for (const account of accountsOf(PAYERS)) expect(limitOf(draft, account)).toBe(100_000_000);
    limit(state, 'swarm:s', 0);
    expect(limitOf(draftOf(state), 'session:x')).toBe(0);
    expect(shortOf(draftOf(state), accountsOf(PAYERS), 1)).toBe('swarm:s');
    expect(limitOf(draftOf(state), 'session:y')).toBe(100_000_000);
    state.accounts.clear();
    expect(() => limitOf(draftOf(state), 'plan:p')).toThrow('G5: a root without a limit');
  });
});

describe('what a draft holds', () => {
  test('a decision sees what it has reserved and set so far, and the state does not', () => {
    const state = createGovernor();
    const draft = draftOf(state);
    draft.limits.set('task:p/a', 7);
    draftReserve(draft, PAYERS, 3);
    draftReserve(draft, PAYERS, 2);
    expect(balanceOf(draft, 'task:p/a')).toStrictEqual({
      limit: 7,
      reserved: 5,
      spent: 0,
      overrun: 0,
      available: 2,
    });
    expect(coverOf(draft, accountsOf(PAYERS))).toBe(2);
    expect(state).toStrictEqual(createGovernor());
  });

  test('a settlement gives back what the reservation has left', () => {
    const state = createGovernor();
    reserve(state, 10);
    charge(state, 'p/a', 4);
    const draft = draftOf(state);
    const reservation = state.reservations.get('p/a');
    if (reservation !== undefined) draftSettle(draft, reservation);
    expect(balanceOf(draft, 'realm')).toMatchObject({ reserved: 0, spent: 4 });
  });

  test('what is available is never below nought', () => {
    const state = createGovernor();
    reserve(state, 10);
    const draft = draftOf(state);
    draft.limits.set('realm', 4);
    expect(balanceOf(draft, 'realm').available).toBe(0);
  });
});

describe('the account that is named', () => {
  test('is the one whose own limit is short, not one that only stands below it', () => {
    const state = createGovernor();
    limit(state, 'realm', 5);
    const accounts = accountsOf(PAYERS);
    expect(shortOf(draftOf(state), accounts, 6)).toBe('realm');
    expect(shortOf(draftOf(state), accounts, 5)).toBeUndefined();
    limit(state, 'plan:p', 4);
    expect(shortOf(draftOf(state), accounts, 6)).toBe('plan:p');
    limit(state, 'session:x', 3);
    expect(shortOf(draftOf(state), accounts, 6)).toBe('session:x');
    expect(shortOf(draftOf(state), accounts, 0)).toBeUndefined();
  });

  test('an empty account has spent all; what is only reserved may come back', () => {
    const state = createGovernor();
    limit(state, 'plan:p', 5);
    reserve(state, 5);
    const accounts = accountsOf(PAYERS);
    expect(emptyOf(draftOf(state), accounts)).toBeUndefined();
    charge(state, 'p/a', 5);
    expect(emptyOf(draftOf(state), accounts)).toBe('plan:p');
    const fresh = draftOf(createGovernor());
    fresh.limits.set('task:p/a', 0);
    expect(emptyOf(fresh, accounts)).toBe('task:p/a');
  });
});

describe('a cost', () => {
  test('is paid by the reservation, then by what all accounts have, and the rest is overrun', () => {
    const state = createGovernor();
    limit(state, 'plan:p', 15);
    reserve(state, 10);
    expect(charge(state, 'p/a', 4)).toStrictEqual({ reserved: 4, extended: 0, overrun: 0 });
    expect(charge(state, 'p/a', 9)).toStrictEqual({ reserved: 6, extended: 3, overrun: 0 });
    expect(charge(state, 'p/a', 5)).toStrictEqual({ reserved: 0, extended: 2, overrun: 3 });
    for (const account of accountsOf(PAYERS))
      expect(state.accounts.get(account)).toMatchObject({ reserved: 0, spent: 15, overrun: 3 });
    expect(state.reservations.get('p/a')).toMatchObject({ left: 0, spent: 15 });
    expect(governorFaults(state)).toStrictEqual([]);
  });

  test('never takes what another lease has reserved', () => {
    const state = createGovernor();
    limit(state, 'realm', 10);
    reserve(state, 4);
    reserve(state, 6, { payers: { ...PAYERS, taskId: 'p/b', sessionId: 'y' } });
    expect(charge(state, 'p/a', 5)).toStrictEqual({ reserved: 4, extended: 0, overrun: 1 });
    expect(state.accounts.get('realm')).toMatchObject({ reserved: 6, spent: 4, overrun: 1 });
  });
});

test('a charge is seen by the rest of the decision: what it took of the reservation is not reserved any more', () => {
  const state = createGovernor();
  reserve(state, 10);
  const reservation = state.reservations.get('p/a');
  if (reservation === undefined) throw new Error('defect: nothing is reserved');
  const draft = draftOf(state);
  draftCharge(draft, reservation, 13);
  expect(balanceOf(draft, 'plan:p')).toMatchObject({ reserved: 0, spent: 10 + 3, overrun: 0 });
});

describe('defects of the log', () => {
  test('G1: a limit below what is used does not fold', () => {
    const state = createGovernor();
    reserve(state, 10);
    expect(() => limit(state, 'plan:p', 9)).toThrow('G1: a limit below what is spent and reserved');
    charge(state, 'p/a', 4);
    expect(() => limit(state, 'plan:p', 9)).toThrow('G1: a limit below what is spent and reserved');
    limit(state, 'plan:p', 10);
  });

  test('G2: a reservation, a cost and a settlement each belong to a lease', () => {
    const state = createGovernor();
    expect(() => foldUsage(state, usage(PAYERS, { charged: 1, overrun: 0 }))).toThrow(
      'G2: a cost without a lease',
    );
    expect(() => settle(state, 'p/a')).toThrow('G2: settled and not reserved');
    reserve(state, 5);
    expect(() => reserve(state, 5)).toThrow('G2: a task is reserved for twice');
    const settled = { releasedMicroUsd: 5, spentMicroUsd: 0, taskId: 'p/a', fence: 1 };
    for (const wrong of [{ fence: 2 }, { releasedMicroUsd: 4 }])
      expect(() => foldSettled(state, { ...settled, ...wrong, type: 'budget.settled' })).toThrow(
        'G2: another reservation is settled',
      );
    expect(() => closeAccount(state, 'task:p/a')).toThrow(
      'G2: an account is closed with money reserved',
    );
  });
});

test('a closed account is gone, and what it spent stands above it', () => {
  const state = createGovernor();
  reserve(state, 5);
  charge(state, 'p/a', 2);
  settle(state, 'p/a');
  closeAccount(state, 'task:p/a');
  closeAccount(state, 'task:p/none');
  expect(state.accounts.has('task:p/a')).toBe(false);
  expect(state.accounts.get('plan:p')).toMatchObject({ spent: 2, reserved: 0 });
});

test('a new limit passes its marks anew', () => {
  const state = createGovernor();
  const realm = state.accounts.get('realm');
  if (realm !== undefined) realm.alerted = 80;
  limit(state, 'realm', 7);
  expect(state.accounts.get('realm')).toMatchObject({ limit: 7, alerted: 0 });
});

/** Few of each, so that leases meet in the accounts above them. */
const anyStep = fc.oneof(
  fc.record({
    kind: fc.constant('reserve' as const),
    task: fc.nat({ max: 5 }),
    session: fc.nat({ max: 3 }),
    amount: fc.nat({ max: 400 }),
  }),
  fc.record({
    kind: fc.constant('charge' as const),
    task: fc.nat({ max: 5 }),
    amount: fc.nat({ max: 400 }),
  }),
  fc.record({ kind: fc.constant('settle' as const), task: fc.nat({ max: 5 }) }),
  fc.record({
    kind: fc.constant('limit' as const),
    account: fc.constantFrom('realm', 'plan:p0', 'plan:p1', 'swarm:s0', 'swarm:s1', 'session:x0'),
    amount: fc.nat({ max: 1_200 }),
  }),
);

/** Payers of a task and a session: tasks of two plans, sessions of two swarms and of none. */
const payersOf = (task: number, session: number): Payers => ({
  planId: `p${task % 2}`,
  taskId: `p${task % 2}/t${task}`,
  sessionId: `x${session}`,
  ...(session < 3 ? { swarmId: `s${session % 2}` } : {}),
});

describe('random interleavings of reserve, charge and settle', () => {
  test('G1, G2, G5: they hold at every step, what is refused fits nowhere, and at the end nothing is reserved', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80, size: 'max' }), (steps) => {
        const state = createGovernor();
        let paid = 0;
        let unpaid = 0;
        for (const step of steps) {
          const taskId = step.kind === 'limit' ? '' : payersOf(step.task, 0).taskId;
          const known = state.reservations.get(taskId);
          if (step.kind === 'reserve' && known === undefined) {
            const payers = payersOf(step.task, step.session);
            const draft = draftOf(state);
            draft.limits.set(`task:${taskId}`, 900);
            const accounts = accountsOf(payers);
            const short = shortOf(draft, accounts, step.amount);
            expect(short === undefined).toBe(
              step.amount <= coverOf(draft, accounts) || step.amount === 0,
            );
            if (short === undefined)
              reserve(state, step.amount, {
                payers,
                limitMicroUsd: limitOf(draft, `task:${taskId}`),
              });
          } else if (step.kind === 'charge' && known !== undefined) {
            const before = coverOf(draftOf(state), accountsOf(known)) + known.left;
            const { reserved, extended, overrun } = charge(state, taskId, step.amount);
            expect(reserved + extended + overrun).toBe(step.amount);
            expect(reserved + extended).toBe(Math.min(step.amount, before));
            paid += reserved + extended;
            unpaid += overrun;
          } else if (step.kind === 'settle' && known !== undefined) settle(state, taskId);
          else if (step.kind === 'limit') {
            const { reserved, spent } = balanceOf(draftOf(state), step.account);
            if (reserved + spent <= step.amount) limit(state, step.account, step.amount);
          }
          expect(governorFaults(state)).toStrictEqual([]);
        }
        for (const taskId of state.reservations.keys()) settle(state, taskId);
        for (const { reserved } of state.accounts.values()) expect(reserved).toBe(0);
        expect(state.accounts.get('realm')).toMatchObject({ spent: paid, overrun: unpaid });
        expect(governorFaults(state)).toStrictEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
