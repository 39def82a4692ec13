import { openedRealm } from '@infrafabric/testkit';
import type { RealmRun } from '@infrafabric/testkit';
import { describe, expect, test } from 'vitest';
import type { Decision } from '../index.ts';
import {
  createOptimise,
  evolveOptimise,
  optimiseSections,
  ownCostOf,
  restoreOptimise,
  spentInAll,
} from './state.ts';

const PRICE = {
  model: 'm',
  inputMicroUsdPerMTok: 3_000_000,
  outputMicroUsdPerMTok: 15_000_000,
  cachedMicroUsdPerMTok: 300_000,
  source: 'invoice',
};
const { cachedMicroUsdPerMTok: _cached, ...UNCACHED } = PRICE;

const set = (realm: RealmRun, price: object = PRICE): Decision =>
  realm.submit({ op: 'prices.set', args: price, principal: 'olga' });

describe('the realm’s own prices', () => {
  test('one is set with who, from where and since when', () => {
    const realm = openedRealm();
    realm.at = 5;
    expect(set(realm)).toStrictEqual({
      kind: 'accept',
      events: [{ by: 'olga', ...PRICE, type: 'price.set' }],
    });
    expect(realm.world.optimise.prices).toStrictEqual(new Map([['m', { ...PRICE, setAt: 5 }]]));
  });

  test('the same again changes nothing; any other figure or source does', () => {
    const realm = openedRealm();
    set(realm);
    expect(set(realm)).toStrictEqual({ kind: 'unchanged' });
    for (const change of [
      { inputMicroUsdPerMTok: 1 },
      { outputMicroUsdPerMTok: 1 },
      { cachedMicroUsdPerMTok: 1 },
      { source: 'guess' },
    ]) {
      expect(set(realm, { ...PRICE, ...change }).kind).toBe('accept');
      expect(set(realm, PRICE).kind).toBe('accept');
    }
  });

  test('what is cached costs what is read, where nothing is said of it', () => {
    const realm = openedRealm();
    expect(set(realm, UNCACHED)).toStrictEqual({
      kind: 'accept',
      events: [{ by: 'olga', ...UNCACHED, type: 'price.set' }],
    });
    expect(realm.world.optimise.prices.get('m')).toMatchObject({
      cachedMicroUsdPerMTok: 3_000_000,
    });
    expect(set(realm, UNCACHED)).toStrictEqual({ kind: 'unchanged' });
    expect(set(realm, { ...UNCACHED, cachedMicroUsdPerMTok: 3_000_000 })).toStrictEqual({
      kind: 'unchanged',
    });
  });

  test('tokens cost what it says, rounded up, and undefined where there is none', () => {
    const realm = openedRealm();
    set(realm);
    const { optimise } = realm.world;
    const cost = (input: number, output: number, cached: number) =>
      ownCostOf(optimise, 'm', { input, output, cached });
    expect(cost(1_000, 100, 10)).toBe(3_000 + 1_500 + 3);
    expect(cost(0, 0, 1)).toBe(1);
    expect(cost(0, 0, 0)).toBe(0);
    expect(ownCostOf(optimise, 'other', { input: 1, output: 1, cached: 1 })).toBeUndefined();
  });
});

/** Two costs of a model, one of none. */
const spent = (): RealmRun => {
  const realm = openedRealm();
  set(realm);
  realm.run('sessions.open', { agent: 'ada' }, { ids: ['ada'] });
  realm.run('plans.submit', { plan: { id: 'p', tasks: [{ key: 'a', title: 'A' }] } });
  realm.run('tasks.claim', { taskId: 'p/a', sessionId: 'ada' });
  const costs = [
    { microUsd: 5, model: 'm' },
    { inputTokens: 2, model: 'm' },
    { microUsd: 11_000_000 },
  ];
  for (const cost of costs)
    realm.submit({
      op: 'usage.record',
      args: { taskId: 'p/a', fence: realm.fenceOf('p/a'), ...cost },
    });
  return realm;
};

describe('what was spent', () => {
  test('O1: by model, what is overrun too; without a model under the empty name', () => {
    const { optimise, governor } = spent().world;
    expect(optimise.spent).toStrictEqual(
      new Map([
        ['m', 11],
        ['', 11_000_000],
      ]),
    );
    expect(spentInAll(optimise)).toBe(11_000_011);
    expect(governor.accounts.get('realm')).toMatchObject({ spent: 10_000_000, overrun: 1_000_011 });
    expect(spentInAll(createOptimise())).toBe(0);
  });

  test('other events say nothing of it', () => {
    const state = createOptimise();
    evolveOptimise(state, { blockerId: 'b', type: 'blocker.escalated' }, 1);
    expect(state).toStrictEqual(createOptimise());
  });
});

describe('its section', () => {
  test('restores it whole, empty or not', () => {
    for (const state of [createOptimise(), spent().world.optimise]) {
      const sections = new Map(optimiseSections(state).map((one) => [one.name, one]));
      expect(restoreOptimise(sections)).toStrictEqual(state);
    }
  });

  test('is missed where it is not', () => {
    expect(() => restoreOptimise(new Map())).toThrow(
      'a snapshot lacks the section of the optimiser',
    );
  });
});
