import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalText, inOrder } from './canonical.ts';

/** Values whose objects have their members in any order. */
const anyOrder = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    fc.integer(),
    fc.constantFrom('a', null, true, undefined),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.stringMatching(/^[A-C_a-c]{0,2}$/), tie('value'), { maxKeys: 4 }),
  ),
})).value;

/** Every object in a value has ascending keys. */
const stands = (value: unknown): boolean => {
  if (typeof value !== 'object' || value === null) return true;
  const keys = Object.keys(value);
  const isAscending = Array.isArray(value) || keys.join(' ') === keys.toSorted().join(' ');
  return isAscending && Object.values(value).every(stands);
};

describe('the order of members', () => {
  test('is that of their names; nothing else of a value changes, nor the value itself', () => {
    fc.assert(
      fc.property(anyOrder, (value) => {
        const before = JSON.stringify(value);
        const ordered = inOrder(value);
        expect(ordered).toEqual(value);
        expect(stands(ordered)).toBe(true);
        expect(JSON.stringify(value)).toBe(before);
        if (stands(value)) expect(ordered).toBe(value);
      }),
    );
  });

  test('where it is right already, nothing is copied', () => {
    const right = [{ '': 0, A: [1, { B: null, b: [] }], _: 'x', a: undefined }, [], 7];
    expect(inOrder(right)).toBe(right);
    expect(canonicalText(right)).toBe(JSON.stringify(right));
    const wrong = { z: right, a: right, list: [1, right, { y: right, x: right }] };
    const ordered = inOrder(wrong) as typeof wrong;
    expect(JSON.stringify(Object.keys(ordered))).toBe('["a","list","z"]');
    for (const part of [ordered.a, ordered.z, ordered.list[1]]) expect(part).toBe(right);
    expect(Object.entries(ordered.list[2] ?? {})).toStrictEqual([
      ['x', right],
      ['y', right],
    ]);
  });

  test('an object is written anew where only something in it moves', () => {
    const inner = { b: 1, a: 2 };
    expect(canonicalText({ a: [inner], b: inner })).toBe('{"a":[{"a":2,"b":1}],"b":{"a":2,"b":1}}');
    expect(JSON.stringify(inner)).toBe('{"b":1,"a":2}');
    expect(canonicalText([[], [[inner]], 1])).toBe('[[],[[{"a":2,"b":1}]],1]');
  });
});
