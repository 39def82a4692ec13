/** The witness's own count of runs, against entries that were forged. */
import type { DomainEvent } from '@infrafabric/core';
import { ServiceContract } from '@infrafabric/protocol';
import { RealmRun, randomPauseMs, randomRunCommand, seededRandom } from '@infrafabric/testkit';
import { expect, test } from 'vitest';

import type { LogEntry } from '../followers/log-entry.ts';
import { InvariantWatch } from './invariant-watch.ts';
import { RunWatch } from './run-watch.ts';

const MODULE = `sha256:${'a'.repeat(64)}`;
const T = 'p/t';
const contract = ServiceContract.parse({
  contractVersion: 1,
  provider: 'acme',
  swarmId: 's',
  version: '1.0.0',
  module: { digest: MODULE, abi: 'json', entrypoints: ['run'] },
  guarantees: { latencyP95Ms: 50 },
});
const accepted: DomainEvent = {
  by: 'operator',
  digest: MODULE,
  module: MODULE,
  provider: 'acme',
  swarmId: 's',
  type: 'contract.accepted',
};
type Of<T extends DomainEvent['type']> = Extract<DomainEvent, { readonly type: T }>;
const started = (said: Partial<Of<'run.started'>> = {}): DomainEvent => ({
  contract: MODULE,
  entrypoint: 'run',
  fence: 1,
  http: [],
  layers: ['process'],
  level: 3,
  limits: contract.limits,
  minLevel: 3,
  module: MODULE,
  node: '24',
  platform: 'linux-x64',
  provider: 'acme',
  runId: 'r',
  secrets: [],
  sessionId: 'ses',
  swarmId: 's',
  taskId: T,
  type: 'run.started',
  ...said,
});
const measure = {
  apiCalls: 0,
  cpuMs: 5_000,
  logBytes: 0,
  networkCalls: 0,
  peakMemoryBytes: 0,
  queueMs: 5,
  receivedBytes: 0,
  sentBytes: 0,
  wallMs: 20,
};
const GOOD = { efficiencyPermyriad: 6_667, latencyMs: 25, missed: false, stepPermyriad: 100 };
const FAILED = { efficiencyPermyriad: 0, latencyMs: 300_000, missed: true, stepPermyriad: -500 };
const ended = (said: Partial<Of<'run.ended'>> = {}): DomainEvent => ({
  by: 'operator',
  cause: 'completed',
  measure,
  runId: 'r',
  sample: GOOD,
  taskId: T,
  type: 'run.ended',
  ...said,
});
const without = (event: Of<'run.ended'>): DomainEvent => {
  const { sample, ...rest } = event;
  expect(sample, 'it had a sample').toBeDefined();
  return rest;
};
const reputation = (permyriad: number): DomainEvent => ({
  adjustmentPermyriad: 0,
  permyriad,
  provider: 'acme',
  samples: 1,
  swarmId: 's',
  type: 'reputation.changed',
});
const leased = (fence: number): DomainEvent => ({
  attempt: 1,
  fence,
  leaseMs: 1_000,
  sessionId: 'ses',
  taskId: T,
  type: 'task.leased',
});
const expired: DomainEvent = {
  attempt: 1,
  fence: 1,
  renewedAt: 0,
  sessionId: 'ses',
  taskId: T,
  type: 'lease.expired',
};
const closed = (how: 'closed' | 'expired'): DomainEvent => ({
  how,
  reason: 'r',
  released: [T],
  sessionId: 'ses',
  type: 'session.closed',
});
const cancelled: DomainEvent = {
  cancelled: 1,
  ended: [T],
  planId: 'p',
  reason: 'r',
  type: 'plan.cancelled',
};
const released: DomainEvent = { fence: 1, sessionId: 'ses', taskId: T, type: 'task.released' };
const blocked = (isReleased: boolean): DomainEvent => ({
  blockerId: 'b',
  blocks: 0,
  escalateAt: 0,
  fence: 1,
  kind: 'dependency',
  needs: [],
  released: isReleased,
  sessionId: 'ses',
  taskId: T,
  title: 't',
  type: 'blocker.raised',
});

/** What the entries break: each is one event, or several. */
const broken = (...entries: readonly (DomainEvent | readonly DomainEvent[])[]): string[] => {
  const watch = new RunWatch();
  return entries.flatMap((one, index) => {
    const entry = {
      index,
      at: index,
      epoch: 1,
      op: 'contracts.accept',
      args: { contract },
      principal: 'operator',
      events: Array.isArray(one) ? one : [one],
    };
    return watch.take(entry as unknown as LogEntry);
  });
};

