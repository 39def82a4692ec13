import { expect, test } from 'vitest';
import { parseRegistryText } from '../registry/rows.ts';
import { commandHelp } from './help.ts';
import { commandOf, operationCommands } from './operations.ts';
import { suggestCommand } from './tree.ts';

const rowIn = (text: string) => {
  const [row] = parseRegistryText(text);
  if (row === undefined) throw new Error('no row');
  return row;
};

test('an operation that no table names still gets a command', () => {
  const spec = commandOf(
    rowIn(
      'budgets.set_limit write operator: Limit an account.\n  account! string\n  limit! int\n  soft bool\n  rules! json\n',
    ),
  );
  expect(spec).toMatchObject({
    path: ['budget', 'set-limit'],
    args: [{ name: 'ACCOUNT' }, { name: 'LIMIT' }],
    options: [{ flag: '--soft' }, { flag: '--rules', value: 'json' }],
    example: 'budget set-limit ACCOUNT LIMIT',
    mutates: true,
  });
  expect(commandHelp(spec)).toContain('the operation’s field rules; JSON, @file or -');
});

test('a noun in ss keeps it, and a switch that is on has a no', () => {
  const spec = commandOf(
    rowIn('access.fail read worker: Say so.\n  retry bool\n  newField string\n'),
  );
  expect(spec.path).toEqual(['access', 'fail']);
  expect(spec.options.map(({ flag }) => flag)).toEqual(['--no-retry', '--new-field']);
  expect(spec.mutates).toBe(false);
});

test('what stands in the place of a derived command has its path', () => {
  const [first] = operationCommands([]);
  if (first === undefined) throw new Error('no command');
  expect(operationCommands([first])).not.toContain(first);
  expect(operationCommands([first])).toHaveLength(operationCommands([]).length - 1);
});

test.each([
  [['statsu'], 'status'],
  [['plam', 'list'], 'plan list'],
  [['plan', 'shwo'], 'plan show'],
  [['plan', 'qqqqq'], undefined],
  [['qqqqq', 'list'], undefined],
])('%j was meant as %s', (path, meant) => {
  expect(suggestCommand(path)).toBe(meant);
});
