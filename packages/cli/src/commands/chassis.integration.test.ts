/** `ifab chassis` and `ifab contract` by hand: real runners in the real sandbox, without a fabric. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createBroker,
  createRunnerHost,
  engineBytes,
  findTools,
  runnerFile,
} from '@infrafabric/fabric/chassis';
import { ServiceContract } from '@infrafabric/protocol';
import { afterAll, describe, expect, test } from 'vitest';
import { json, run } from '../../test/io.ts';
import type { RunOptions } from '../../test/io.ts';
import { admitted } from '../chassis/local-module.ts';
import { checkOf } from '../server/sandbox-check.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-chassis-'));
afterAll(() => rmSync(root, { recursive: true }));

const ifab = (words: readonly string[], options: RunOptions = {}) =>
  run([...words, '--data-dir', join(root, 'data')], {
    cwd: root,
    columns: 200,
    ...options,
    env: { PATH: process.env['PATH'], HOME: root, NO_COLOR: '1', ...options.env },
  });

const write = (name: string, bytes: string | Uint8Array): string => {
  writeFileSync(join(root, name), bytes);
  return name;
};
const digestOf = (bytes: string | Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * `(func (export "run") (param i32 i32) (result i64))` gives back what it was given, as the json ABI has it, beside
 * `memory`, `alloc`, `dealloc`, and a `spin` that never returns.
 */
const ECHO = Buffer.from(
  '0061736d0100000001110360017f017f60027f7f0060027f7f017e0305040001020205030100010607017f014180080b0729' +
    '05066d656d6f7279020005616c6c6f630000076465616c6c6f6300010372756e0002047370696e00030a2d041101017f2300' +
    '2101230020006a240020010b02000b0c002000ad4220862001ad840b090003400c000b42000b',
  'hex',
);
const GUEST = `
export function run(input) { host.log('info', 'got it \\u001b[2J'); return { sum: input.a + input.b }; }
export function fail() { throw new Error('no \\u001b[31m sum'); }
export function evil() { return 'one\\u001b[2J two'; }
export function spin() { for (;;) {} }
`;
write('guest.js', GUEST);
const CONTRACT = {
  contractVersion: 1,
  provider: 'acme',
  swarmId: 'sip',
  version: '1.0.0',
  module: { digest: digestOf(GUEST), abi: 'js', entrypoints: ['run', 'fail', 'spin'] },
  hostFunctions: ['log'],
  limits: { cpuMsMax: 200, wallMsMax: 20_000, cpuPercentMax: 100 },
};
write('guest.contract.json', JSON.stringify(CONTRACT, undefined, 2));

test('levels says what is attained and made of what; --at-least is a question with an exit code', async () => {
  const { code, stdout } = await ifab(['chassis', 'levels', '--at-least', '3']);
  expect(stdout).toContain('3 of 3: namespaces, a filter of system calls and exact limits');
  expect(stdout).toMatch(/denied to a runner +.*read.*write.*exec.*socket.*signal/);
  expect(stdout).not.toContain('Missing');
  expect(code).toBe(0);
  const { stdout: attained } = await ifab(['chassis', 'levels', '--json']);
  expect(json(attained)).toMatchObject({ level: 3, missing: [] });
  const refused = await ifab(['chassis', 'levels', '--at-least', '4']);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('0, 1, 2 or 3') });
});

test('probe shows each attempt as the runner told it', async () => {
  const { code, stdout } = await ifab(['chassis', 'probe', '--node', process.execPath]);
  expect(code).toBe(0);
  for (const name of ['read', 'write', 'exec', 'socket', 'signal', 'allocate', 'proc', 'worker'])
    expect(stdout).toMatch(new RegExp(`^${name} +denied +\\S`, 'm'));
});

test('a module runs without a contract; its result is data, the rest goes to stderr, escaped', async () => {
  const words = ['chassis', 'run', 'guest.js', '--input', '{"a":1,"b":2}'];
  const { code, stdout, stderr } = await ifab(words);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '{"sum":3}\n' });
  expect(stderr).toContain('log  info got it');
  expect(stderr).not.toContain('\u001b');
  expect(stderr).toMatch(/ended +completed\nlevel +3\nused +\d+ ms, \d+ ms of CPU/);
  const { stdout: said } = await ifab([...words, '--json']);
  expect(json(said)).toMatchObject({
    cause: 'completed',
    output: '{"sum":3}',
    level: 3,
    notes: [],
    measure: { networkCalls: 0 },
  });
});

