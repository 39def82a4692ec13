import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createBucket, createRates, type Rates } from './bucket.ts';

const A = { swarmId: 'swarm_a', sessionId: 'session_1' };
const A2 = { swarmId: 'swarm_a', sessionId: 'session_2' };
const B = { swarmId: 'swarm_b', sessionId: 'session_1' };

/** How many of `tries` calls at one moment pass. */
const passing = (rates: Rates, tenant: typeof A, at: number, tries = 50): number => {
  let passed = 0;
  for (let each = 0; each < tries; each += 1)
    if (rates.take(tenant, at).kind === 'taken') passed += 1;
  return passed;
};

describe('case 59: ten calls a second', () => {
  test('R1: a burst on both sides of a second’s border passes ten, not twenty', () => {
    const rates = createRates();
    rates.open(A, 10, 0);
    expect(passing(rates, A, 999)).toBe(10);
    expect(passing(rates, A, 1_000)).toBe(0);
    expect(passing(rates, A, 1_001)).toBe(0);
    expect(passing(rates, A, 1_998)).toBe(0);
    expect(passing(rates, A, 1_999)).toBe(10);
  });

  test('a token is back a second after it was taken, and the wait says when', () => {
    const rates = createRates();
    rates.open(A, 10, 0);
    for (let each = 0; each < 10; each += 1) rates.take(A, each * 10);
    expect(rates.take(A, 100)).toEqual({ kind: 'wait', waitMs: 900 });
    expect(rates.take(A, 1_000)).toEqual({ kind: 'taken' });
    expect(rates.take(A, 1_000)).toEqual({ kind: 'wait', waitMs: 10 });
  });

  test('R3: a clock that jumps back grants nothing and starves nobody', () => {
    const rates = createRates();
    rates.open(A, 10, 100_000);
    expect(passing(rates, A, 100_000)).toBe(10);
    expect(passing(rates, A, 0)).toBe(0);
    expect(rates.take(A, 0)).toEqual({ kind: 'wait', waitMs: 1_000 });
    expect(passing(rates, A, 999)).toBe(0);
    expect(passing(rates, A, 1_000)).toBe(10);
  });

  test('a clock that jumps forward grants one second’s worth', () => {
    const rates = createRates();
    rates.open(A, 10, 0);
    expect(passing(rates, A, 0)).toBe(10);
    expect(passing(rates, A, 3_600_000)).toBe(10);
  });
});

test('R2: a swarm’s rate is divided among the sessions that are open', () => {
  const rates = createRates();
  rates.open(A, 10, 0);
  rates.open(A2, 10, 0);
  rates.open(B, 10, 0);
  expect(passing(rates, A, 0)).toBe(5);
  expect(passing(rates, A2, 0)).toBe(5);
  expect(passing(rates, B, 0)).toBe(10);
  rates.close(A2, 500);
  expect(passing(rates, A, 1_000)).toBe(10);
});

test('R1: opening sessions again and again gives no more calls', () => {
  const rates = createRates();
  let passed = 0;
  for (let each = 0; each < 20; each += 1) {
    const tenant = { swarmId: 'swarm_a', sessionId: `session_${each}` };
    rates.open(tenant, 10, each);
    passed += passing(rates, tenant, each);
    rates.close(tenant, each);
  }
  expect(passed).toBe(10);
  for (let each = 0; each < 3; each += 1) {
    rates.open(A, 10, 500);
    expect(passing(rates, A, 500)).toBe(0);
    rates.close(A, 500);
  }
});

test('more sessions than tokens: each may try for one, and the swarm’s bucket decides', () => {
  const rates = createRates();
  const tenants = Array.from({ length: 20 }, (_each, at) => ({
    swarmId: 'swarm_a',
    sessionId: `session_${at}`,
  }));
  for (const tenant of tenants) rates.open(tenant, 10, 0);
  const passed = tenants.map((tenant) => passing(rates, tenant, 0));
  expect(passed.reduce((sum, each) => sum + each, 0)).toBe(10);
  expect(Math.max(...passed)).toBe(1);
});

test('R4: a session that was not opened, or was closed, gets nothing', () => {
  const rates = createRates();
  expect(rates.take(A, 0)).toEqual({ kind: 'unknown' });
  rates.open(A, 10, 0);
  expect(rates.take(A2, 0)).toEqual({ kind: 'unknown' });
  rates.close(A, 0);
  rates.close(A, 0);
  rates.close(B, 0);
  expect(rates.take(A, 0)).toEqual({ kind: 'unknown' });
  for (const swarmId of ['__proto__', 'constructor', '../x'])
    expect(rates.take({ swarmId, sessionId: 'toString' }, 0)).toEqual({ kind: 'unknown' });
});

test('two runs of a session share its bucket; it closes with the last', () => {
  const rates = createRates();
  rates.open(A, 10, 0);
  rates.open(A, 10, 0);
  rates.close(A, 0);
  expect(passing(rates, A, 0)).toBe(10);
});

test('a rate of zero lets nothing through, at any time', () => {
  const rates = createRates();
  rates.open(A, 0, 0);
  expect(rates.take(A, 0)).toEqual({ kind: 'wait', waitMs: 1_000 });
  expect(passing(rates, A, 10_000)).toBe(0);
});

test('R2: contracts of one swarm that differ leave each other their share', () => {
  const rates = createRates();
  rates.open(A, 40, 0);
  rates.open(A2, 10, 0);
  expect(passing(rates, A, 0)).toBe(20);
  expect(passing(rates, A2, 0)).toBe(5);
  rates.close(A, 0);
  expect(passing(rates, A2, 1_000)).toBe(10);
});

test('what is closed is forgotten when its tokens are back', () => {
  const rates = createRates();
  for (let each = 0; each < 100; each += 1) {
    const tenant = { swarmId: `swarm_${each}`, sessionId: 'session_1' };
    rates.open(tenant, 10, 0);
    rates.take(tenant, 0);
    rates.close(tenant, 0);
  }
  expect(rates.size()).toBe(100);
  rates.open(A, 10, 1_000);
  expect(rates.size()).toBe(1);
});

// Property: in no window of a second do more than `tokens` calls pass, and a wait that is kept ends with a token.
// Method: steps of a clock that moves forward and back.
test('R1, R3: never more than the tokens in any second of time that passed', () => {
  const step = fc.integer({ min: -500, max: 700 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(step, { maxLength: 200 }),
      (tokens, steps) => {
        const bucket = createBucket();
        const passed: number[] = [];
        let at = 0;
        let elapsedMs = 0;
        for (const move of steps) {
          at += move;
          elapsedMs += Math.max(move, 0);
          const waitMs = bucket.waitMs(at, tokens);
          if (waitMs === 0) {
            bucket.take(at);
            passed.push(elapsedMs);
          } else {
            expect(waitMs).toBeLessThanOrEqual(1_000);
          }
        }
        for (const [index, time] of passed.entries()) {
          const next = passed[index + tokens];
          if (next !== undefined) expect(next - time).toBeGreaterThanOrEqual(1_000);
        }
        expect(bucket.isFull(at + 1_000)).toBe(true);
      },
    ),
    { numRuns: 1_000 },
  );
});