test.each([
  ['a larger share of a core', { limits: { ...contract.limits, cpuPercentMax: 26 } }, 'limits'],
  ['more calls a second', { limits: { ...contract.limits, apiCallsPerSecondMax: 11 } }, 'limits'],
  ['a host that the contract does not grant', { http: ['api'] }, 'was given'],
  ['a secret that the contract does not grant', { secrets: ['api'] }, 'was given'],
] as const)('H2: a run with %s is found', (_, said, what) => {
  expect(broken(accepted, leased(1), started(said))).toEqual([expect.stringContaining(what)]);
});

test('a run as it should be breaks nothing', () => {
  expect(broken(accepted, leased(1), started(), ended(), reputation(7_111))).toEqual([]);
});

test('H1: a run ends once, starts once, and is not open when its task is leased again', () => {
  expect(broken(accepted, started(), ended(), ended())).toEqual(['H1: r ends and is not open']);
  expect(broken(accepted, started(), started())).toEqual(['H1: r starts twice']);
  expect(broken(accepted, started(), ended(), started())).toEqual(['H1: r starts twice']);
  expect(broken(accepted, leased(1), started(), released, leased(2))).toEqual([
    'H1: r is open under fence 1, and p/t is leased again',
  ]);
  const over = without({ ...(ended({ cause: 'revoked' }) as Of<'run.ended'>) });
  expect(broken(accepted, leased(1), started(), released, [leased(2), over])).toEqual([]);
});

test('H2: no contract, limits that are wider than it, and isolation below what was needed', () => {
  expect(broken(started())).toEqual(['H2: r runs without a contract']);
  const wide = { ...contract.limits, memoryMibMax: 999 };
  expect(broken(accepted, started({ limits: wide }))).toEqual([
    'H2: r has limits wider than its contract',
  ]);
  expect(broken(accepted, started({ level: 2 }))).toEqual(['H2: r runs at level 2 of 3']);
});

test('H3: what a run counts as follows from its measure', () => {
  const wrong = 'H3: r counts otherwise than it was measured';
  const run = (said: Partial<Of<'run.ended'>>) => broken(accepted, started(), ended(said));
  expect(run({ cause: 'trapped', sample: FAILED })).toEqual([]);
  for (const sample of [
    { ...FAILED, latencyMs: 25 },
    { ...FAILED, missed: false },
    { ...FAILED, stepPermyriad: 100 },
    { ...FAILED, efficiencyPermyriad: 5_000 },
  ])
    expect(run({ cause: 'trapped', sample })).toEqual([wrong]);
  const slow = { ...measure, wallMs: 46 };
  const missed = { ...GOOD, latencyMs: 51, missed: true, stepPermyriad: -500 };
  expect(run({ measure: slow, sample: missed })).toEqual([]);
  expect(run({ measure: slow })).toEqual([wrong]);
  expect(run({ cause: 'unavailable' })).toEqual([wrong]);
  const none = without(ended({ cause: 'unavailable' }) as Of<'run.ended'>);
  expect(broken(accepted, started(), none)).toEqual([]);
});

test('H3: a run that was revoked counts where its lease expired under it, and only there', () => {
  const { measure: _, ...told } = ended({ cause: 'revoked', sample: FAILED }) as Of<'run.ended'>;
  for (const end of [expired, closed('expired')])
    expect(broken(accepted, started(), end, told)).toEqual([]);
  for (const end of [released, cancelled, closed('closed'), blocked(true)])
    expect(broken(accepted, started(), end, without(told))).toEqual([]);
  expect(broken(accepted, started(), blocked(false), expired, told)).toEqual([]);
  expect(broken(accepted, started(), released, told)).toEqual([
    'H3: r counts otherwise than it was measured',
  ]);
});

test('H3: the reputation that is said is the one that the runs make', () => {
  expect(broken(accepted, started(), ended(), reputation(9_999))).toEqual([
    'H3: acme is said to have the reputation 9999, and has 7111',
  ]);
  expect(broken(reputation(7_000))).toEqual([]);
});

test('H1–H3: what the decisions make of random lives stands against the witness\u2019s own count', () => {
  let runs = 0;
  let said = 0;
  for (let seed = 0; seed < 60; seed += 1) {
    const random = seededRandom(seed);
    const realm = new RealmRun();
    const watch = new InvariantWatch();
    for (let i = 0; i < 120; i += 1) {
      const choice = random.below(2 ** 31);
      realm.at += randomPauseMs(choice);
      realm.submit(randomRunCommand(realm.world, choice));
    }
    for (const entry of realm.entries) {
      expect(watch.take(entry as unknown as LogEntry), JSON.stringify(entry)).toEqual([]);
      runs += entry.events.filter(({ type }) => type === 'run.started').length;
      said += entry.events.filter(({ type }) => type === 'reputation.changed').length;
    }
  }
  expect(runs).toBeGreaterThan(60);
  expect(said).toBeGreaterThan(60);
});
