import { describe, expect, test } from 'vitest';

import { explainConfig, maskedConfig, readConfig, type ConfigInputs } from './config.ts';

const inputs = (
  more: Partial<Omit<ConfigInputs, 'readText' | 'exists'>> & {
    readonly files?: Readonly<Record<string, string>>;
  } = {},
): ConfigInputs => {
  const { files = {}, ...rest } = more;
  return {
    flags: {},
    env: {},
    cwd: '/w/project/deep',
    home: '/ada',
    readText: (path) => files[path],
    exists: (path) =>
      Object.keys(files).some((file) => file === path || file.startsWith(`${path}/`)),
    ...rest,
  };
};

describe('precedence', () => {
  const files = {
    '/w/project/ifab.json': '{"listenPort":3,"logLevel":"warn"}',
    '/ada/.config/infrafabric/config.json': '{"listenPort":4,"logLevel":"error"}',
  };
  const env = { IFAB_LISTEN_PORT: '2', PATH: '/bin' };

  test.each([
    ['flag', 1, { flags: { listenPort: 1 }, env, files }],
    ['env', 2, { env, files }],
    ['project', 3, { files }],
    ['user', 4, { files: { '/ada/.config/infrafabric/config.json': '{"listenPort":4}' } }],
    ['default', 7070, {}],
  ])('%s wins over what comes after it', (kind, port, given) => {
    const loaded = readConfig(inputs(given));
    expect(loaded.config.listenPort).toBe(port);
    expect(explainConfig(loaded, 'listenPort').from.kind).toBe(kind);
  });

  test('an explanation names what it hid, nearest first', () => {
    const loaded = readConfig(inputs({ flags: { listenPort: 1 }, env, files }));
    expect(explainConfig(loaded, 'listenPort')).toEqual({
      key: 'listenPort',
      value: 1,
      from: { kind: 'flag' },
      hid: [
        { from: { kind: 'env', name: 'IFAB_LISTEN_PORT' }, value: 2 },
        { from: { kind: 'project', path: '/w/project/ifab.json' }, value: 3 },
        { from: { kind: 'user', path: '/ada/.config/infrafabric/config.json' }, value: 4 },
      ],
    });
    expect(loaded.config.logLevel).toBe('warn');
  });
});

describe('refusals', () => {
  test.each([
    ['an unknown key of a file', { files: { '/w/ifab.json': '{"listenProt":1}' } }, /listenProt/],
    ['an unknown flag', { flags: { port: 1 } }, /command line has no key port/],
    [
      'a port that is none',
      { env: { IFAB_LISTEN_PORT: '70000' } },
      /listenPort \(IFAB_LISTEN_PORT\)/,
    ],
    ['a port in words', { env: { IFAB_LISTEN_PORT: '80a' } }, /listenPort/],
    ['a file that is no JSON', { files: { '/w/ifab.json': '{' } }, /ifab.json is no JSON/],
    ['a file that is a list', { files: { '/w/ifab.json': '[]' } }, /no JSON object/],
    ['an unknown journal', { env: { IFAB_JOURNAL: 'tape' } }, /journal/],
    ['a secret on the command line', { flags: { token: 'ifo1.x' } }, /IFAB_TOKEN/],
    ['a realm that is none', { flags: { realm: 'A B' } }, /realm id/],
  ])('%s', (_what, given, why) => {
    expect(() => readConfig(inputs(given))).toThrow(why);
  });
});

test('variables are read by kind; one that is no key is named', () => {
  const { config, unknownEnv } = readConfig(
    inputs({
      env: {
        IFAB_ALLOWED_HOSTS: 'a.example, b.example',
        IFAB_JOURNAL: '{"kind":"file","durability":"os"}',
        IFAB_LOG_LEVEL: '',
        IFAB_LISTEN_PROT: '1',
      },
    }),
  );
  expect(config).toMatchObject({
    allowedHosts: ['a.example', 'b.example'],
    journal: { kind: 'file', durability: 'os' },
    logLevel: 'info',
  });
  expect(unknownEnv).toEqual(['IFAB_LISTEN_PROT']);
});

test.each([
  ['/ada/.local/state/infrafabric/main', {}],
  ['/state/infrafabric/blue', { env: { XDG_STATE_HOME: '/state', IFAB_REALM: 'blue' } }],
  ['/ada/.local/state/infrafabric/main', { env: { XDG_STATE_HOME: 'relative' } }],
  ['/w/project/deep/.infrafabric', { files: { '/w/project/deep/.infrafabric/realm.json': '{}' } }],
  ['/w/project/deep/data', { flags: { dataDir: 'data' } }],
])('the data folder is %s', (dataDir, given) => {
  expect(readConfig(inputs(given)).config.dataDir).toBe(dataDir);
});

test('secrets are masked wherever a configuration is shown', () => {
  const loaded = readConfig(
    inputs({
      env: { IFAB_TOKEN: 'ifo1.secret' },
      files: { '/w/ifab.json': '{"token":"ifo1.other"}' },
    }),
  );
  expect(loaded.config.token).toBe('ifo1.secret');
  const shown = JSON.stringify([maskedConfig(loaded.config), explainConfig(loaded, 'token')]);
  expect(shown).not.toMatch(/secret|other/);
});
