import { describe, expect, test } from 'vitest';
import { reject, type ModelPrice } from '@infrafabric/protocol';

import { Fault } from '../fault.ts';
import type { UsageFilter } from '../followers/usage-answers.ts';
import type { CostReads } from '../followers/usage-reads.ts';
import { optimiseReads, type CostFollower, type MoneyView } from './optimise.ts';
import { trusted, type RoomContext } from './room.ts';

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;
// The reads look at the time and hand the rest to the view of money.
const context = { now: () => NOW } as unknown as RoomContext;

const price = (model: string, effectiveFrom: string): ModelPrice => ({
  model,
  provider: 'p',
  inputMicroUsdPerMTok: 1,
  outputMicroUsdPerMTok: 2,
  cachedMicroUsdPerMTok: 1,
  capabilities: [],
  effectiveFrom,
  source: 'https://example.org',
  checked: effectiveFrom,
});

const balance = {
  limitMicroUsd: 100,
  reservedMicroUsd: 20,
  spentMicroUsd: 50,
  overrunMicroUsd: 0,
  availableMicroUsd: 30,
};

const money: MoneyView = {
  catalogue: {
    version: 'v1',
    models: [price('m', '2026-02-01'), price('m', '2026-01-01'), price('a/b', '2026-01-01')],
  },
  ownPrices: () => [price('m', '2026-03-01')],
  balanceOf: (_context, account) =>
    account === 'plan:none'
      ? reject('budget.not_found', 'none')
      : { ...balance, account, alertPercent: 50 },
  remainingOf: (_context, planId) =>
    planId === 'shop'
      ? { tasks: 3, expectedMicroUsd: 40, worstMicroUsd: 90, unpriced: 1, phases: [] }
      : undefined,
};

const asked: UsageFilter[] = [];
const costs: CostReads = {
  report: async () => reject('request.invalid', 'a report'),
  history: async () => reject('request.invalid', 'a history'),
  entries: async () => ({ entries: [], indexedTo: 7 }),
  burn: async (filter) => {
    asked.push(filter);
    return { microUsd: 10, records: 2, firstAt: 0, indexedTo: 7 };
  },
};
const follower = (more: Partial<CostFollower>): CostFollower => ({
  onDurable: () => undefined,
  close: () => Promise.resolve(),
  ...more,
});
const reads = optimiseReads(() => [follower({}), follower({ costs })], money);
const forecast = (input: object) => reads['costs.forecast'](trusted(input), context);

describe('a forecast', () => {
  test('of the realm, over an hour where nobody says otherwise', async () => {
    expect(await forecast({})).toEqual({
      account: 'realm',
      at: NOW,
      windowMs: HOUR,
      measuredMs: HOUR,
      windowMicroUsd: 10,
      records: 2,
      microUsdPerHour: 10,
      ...balance,
      exhaustedAt: NOW + 3 * HOUR,
      indexedTo: 7,
    });
    expect(asked.pop()).toEqual({ since: NOW - HOUR });
  });

  test('of a plan says what is still to come, as far as the world knows it', async () => {
    expect(await forecast({ planId: 'shop', windowMs: HOUR / 2 })).toEqual({
      ...balance,
      at: NOW,
      windowMs: HOUR / 2,
      measuredMs: HOUR / 2,
      windowMicroUsd: 10,
      records: 2,
      exhaustedAt: NOW + 1.5 * HOUR,
      indexedTo: 7,
      account: 'plan:shop',
      microUsdPerHour: 20,
      remaining: { expectedMicroUsd: 40, worstMicroUsd: 90, unpriced: 1 },
    });
    expect(asked.pop()).toEqual({ planId: 'shop', since: NOW - HOUR / 2 });
    expect(await forecast({ planId: 'other' })).not.toHaveProperty('remaining');
  });

  test('of a swarm; not of both, and not of an account that is not there', async () => {
    expect(await forecast({ swarmId: 'red' })).toMatchObject({ account: 'swarm:red' });
    expect(await forecast({ planId: 'shop', swarmId: 'red' })).toMatchObject({
      code: 'request.invalid',
    });
    expect(await forecast({ planId: 'none' })).toMatchObject({ code: 'budget.not_found' });
  });
});

test('sums come from the follower that keeps them, its refusals too', async () => {
  expect(await reads['costs.report']({ by: ['plan'] }, context)).toMatchObject({
    detail: 'a report',
  });
  expect(await reads['costs.history']({ bucket: 'day' }, context)).toMatchObject({
    detail: 'a history',
  });
  expect(await reads['costs.entries']({}, context)).toEqual({ entries: [], indexedTo: 7 });
});

test('where no follower keeps them it is said, and nothing is summed to zero', async () => {
  const none = optimiseReads(() => [follower({})], money);
  await expect(none['costs.entries']({}, context)).rejects.toThrow(Fault);
});

test('prices: by model, the realm’s own first, in pages', () => {
  const list = (input: object) => reads['prices.list'](trusted(input), context);
  expect(list({})).toMatchObject({
    catalogue: 'v1',
    total: 4,
    prices: [
      { model: 'a/b', own: false },
      { model: 'm', own: true, effectiveFrom: '2026-03-01' },
      { model: 'm', own: false, effectiveFrom: '2026-01-01' },
      { model: 'm', own: false, effectiveFrom: '2026-02-01' },
    ],
  });
  expect(list({})).not.toHaveProperty('next');
  expect(list({ limit: 2 })).toMatchObject({ next: 'm 0 2026-03-01' });
  expect(list({ limit: 2, after: 'm 0 2026-03-01' })).toMatchObject({
    prices: [{ effectiveFrom: '2026-01-01' }, { effectiveFrom: '2026-02-01' }],
  });
});
