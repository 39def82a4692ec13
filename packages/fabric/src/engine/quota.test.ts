import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';

import { ManualClock } from './clock.ts';
import type { Principal, Reply } from './fabric.ts';
import {
  QUOTA_BULK_BYTES_MIN,
  QUOTA_BURST_BYTES,
  QUOTA_BYTES_PER_S,
  QUOTA_ENTRY_BYTES,
  QUOTA_SWEEP_SESSIONS_MIN,
} from './limits.ts';
import { createMemoryRealm, openMemoryFabric } from './open-memory.ts';
import type { LeadingFabric } from './open.ts';
import { costOf, costOfFile, WriteQuota } from './quota.ts';

const ordinary = (bytes: number) => ({ kind: 'ordinary', bytes }) as const;
const bulk = (bytes: number) => ({ kind: 'bulk', bytes }) as const;

describe('a session’s quota', () => {
  test('Q1: a burst passes, the next byte waits for exactly as long as it is told', () => {
    const quota = new WriteQuota();
    expect(quota.take('a', bulk(QUOTA_BURST_BYTES), 5)).toBe(0);
    const waitMs = quota.take('a', bulk(1), 5);
    expect(waitMs).toBe(1);
    expect(quota.take('a', bulk(QUOTA_BYTES_PER_S), 5 + waitMs)).toBe(0);
    const later = quota.take('a', bulk(1), 6);
    expect(quota.take('a', bulk(1), 6 + later - 1)).toBeGreaterThan(0);
    expect(quota.take('a', bulk(1), 6 + later)).toBe(0);
  });

  test('Q1: one operation may overdraw, and is paid back before the next', () => {
    const quota = new WriteQuota();
    expect(quota.take('a', bulk(64 * 1024 * 1024), 0)).toBe(0);
    expect(quota.take('a', bulk(1), 0)).toBe(56_001);
    expect(quota.take('a', bulk(0), 56_001)).toBe(0);
  });

  test('Q1: whatever it asks for and when, no more is taken than the burst, the rate and one operation', () => {
    // Property, by random walks: the sum of what was taken against the line of the bucket.
    const step = fc.record({ bytes: fc.nat(2_000_000), pauseMs: fc.nat(700) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const quota = new WriteQuota();
        let [now, taken] = [1_000_000, 0];
        for (const { bytes, pauseMs } of steps) {
          now += pauseMs;
          if (quota.take('a', bulk(bytes), now) === 0) taken += bytes;
          const line = QUOTA_BURST_BYTES + ((now - 1_000_000) * QUOTA_BYTES_PER_S) / 1_000;
          expect(taken).toBeLessThanOrEqual(line + 2_000_000);
        }
      }),
    );
  });

  test('Q2: bulk does not stand in the way of commands, nor one session in that of another', () => {
    const quota = new WriteQuota();
    expect(quota.take('a', bulk(64 * 1024 * 1024), 0)).toBe(0);
    expect(quota.take('a', ordinary(QUOTA_ENTRY_BYTES), 0)).toBe(0);
    expect(quota.take('b', bulk(1), 0)).toBe(0);
  });

  test('Q3: who has not written lately is forgotten, who still owes is not', () => {
    const quota = new WriteQuota();
    quota.take('debtor', bulk(64 * 1024 * 1024), 0);
    for (let i = 0; i < 50_000; i += 1) quota.take(`s${i}`, ordinary(1), i);
    expect(quota.count).toBeLessThanOrEqual(QUOTA_SWEEP_SESSIONS_MIN);
    expect(quota.take('debtor', bulk(1), 50_000)).toBeGreaterThan(0);
  });
});

describe('the cost of a write', () => {
  test('is its entry and its words, however they are nested', () => {
    expect(costOf('tasks.claim', {})).toEqual(ordinary(QUOTA_ENTRY_BYTES));
    const params = { text: 'x'.repeat(100), flag: true };
    expect(costOf('witness.record', { params }).bytes).toBe(
      QUOTA_ENTRY_BYTES + 6 + 4 + 100 + 4 + 8,
    );
    expect(costOf('tasks.complete', { list: ['ab', 1] }).bytes).toBe(
      QUOTA_ENTRY_BYTES + 4 + 10 + 16,
    );
  });

  test('of long records and notes is bulk, of what ends a lease never', () => {
    const args = { text: 'x'.repeat(QUOTA_BULK_BYTES_MIN) };
    expect(costOf('witness.record', args).kind).toBe('bulk');
    expect(costOf('tasks.progress', args).kind).toBe('bulk');
    expect(costOf('tasks.complete', args).kind).toBe('ordinary');
    expect(costOf('witness.record', { text: 'short' }).kind).toBe('ordinary');
  });

  test('of a file is whole blocks', () => {
    expect([0, 1, 4_096, 4_097].map((bytes) => costOfFile(bytes).bytes)).toEqual([
      0, 4_096, 4_096, 8_192,
    ]);
  });
});