test('input comes from a file or from standard input, too', async () => {
  write('input.json', '{"a":2,"b":3}');
  const words = ['chassis', 'run', 'guest.js', '--quiet', '--input'];
  expect((await ifab([...words, '@input.json'])).stdout).toBe('{"sum":5}\n');
  expect(await ifab([...words, '-'], { stdin: '{"a":0,"b":0}' })).toEqual({
    code: 0,
    stdout: '{"sum":0}\n',
    stderr: '',
  });
});

test('what a guest returns cannot act on the terminal', async () => {
  const words = ['chassis', 'run', 'guest.js', '--entrypoint', 'evil', '--input', '{}', '--quiet'];
  expect((await ifab(words)).stdout).toBe('"one\\u001b[2J two"\n');
});

test('a guest that throws is told with its words, which act on nothing, and exits 1', async () => {
  const words = ['chassis', 'run', 'guest.js', '--entrypoint', 'fail', '--input', '{}'];
  const { code, stdout } = await ifab([...words, '--json']);
  expect(json(stdout)).toMatchObject({
    cause: 'trapped',
    detail: expect.stringContaining('sum'),
  });
  expect(stdout).not.toContain('\u001b');
  expect(code).toBe(1);
});

test('case 1: a loop is killed at the contract’s limit of CPU, and the note says so', async () => {
  const words = ['chassis', 'run', 'guest.js', '--contract', 'guest.contract.json'];
  const { code, stdout } = await ifab([
    ...words,
    '--entrypoint',
    'spin',
    '--input',
    '{}',
    '--json',
  ]);
  expect(code).toBe(1);
  expect(json(stdout)).toMatchObject({
    cause: 'cpu',
    notes: [expect.objectContaining({ kind: 'violation', violation: 'cpu' })],
  });
});

test('a blob of the data folder is run by its digest', async () => {
  const hex = digestOf(GUEST).slice('sha256:'.length);
  const folder = join(root, 'data', 'blobs', hex.slice(0, 2));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, hex.slice(2)), GUEST);
  const words = ['chassis', 'run', digestOf(GUEST), '--input', '{"a":4,"b":4}', '--quiet'];
  expect((await ifab(words)).stdout).toBe('{"sum":8}\n');
  const absent = await ifab(['chassis', 'run', digestOf('absent'), '--input', '{}']);
  expect(absent).toMatchObject({ code: 2, stderr: expect.stringContaining('ifab chassis load') });
});

describe('what is refused before anything runs', () => {
  test.each([
    [['guest.js', '--abi', 'wit'], 2, '“wit” is no ABI'],
    [['guest.js', '--entrypoint', '1x'], 2, '“1x” is no entrypoint'],
    [['missing.js'], 2, 'ENOENT'],
    [['.'], 2, 'is no file'],
    [
      ['guest.js', '--contract', 'guest.contract.json', '--entrypoint', 'evil'],
      2,
      'It has: run, fail, spin',
    ],
    [
      ['input.json', '--contract', 'guest.contract.json'],
      2,
      'ifab contract check guest.contract.json',
    ],
    [['guest.js', '--min-level', '9'], 2, 'Write a level'],
  ])('%j', async (words, exit, part) => {
    const { code, stdout, stderr } = await ifab(['chassis', 'run', ...words]);
    expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
    expect(stderr).toContain(part);
  });

  test('an input that is too large', async () => {
    write('large', Buffer.alloc(1024 * 1024 + 1));
    const { code, stderr } = await ifab(['chassis', 'run', 'guest.js', '--input', '@large']);
    expect({ code, said: stderr.includes('1048576 at most') }).toEqual({ code: 2, said: true });
  });

  test('a module that admission refuses exits 3', async () => {
    // A module of one type, whose section says that it is longer than the file.
    write('torn.wasm', Buffer.from('0061736d010000000160', 'hex'));
    const { code, stdout } = await ifab(['chassis', 'run', 'torn.wasm', '--json']);
    expect(code).toBe(3);
    expect(json(stdout)).toMatchObject({ cause: 'refused', output: '' });
  });
});

