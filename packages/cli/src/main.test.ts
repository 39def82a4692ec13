/** What every command line has in common: parsing, help, errors, exit codes. No fabric runs here. */
import { readFileSync } from 'node:fs';
import { EXIT_CODES } from '@infrafabric/protocol';
import { describe, expect, test } from 'vitest';
import { json, run } from '../test/io.ts';
import { EXIT_OF_REMEDY } from './output/exit.ts';
import { OPERATION_ROWS } from './registry/rows.ts';
import { commandName } from './tree/command.ts';
import { GLOBAL_OPTIONS } from './tree/globals.ts';
import { COMMANDS } from './tree/tree.ts';
import { VERSION } from './version.ts';

const EMPTY = { XDG_STATE_HOME: '/nowhere/state', XDG_CONFIG_HOME: '/nowhere/config' };

test('the version is the package’s', async () => {
  const manifest: { readonly version: string } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  expect(VERSION).toBe(manifest.version);
  expect(await run(['--version'])).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
  expect(json((await run(['-V', '--json'])).stdout)).toEqual({ version: VERSION });
});

test('exit codes of remedies are the catalogue’s', () => {
  expect(EXIT_OF_REMEDY).toEqual(EXIT_CODES);
});

test('alone it says where one is and the next two commands', async () => {
  const { code, stdout } = await run([]);
  expect(code).toBe(0);
  expect(stdout).toContain('ifab serve');
  expect(stdout).toContain('ifab run examples/repo-checks.yaml');
});

test('every operation has a command of its own, and op takes them all', () => {
  const called = new Set(COMMANDS.map(({ operation }) => operation?.name));
  for (const { name } of OPERATION_ROWS) expect(called, name).toContain(name);
});

test('no command has a flag that every command has: the second would never be heard', () => {
  const taken = new Set(GLOBAL_OPTIONS.flatMap(({ flag, short }) => [flag, short]));
  for (const spec of COMMANDS) {
    for (const { flag, short } of spec.options) {
      expect(
        taken.has(flag) || (short !== undefined && taken.has(short)),
        `${commandName(spec)} ${flag}`,
      ).toBe(false);
    }
  }
});

test('every command has help with an example, as text and as JSON', async () => {
  for (const spec of COMMANDS) {
    const { code, stdout } = await run([...spec.path, '--help']);
    expect(code, commandName(spec)).toBe(0);
    expect(stdout, commandName(spec)).toContain(`Example:\n  ifab ${spec.example}`);
    const tree = json((await run([...spec.path, '--help', '--json'])).stdout);
    expect(tree).toMatchObject({ commands: [{ name: commandName(spec) }] });
  }
});

test('every example is a line that its command takes', async () => {
  for (const spec of COMMANDS) {
    const bare = spec.example.replace(/ > .*$/, '');
    // Enough of a shell: words, and words in quotes.
    const words = [...bare.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
      ([, single, double, plain]) => single ?? double ?? plain ?? '',
    );
    const { stdout, stderr } = await run([...words, '--help']);
    expect(stderr, spec.example).toBe('');
    expect(stdout, spec.example).toContain('Usage: ifab ');
  }
});