const opened: LeadingFabric[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fabric) => fabric.close()));
});

describe('a fabric', () => {
  const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
  const start = async () => {
    const clock = new ManualClock();
    const fabric = await openMemoryFabric(createMemoryRealm(), { clock });
    opened.push(fabric);
    const session = await fabric.call(
      'sessions.open',
      { agent: 'ada', leasesMax: 1_000 },
      { principal: OPERATOR },
    );
    const { sessionId, token } = (session.kind === 'ok' ? session.output : {}) as {
      sessionId: string;
      token: string;
    };
    const known = fabric.authenticate(token);
    if (known.kind === 'reject') throw new Error(known.detail);
    const { principal } = known;
    const record = (by: Principal, chars: number): Promise<Reply> => {
      const params = Object.fromEntries(
        Array.from({ length: chars / 4_000 }, (_, i) => [`p${i}`, 'x'.repeat(4_000)]),
      );
      return fabric.call(
        'witness.record',
        { component: 'agent', operation: 'said', params },
        { principal: by },
      );
    };
    return { fabric, clock, principal, sessionId, record };
  };

  test('slows a session that records in a loop, lets it claim, and serves it again in time', async () => {
    const { fabric, clock, principal, sessionId, record } = await start();
    let passed = 0;
    let refusal = await record(principal, 1_000_000);
    for (; refusal.kind === 'ok' && passed < 100; passed += 1) {
      refusal = await record(principal, 1_000_000);
    }
    expect(passed).toBe(9);
    expect(refusal).toMatchObject({
      code: 'fabric.overloaded',
      facts: { bytesPerSecond: QUOTA_BYTES_PER_S, burstBytes: QUOTA_BURST_BYTES },
    });
    expect(await fabric.call('tasks.next', { sessionId }, { principal })).toMatchObject({
      kind: 'ok',
    });
    const waitMs = refusal.kind === 'reject' ? (refusal.retryAfterMs ?? 0) : 0;
    expect(waitMs).toBeGreaterThan(0);
    clock.advance(waitMs);
    expect(await record(principal, 4_000)).toMatchObject({ kind: 'ok' });
    expect(await record(principal, 8_000)).toMatchObject({ kind: 'ok' });
  });

  test('never limits an operator', async () => {
    const { fabric, record } = await start();
    for (let i = 0; i < 20; i += 1) {
      expect(await record(OPERATOR, 1_000_000)).toMatchObject({ kind: 'ok' });
    }
    expect(fabric.spend(OPERATOR, 1e9)).toBeUndefined();
    expect(fabric.spend(OPERATOR, 1e9)).toBeUndefined();
  });

  test('takes a thousand claims and completions of one session in one moment, five times over', async () => {
    const { fabric, principal, sessionId } = await start();
    const tasks = Array.from({ length: 5_000 }, (_, i) => ({ key: `t${i}`, title: 'a task' }));
    await fabric.call('plans.submit', { plan: { id: 'p', tasks } }, { principal: OPERATOR });
    for (let round = 0; round < 5; round += 1) {
      const claimed = await Promise.all(
        tasks
          .slice(round * 1_000, round * 1_000 + 1_000)
          .map(({ key }) =>
            fabric.call('tasks.claim', { sessionId, taskId: `p/${key}` }, { principal }),
          ),
      );
      const completed = await Promise.all(
        claimed.map((reply) => {
          if (reply.kind === 'reject') throw new Error(reply.detail);
          const { taskId, fencingToken } = reply.output as Record<string, string>;
          return fabric.call('tasks.complete', { taskId, fencingToken }, { principal });
        }),
      );
      expect(completed.filter(({ kind }) => kind === 'ok')).toHaveLength(1_000);
    }
  });

  test('takes blobs from the same bucket', async () => {
    const { fabric, clock, principal, record } = await start();
    expect(fabric.spend(principal, QUOTA_BURST_BYTES)).toBeUndefined();
    expect(fabric.spend(principal, 0)).toMatchObject({
      code: 'fabric.overloaded',
      retryAfterMs: 1,
    });
    expect(await record(principal, 8_000)).toMatchObject({ code: 'fabric.overloaded' });
    clock.advance(1);
    expect(fabric.spend(principal, 0)).toBeUndefined();
  });
});
