import { ANYONE, OPERATIONS } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { renderIndexFile } from './render.ts';
import { OPERATION_ROWS, parseRegistryText } from './rows.ts';

test('index-text.ts is what the registry gives today', async () => {
  await expect(renderIndexFile()).toMatchFileSnapshot('index-text.ts');
});

test('a row stands for each operation that is not the realm’s own', () => {
  const open = OPERATIONS.filter(({ callers }) => callers.some((one) => ANYONE.includes(one)));
  expect(OPERATION_ROWS.map(({ name }) => name)).toEqual(open.map(({ name }) => name));
  expect(OPERATION_ROWS.map(({ effect }) => effect)).toEqual(open.map(({ effect }) => effect));
});

test('fields keep their kind and whether they are required', () => {
  const claim = OPERATION_ROWS.find(({ name }) => name === 'tasks.claim');
  expect(claim?.fields).toEqual([
    { name: 'sessionId', required: true, type: { kind: 'string' } },
    { name: 'taskId', required: true, type: { kind: 'string' } },
    { name: 'leaseMs', required: false, type: { kind: 'int' } },
  ]);
});

test('a text that the generator does not write is refused', () => {
  expect(() => parseRegistryText('tasks.claim maybe worker: Lease it.')).toThrow('no effect');
});
