import { OPERATIONS } from '@infrafabric/protocol';
import { expect, test } from 'vitest';

test('operations.txt names every operation, its effect, its callers and its refusals', async () => {
  const lines = OPERATIONS.map(({ name, effect, callers, errors }) =>
    `${name} ${effect} ${callers.join(',')} ${errors.join(',')}`.trimEnd(),
  );
  expect(new Set(OPERATIONS.map(({ name }) => name)).size).toBe(OPERATIONS.length);
  await expect(`${lines.toSorted().join('\n')}\n`).toMatchFileSnapshot('operations.txt');
});