describe('ifab contract check', () => {
  test('says what a contract would allow', async () => {
    const { code, stdout } = await ifab(['contract', 'check', 'guest.contract.json']);
    expect(code).toBe(0);
    expect(stdout).toContain('acme 1.0.0, for sip');
    expect(stdout).toMatch(/may call +nobody/);
  });

  test('holds it against its module in the sandbox', async () => {
    const words = ['contract', 'check', 'guest.contract.json', '--module'];
    expect((await ifab([...words, 'guest.js'])).code).toBe(0);
    const other = await ifab([...words, 'input.json']);
    expect(other.code).toBe(1);
    expect(other.stdout).toContain('module.digest');
    expect(other.stdout).toContain(`write ${digestOf('{"a":2,"b":3}')}`);
  });

  test('names an entrypoint that the module has not', async () => {
    const module = { digest: digestOf(ECHO), abi: 'json', entrypoints: ['ran'] };
    write('echo.wasm', ECHO);
    write('wrong.json', JSON.stringify({ ...CONTRACT, module }));
    const { code, stdout } = await ifab([
      'contract',
      'check',
      'wrong.json',
      '--module',
      'echo.wasm',
    ]);
    expect(code).toBe(1);
    expect(stdout).toContain('ran');
  });

  test('shows every mistake with its line, and exits 1', async () => {
    write('bad.json', '{\n  "contractVersion": 1,\n  "limit": {}\n}');
    const { code, stdout } = await ifab(['contract', 'check', 'bad.json']);
    expect(code).toBe(1);
    expect(stdout).toContain('line 3, limit\n  “limit” is no field here\n→ did you mean “limits”?');
    const loaded = await ifab(['chassis', 'run', 'guest.js', '--contract', 'bad.json']);
    expect(loaded).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ifab contract check bad.json'),
    });
    expect((await ifab(['contract', 'check', '-', '--json'], { stdin: '' })).code).toBe(1);
    expect(await ifab(['contract', 'check', '.'])).toMatchObject({ code: 2 });
  });
});

test('chassis load says before it asks any server what is missing, and what it would do', async () => {
  expect(await ifab(['chassis', 'load', 'guest.js'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--contract is missing'),
  });
  const words = ['chassis', 'load', 'guest.js', '--contract', 'guest.contract.json'];
  expect(await ifab([...words, '--swarm', 'No Swarm'])).toMatchObject({ code: 2 });
  const dry = await ifab([...words, '--dry-run', '--swarm', 'ndi']);
  expect({ code: dry.code, stdout: dry.stdout }).toEqual({
    code: 0,
    stdout: `dry run: nothing was sent; ${digestOf(GUEST)} (${GUEST.length} B) is admitted, and acme 1.0.0 would be accepted for ndi\n`,
  });
  expect(await ifab(words)).toMatchObject({
    code: 75,
    stderr: expect.stringContaining('no fabric runs'),
  });
  const other = await ifab(['chassis', 'load', 'input.json', '--contract', 'guest.contract.json']);
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('ifab contract check') });
});

test('a machine without bubblewrap attains level 2, and a contract of level 3 is refused with what to install', async () => {
  const broker = createBroker({
    store: {
      name: 'none',
      resolve: () => Promise.reject(new Error('no secrets here')),
      close: async () => undefined,
    },
  });
  const host = await createRunnerHost({
    runnerFile: await runnerFile(),
    engine: engineBytes,
    broker,
    blankRunners: 0,
    tools: { ...(await findTools()), bwrap: undefined },
  });
  try {
    const attained = host.attained();
    expect(attained.level).toBe(2);
    expect(checkOf(attained)).toMatchObject({
      name: 'sandbox',
      state: 'warn',
      mend: expect.stringContaining('apt-get install bubblewrap'),
    });
    const module = { contract: ServiceContract.parse(CONTRACT), bytes: Buffer.from(GUEST) };
    await expect(admitted(host, module)).rejects.toMatchObject({
      problem: {
        code: 'isolation.too_low',
        remedy: 'give-up',
        detail: 'this machine isolates at level 2; the run asks for level 3',
        next: expect.stringContaining('apt-get install bubblewrap'),
      },
    });
    const modest = { ...module, contract: { ...module.contract, minLevel: 2 } };
    expect(await admitted(host, modest)).toBeUndefined();
  } finally {
    await host.close();
    broker.close();
  }
});

test('doctor says the level of the sandbox', async () => {
  const { stdout } = await ifab(['doctor', '--json']);
  expect(json(stdout)).toMatchObject({
    checks: expect.arrayContaining([
      expect.objectContaining({
        name: 'sandbox',
        state: 'ok',
        found: expect.stringContaining('level 3 of 3'),
      }),
    ]),
  });
});
