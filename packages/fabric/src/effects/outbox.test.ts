import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Notice } from '../ports/notifier.ts';
import { Outbox, SETTLED_MAX } from './outbox.ts';

const notice = (index: number): Notice => ({
  id: `esc_${index}`,
  realm: 'main',
  origin: 'test.local/ifab/main',
  at: 0,
  severity: 'warn',
  kind: 'budget',
  subject: 'realm',
  summary: '',
  details: {},
  acknowledge: '',
  index,
});

test('the window of what is settled is bounded, and forgets the oldest first', () => {
  const outbox = new Outbox({ cursor: '0', settled: {} });
  outbox.add(notice(1), '1.0', 0);
  const last = SETTLED_MAX + 11;
  for (let index = 2; index <= last; index += 1) {
    outbox.add(notice(index), `${index}.0`, 0);
    outbox.settle(`esc_${index}`);
  }
  const { cursor, settled } = outbox.progress();
  expect(cursor).toBe('0');
  expect(Object.keys(settled)).toHaveLength(SETTLED_MAX);
  expect(settled).not.toHaveProperty('esc_11');
  expect(settled).toHaveProperty('esc_12');
  expect(settled[`esc_${last}`]).toBe(`${last}.0`);
});

test('O2: two restarts in a row, the second before anything was read again, forget nothing that is settled', () => {
  const first = new Outbox({ cursor: '0', settled: {} });
  first.add(notice(1), '1.0', 5);
  first.add(notice(2), '2.0', 0);
  first.settle('esc_2');
  const saved = first.progress();
  expect(saved).toEqual({ cursor: '0', settled: { esc_2: '2.0' } });
  const again = new Outbox(saved).progress();
  expect(again).toEqual(saved);
  expect(new Outbox(again).add(notice(2), '2.0', 0)).toBe(false);
});

// Property: whatever is added and settled in whatever order, and wherever it is restarted, each is settled once (O1, O2).
// Method: a log of 30 escalations, a random walk of steps; a restart reads the log again from the saved cursor.
test('O1, O2: after any restart, what is not settled comes again and nothing else', () => {
  const LOG = Array.from({ length: 30 }, (_, n) => n + 1);
  const steps = fc.array(fc.oneof(fc.constant('read'), fc.constant('crash'), fc.nat({ max: 8 })), {
    maxLength: 120,
  });
  fc.assert(
    fc.property(steps, (walk) => {
      const settled: string[] = [];
      let outbox = new Outbox({ cursor: '0', settled: {} });
      let read = 0;
      for (const step of [...walk, ...LOG.map(() => 'read' as const), ...LOG.map(() => 0)]) {
        if (step === 'crash') {
          const saved = outbox.progress();
          outbox = new Outbox(saved);
          read = Number.parseInt(saved.cursor, 10);
        } else if (step === 'read') {
          if (read === LOG.length) continue;
          read += 1;
          outbox.add(notice(read), `${read}.0`, read % 7);
        } else {
          const next = outbox.next();
          if (next === undefined) continue;
          // Some fail, and are due later.
          if (step > 4) next.dueAt += step;
          else if (outbox.settle(next.notice.id)) settled.push(next.notice.id);
        }
      }
      expect(new Set(settled).size).toBe(settled.length);
      expect(settled).toHaveLength(LOG.length);
      expect(outbox.progress()).toEqual({ cursor: '30.0', settled: {} });
    }),
  );
});
