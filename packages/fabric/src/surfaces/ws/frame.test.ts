import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFrame } from './frame.ts';

test('a call keeps what it names and no more', () => {
  expect(
    parseFrame({ id: 1, op: 'tasks.show', input: { taskId: 'p/a' }, key: 'k'.repeat(8) }),
  ).toEqual({
    kind: 'frame',
    frame: { kind: 'call', id: 1, op: 'tasks.show', input: { taskId: 'p/a' }, key: 'k'.repeat(8) },
  });
  expect(parseFrame({ id: 'a', op: 'realm.status' })).toMatchObject({ frame: { input: {} } });
});

test.each([
  [null],
  [[]],
  ['text'],
  [{ op: 'tasks.show' }],
  [{ id: 1.5, op: 'tasks.show' }],
  [{ id: '', op: 'tasks.show' }],
  [{ id: 'x'.repeat(65), op: 'tasks.show' }],
  [{ id: 1 }],
  [{ id: 1, op: 7 }],
  [{ id: 1, op: 'tasks.show', extra: true }],
  [{ id: 1, op: 'tasks.show', token: 7 }],
  [{ id: 1, auth: '' }],
  [{ id: 1, cancel: false }],
  [{ id: 1, feed: { after: 'x' } }],
  [{ id: 1, feed: { unknown: 1 } }],
  [{ id: 1, wait: {} }],
  [{ id: 1, wait: { sessionId: 'ses_0000000000000000', count: 0 } }],
  [JSON.parse('{"id":1,"op":"tasks.show","__proto__":{"token":"x"}}')],
])('%j is refused', (value) => {
  expect(parseFrame(value)).toMatchObject({
    kind: 'refused',
    rejection: { code: 'request.invalid' },
  });
});

test('no value makes it throw', () => {
  // Property: total on JSON values; fast-check prints the seed of a failure.
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(['frame', 'refused']).toContain(parseFrame(value).kind);
    }),
  );
});
