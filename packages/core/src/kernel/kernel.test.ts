import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '@infrafabric/tlog';
import type { JsonValue } from '@infrafabric/tlog';
import { canonicalText } from './canonical.ts';
import { accept, assert, Defect, must, UNCHANGED } from './decision.ts';
import { OPEN_GATE } from './gate.ts';
import type { GateTask } from './gate.ts';
import { mintsOf } from './mints.ts';
import { counted } from './words.ts';

describe('the kernel', () => {
  test('a broken invariant is a defect, not an answer', () => {
    expect(() => assert(false, 'it does not hold')).toThrow(new Defect('it does not hold'));
    expect(() => must(undefined, 'nothing there')).toThrow(Defect);
    expect(must(0, 'a zero is a value')).toBe(0);
    expect(new Defect('x').name).toBe('Defect');
    expect(() => assert(true, 'it holds')).not.toThrow();
  });

  test('decisions are values', () => {
    expect(accept()).toStrictEqual({ kind: 'accept', events: [] });
    expect(UNCHANGED).toStrictEqual({ kind: 'unchanged' });
  });

  test('ids are minted for the two operations that use them', () => {
    expect(mintsOf('sessions.open')).toStrictEqual(['session']);
    expect(mintsOf('blockers.raise')).toStrictEqual(['blocker']);
    expect(mintsOf('tasks.claim')).toStrictEqual([]);
  });

  test('an open gate lets everything pass, and remembers nothing', () => {
    const task: GateTask = {
      taskId: 'p/a',
      planId: 'p',
      // Only rooms behind a gate look into it.
      spec: {} as GateTask['spec'],
      fence: 1,
      attempt: 1,
      priority: 0,
      isHelp: false,
      matchPermille: 0,
    };
    const before = { ...OPEN_GATE };
    expect(OPEN_GATE.closed).toBeUndefined();
    expect(OPEN_GATE.refuse(task)).toBeUndefined();
    expect(OPEN_GATE.take(task)).toBeUndefined();
    expect(OPEN_GATE).toStrictEqual(before);
  });

  test('counts are said in words', () => {
    expect([0, 1, 2].map((count) => counted(count, 'task'))).toStrictEqual([
      '0 tasks',
      '1 task',
      '2 tasks',
    ]);
  });

  test('text is canonical: the same as the canonical writer of the log', () => {
    const key = fc.stringMatching(/^[A-Za-z_]{1,5}$/);
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.stringMatching(/^[a-z"\\é ]{0,5}$/),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(value, (one) => {
        expect(canonicalText([one])).toBe(canonicalJson([one]));
      }),
    );
  });

  test('absent and undefined members are the same, and what stands in order is not copied', () => {
    expect(canonicalText({ b: undefined, a: { d: 1, c: [{ z: 1, y: 2 }] } })).toBe(
      '{"a":{"c":[{"y":2,"z":1}],"d":1}}',
    );
    expect(canonicalText({ b: 1, a: 2 })).toBe(canonicalText({ a: 2, b: 1 }));
  });
});