describe('what is wrong is said in two lines, and as a problem', () => {
  const wrong: readonly (readonly [string, number, string, string])[] = [
    ['taks list', 2, 'cli.usage', 'Did you mean: ifab task list'],
    ['plan lst', 2, 'cli.usage', 'Did you mean: ifab plan list'],
    ['zzzzzz', 2, 'cli.usage', 'ifab --help'],
    ['plan zzzzzz', 2, 'cli.usage', 'ifab --help'],
    ['help plan lst', 2, 'cli.usage', 'Did you mean: ifab plan list'],
    ['task list --limt 3', 2, 'cli.usage', 'Did you mean --limit?'],
    ['task show', 2, 'cli.usage', 'ifab help task show'],
    ['plan list extra', 2, 'cli.usage', 'ifab help plan list'],
    ['task list --limit three', 2, 'cli.usage', 'three'],
    ['task list --phase redy', 2, 'cli.usage', 'Did you mean ready?'],
    ['task claim a/b', 2, 'cli.usage', 'IFAB_SESSION'],
    ['task claim a/b --session s --lease soon', 2, 'cli.usage', 'soon'],
    ['witness query --since yesterday', 2, 'cli.usage', 'yesterday'],
    ['plan edit p --add {', 2, 'cli.input', '@file'],
    ['status --mode=falsfy', 2, 'cli.usage', '--mode=normal'],
    ['plan list --mode=falsify', 2, 'cli.not_available', 'ifab task explain'],
    ['status --trace=xyz', 2, 'cli.usage', 'have one made'],
    ['op tasks.lst', 2, 'cli.usage', 'Did you mean tasks.list?'],
    ['op tasks.list --input nonsense', 2, 'cli.input', 'standard input'],
    [
      'op tasks.list --input {"limit":0} --dry-run',
      2,
      'request.invalid',
      'ifab op tasks.list --schema',
    ],
    ['completion tcsh', 2, 'cli.usage', 'bash, zsh, fish, powershell'],
    ['config explain lsitenPort', 2, 'cli.usage', 'Did you mean listenPort?'],
    ['witness trace what', 2, 'cli.usage', '32 hex digits'],
    ['witness verify /nowhere/log', 2, 'cli.input', 'data folder'],
    ['witness verify . --level 3', 2, 'cli.usage', '0, 1 or 5'],
    ['witness export --from x', 2, 'cli.usage', 'whole number'],
    ['events --after x', 2, 'cli.usage', 'cursor'],
    ['top --every 1ms', 2, 'cli.usage', '200ms'],
    ['serve --port http', 2, 'cli.usage', '65535'],
    ['plan import /nowhere/plan.yaml', 2, 'cli.input', 'file or folder'],
    ['plan cancel p --reason r', 2, 'cli.confirm', '--yes'],
    ['status', 75, 'cli.no_server', 'ifab serve'],
    ['status --url nonsense', 2, 'cli.not_signed_in', 'IFAB_TOKEN_FILE'],
    ['status --url http://127.0.0.1:1', 2, 'cli.not_signed_in', '--token-file'],
    [
      'status --token-file /nowhere/token --url http://127.0.0.1:1',
      2,
      'cli.not_signed_in',
      '--token-file',
    ],
  ];
  test.each(wrong)('ifab %s exits %i with %s', async (line, code, problem, next) => {
    const words = line.split(' ');
    const text = await run(words, { env: EMPTY });
    expect(text, line).toMatchObject({ code, stdout: '' });
    expect(text.stderr.trimEnd().split('\n')).toHaveLength(2);
    expect(text.stderr).toContain(`(${problem})`);
    expect(text.stderr).toContain(next);
    const told = await run([...words, '--json'], { env: EMPTY });
    expect(told).toMatchObject({ code, stdout: '' });
    expect(json(told.stderr)).toMatchObject({ code: problem });
  });
});

test('nobody is there: unreachable is a matter of time', async () => {
  const env = { ...EMPTY, IFAB_URL: 'http://127.0.0.1:1', IFAB_TOKEN: 'x' };
  const { code, stderr } = await run(['status'], { env });
  expect(code).toBe(75);
  expect(stderr).toContain('cli.unreachable');
});

test('words after -- are no flags', async () => {
  const { code, stderr } = await run(['help', '--', '--json']);
  expect(code).toBe(2);
  expect(stderr).toContain('there is no command “--json”');
});

test('hostile words come back harmless', async () => {
  const { stderr } = await run(['plan', 'x\u001b[2J\u202ey']);
  expect(stderr).toContain('x\\u{1b}[2J\\u{202e}y');
  expect(stderr).not.toContain('\u001b');
});

describe('completion', () => {
  const offers = async (...words: readonly string[]): Promise<readonly string[]> => {
    const { code, stdout, stderr } = await run(['__complete', ...words], { env: EMPTY });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout
      .split('\n')
      .map((line) => line.split('\t')[0] ?? '')
      .filter(Boolean);
  };
  test('nothing typed offers every first word', async () => {
    expect(await offers()).toEqual(expect.arrayContaining(['plan', 'task', 'serve', 'run']));
  });
  test('a noun that is none has no verbs', async () => {
    expect(await offers('zzz', '')).toEqual([]);
  });
  test('after the last argument come flags', async () => {
    const found = await offers('task', 'show', 'shop/a', '');
    expect(found).toContain('--json');
    expect(found.every((word) => word.startsWith('-'))).toBe(true);
  });
  test('a flag takes its value from the next word, --trace only from its own', async () => {
    expect(await offers('task', 'list', '--limit', '5', '--phase', 'pa')).toEqual(['parked']);
    expect(await offers('task', 'list', '--limit', '')).toEqual([]);
    expect(await offers('--trace', 'pl')).toEqual(['plan']);
    expect(await offers('--json', '--zzz', 'pl')).toEqual(['plan']);
  });
});

test('help of a noun names its commands, as text and as JSON', async () => {
  expect((await run(['help', 'plan'])).stdout).toContain('Usage: ifab plan <command>');
  const { commands } = Object(json((await run(['help', 'plan', '--json'])).stdout)) as {
    commands: { name: string }[];
  };
  expect(commands.length).toBeGreaterThan(3);
  expect(commands.every(({ name }) => name.startsWith('plan '))).toBe(true);
});
