/** Every help text and the whole tree, so that any change of the command line shows in review. */
import { expect, test } from 'vitest';
import {
  commandHelp,
  groupHelp,
  helpJson,
  ORIENTATION,
  rootHelp,
} from '../../packages/cli/src/tree/help.ts';
import { commandName } from '../../packages/cli/src/tree/command.ts';
import { COMMANDS, GROUPS } from '../../packages/cli/src/tree/tree.ts';

test('cli-help.txt is what help says, word for word', async () => {
  const pages: readonly (readonly [string, string])[] = [
    ['ifab', ORIENTATION],
    ['ifab --help', rootHelp()],
    ...GROUPS.map(({ noun }) => [`ifab ${noun} --help`, groupHelp(noun)] as const),
    ...COMMANDS.map((spec) => [`ifab ${commandName(spec)} --help`, commandHelp(spec)] as const),
  ];
  const text = pages
    .map(([command, page]) => `$ ${command}\n${page}`)
    .join(`\n${'-'.repeat(80)}\n`);
  for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120);
  await expect(text).toMatchFileSnapshot('cli-help.txt');
});

test('cli-tree.ndjson is what programs read of each command', async () => {
  const lines = COMMANDS.map((spec) => `${JSON.stringify(helpJson([spec]).commands[0])}\n`);
  await expect(lines.join('')).toMatchFileSnapshot('cli-tree.ndjson');
});
