import type { PolicySpec, PublisherIsolation } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { diffPolicies, isSame } from './diff-policies.ts';

const policy = (isolation?: readonly PublisherIsolation[]): PolicySpec => ({
  format: 'ifab-policy/1',
  governs: [],
  resource: {},
  rules: [],
  ...(isolation === undefined ? {} : { isolation: [...isolation] }),
});

test('a publisher that is trusted more or less is a difference, as any figure', () => {
  const before = policy([
    { provider: 'acme', minLevel: 1 },
    { provider: 'gone', minLevel: 2 },
    { provider: 'same', minLevel: 2 },
  ]);
  const after = policy([
    { provider: 'same', minLevel: 2 },
    { provider: 'acme', minLevel: 3 },
    { provider: 'new', minLevel: 0 },
  ]);
  const diff = diffPolicies({ name: 'a', policy: before }, { name: 'b', policy: after });
  expect(diff.figures).toEqual([
    { name: 'isolation of acme', before: '1', after: '3', values: ['1', '3'] },
    { name: 'isolation of gone', before: '2', after: 'as all', values: ['2', 'as all'] },
    { name: 'isolation of new', before: 'as all', after: '0', values: ['as all', '0'] },
  ]);
  expect(isSame(diff)).toBe(false);
  const none = diffPolicies({ name: 'a', policy: policy() }, { name: 'b', policy: policy([]) });
  expect(isSame(none)).toBe(true);
});
