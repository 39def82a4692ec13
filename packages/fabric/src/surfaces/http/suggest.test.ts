import { expect, test } from 'vitest';
import { suggestOperation, unknownOperation } from './suggest.ts';

test.each([
  ['task.claim', 'tasks.claim'],
  ['tasks/claim', 'tasks.claim'],
  ['Tasks.Next', 'tasks.next'],
  ['witness.qurey', 'witness.query'],
  ['rm -rf', undefined],
  ['', undefined],
  ['x'.repeat(100_000), undefined],
  // Internal operations are nobody's to call, so they are nobody's suggestion.
  ['leases.expire', undefined],
])('%s → %s', (name, expected) => {
  expect(suggestOperation(name)).toBe(expected);
});

test('the refusal names what is near, for people and for programs', () => {
  expect(unknownOperation('task.claim')).toMatchObject({
    code: 'request.unknown_operation',
    facts: { near: 'tasks.claim' },
  });
});
