import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Deadline, Deadlines } from './deadlines.ts';

class At extends Deadline {
  at: number;
  constructor(at: number) {
    super();
    this.at = at;
  }
  endsAt(): number {
    return this.at;
  }
}

const drain = (deadlines: Deadlines<At>, now: number): number[] => {
  const due: number[] = [];
  for (let next = deadlines.next(now); next !== undefined; next = deadlines.next(now)) {
    due.push(next.at);
    deadlines.remove(next);
  }
  return due;
};

describe('deadlines', () => {
  test('C3: half-open, so a deadline is due at its instant and not before', () => {
    const deadlines = new Deadlines<At>();
    deadlines.add(new At(10));
    expect(deadlines.next(9)).toBeUndefined();
    expect(deadlines.next(10)?.at).toBe(10);
  });

  test('an empty heap is never due', () => {
    expect(new Deadlines<At>().earliest).toBe(Number.POSITIVE_INFINITY);
  });

  test('a renewed deadline comes back when it is due again', () => {
    const deadlines = new Deadlines<At>();
    const lease = new At(10);
    deadlines.add(lease);
    lease.at = 25;
    expect(deadlines.next(20)).toBeUndefined();
    expect(deadlines.earliest).toBe(25);
    expect(deadlines.next(25)).toBe(lease);
  });

  // Property: against a sorted list, over random adds, removals, renewals and passing time.
  test('gives what a sorted list gives', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), at: fc.nat(1_000) }),
      fc.record({ kind: fc.constant('remove' as const), which: fc.nat(50) }),
      fc.record({ kind: fc.constant('renew' as const), which: fc.nat(50), by: fc.nat(500) }),
      fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(300) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const deadlines = new Deadlines<At>();
        let model: At[] = [];
        let now = 0;
        for (const one of steps) {
          if (one.kind === 'add') {
            const deadline = new At(now + one.at);
            deadlines.add(deadline);
            model.push(deadline);
          } else if (one.kind === 'pass') {
            now += one.ms;
            const expected = model.filter(({ at }) => at <= now).map(({ at }) => at);
            expect(drain(deadlines, now)).toEqual(expected.toSorted((a, b) => a - b));
            model = model.filter(({ at }) => at > now);
          } else {
            const found = model[one.which % Math.max(model.length, 1)];
            if (found === undefined) continue;
            if (one.kind === 'renew') found.at += one.by;
            else {
              deadlines.remove(found);
              deadlines.remove(found);
              model = model.filter((other) => other !== found);
            }
          }
          expect(deadlines.count).toBe(model.length);
        }
      }),
    );
  });
});
