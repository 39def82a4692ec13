/** What a plan may cost before its first claim. */
import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import type { TaskSpec } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { costOfPlan, unfinishedOf } from './cost-of-plan.ts';

const DOLLAR = 1_000_000;

/** `cheap` can do one thing at a dollar an hour, `dear` two at ten. */
const begun = (): RealmRun => {
  const realm = openedRealm();
  const swarms = [
    { swarmId: 'cheap', capabilities: ['cli:design'], costPerHourMicroUsd: DOLLAR },
    {
      swarmId: 'dear',
      capabilities: ['cli:design', 'cli:testing'],
      costPerHourMicroUsd: 10 * DOLLAR,
    },
  ];
  for (const profile of swarms) realm.submit({ op: 'swarms.register', args: { profile } });
  return realm;
};

const cost = (realm: RealmRun, ...tasks: readonly object[]) =>
  costOfPlan(
    realm.world.governor,
    tasks.map((one, i) => ({ key: `t${i}`, title: 'T', ...one }) as unknown as TaskSpec),
  );

test('each task is priced with the best for what it needs', () => {
  const realm = begun();
  expect(cost(realm, { needs: ['cli:design'] })).toMatchObject({
    tasks: 1,
    expectedMicroUsd: DOLLAR,
    worstMicroUsd: 2 * DOLLAR,
    unpriced: 0,
  });
  // Twice ten dollars would be more than a task may cost.
  expect(cost(realm, { needs: ['cli:testing', 'cli:testing'] })).toMatchObject({
    expectedMicroUsd: 10 * DOLLAR,
    worstMicroUsd: 10 * DOLLAR,
  });
  expect(cost(realm, {}, {})).toMatchObject({ expectedMicroUsd: 2 * DOLLAR });
});

test('or with the swarm that it names, or as if it named none that is known', () => {
  const realm = begun();
  expect(cost(realm, { needs: ['cli:design'], swarm: 'dear' })).toMatchObject({
    expectedMicroUsd: 10 * DOLLAR,
  });
  expect(cost(realm, { needs: ['cli:design'], swarm: 'nobody' })).toMatchObject({
    expectedMicroUsd: DOLLAR,
  });
});

test('what nobody can do costs what its plan says; where that says nothing it is unpriced', () => {
  const needs = ['integration:sip'];
  const said = { needs, budget: { estimateMicroUsd: 3, limitMicroUsd: 5 } };
  expect(cost(begun(), said, { needs }, { needs })).toMatchObject({
    tasks: 3,
    expectedMicroUsd: 3,
    worstMicroUsd: 5,
    unpriced: 2,
  });
});

test('by phase, in the order in which they come up; what is in none stands apart', () => {
  const budget = { limitMicroUsd: 5 };
  const { phases } = cost(
    begun(),
    { budget, phase: 'two' },
    { budget },
    { budget, phase: 'one' },
    { budget, phase: 'two' },
  );
  expect(phases).toStrictEqual([
    { phase: 'two', tasks: 2, worstMicroUsd: 10 },
    { tasks: 1, worstMicroUsd: 5 },
    { phase: 'one', tasks: 1, worstMicroUsd: 5 },
  ]);
});

test('more than the policy lets pass is to be confirmed; exactly that is not', () => {
  const five = (limitMicroUsd: number) => ({ budget: { limitMicroUsd } });
  expect(cost(begun(), five(50 * DOLLAR))).toMatchObject({
    needsConfirmation: false,
    confirmAboveMicroUsd: 50 * DOLLAR,
  });
  expect(cost(begun(), five(50 * DOLLAR), five(1))).toMatchObject({ needsConfirmation: true });
  expect(cost(begun())).toMatchObject({ tasks: 0, worstMicroUsd: 0, phases: [] });
});

test('imported work that is done is not to be done', () => {
  const tasks = [
    { key: 'a', imported: { status: 'x', done: true } },
    { key: 'b', imported: { status: 'x', done: false } },
    { key: 'c' },
  ] as unknown as TaskSpec[];
  expect(unfinishedOf({ tasks }).map(({ key }) => key)).toStrictEqual(['b', 'c']);
});
