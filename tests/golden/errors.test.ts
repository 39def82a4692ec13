import { ERRORS } from '@infrafabric/protocol';
import { expect, test } from 'vitest';

test('errors.txt names every code with its status and remedy; codes are only ever added', async () => {
  const lines = Object.entries(ERRORS).map(
    ([code, { status, remedy }]) => `${code} ${status} ${remedy}`,
  );
  await expect(`${lines.toSorted().join('\n')}\n`).toMatchFileSnapshot('errors.txt');
});
