/** What the fold of the governor does not take: entries that no decision of ours can have made. */
import { expect, test } from 'vitest';
import type { Entry } from '../index.ts';
import { evolveGovernor, observeEvent } from './evolve.ts';
import { createGovernor } from './state.ts';

const entry: Entry = {
  index: 1,
  at: 1,
  epoch: 1,
  op: 'usage.record',
  args: {},
  principal: 'olga',
  events: [],
};

test('an event that points at another call is a defect', () => {
  expect(() =>
    evolveGovernor(createGovernor(), { swarmId: 's', type: 'swarm.registered' }, entry),
  ).toThrow('an event of swarms.register in an entry of usage.record');
});

test('an alert of an account that there is not is a defect', () => {
  const alert = {
    account: 'plan:p',
    limitMicroUsd: 1,
    percent: 50,
    sessionId: 'ada',
    spentMicroUsd: 1,
    taskId: 'p/a',
    type: 'budget.alerted',
  } as const;
  expect(() => evolveGovernor(createGovernor(), alert, entry)).toThrow('an alert of no account');
});

test('what other rooms decide and this one does not ask for changes nothing', () => {
  const state = createGovernor();
  observeEvent(state, { planId: 'p', type: 'plan.resumed' }, entry);
  expect(state).toStrictEqual(createGovernor());
});
