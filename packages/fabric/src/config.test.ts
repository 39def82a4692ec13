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
    [
      'a notifier of no kind',
      { env: { IFAB_NOTIFY: '[{"kind":"pigeon"}]' } },
      /notify\.0\.kind \(IFAB_NOTIFY\)/,
    ],
    [
      'notifiers that are no list',
      { env: { IFAB_NOTIFY: '{"kind":"console"}' } },
      /notify \(IFAB_NOTIFY\)/,
    ],
    ['notifiers that are no JSON', { env: { IFAB_NOTIFY: 'console' } }, /IFAB_NOTIFY is no JSON/],
    [
      'a webhook without a secret',
      { files: { '/w/ifab.json': '{"notify":[{"kind":"webhook","url":"https://a.example"}]}' } },
      /notify\.0\.secretFile \(\/w\/ifab\.json\)/,
    ],
    [
      'a webhook to a file',
      {
        files: {
          '/w/ifab.json':
            '{"notify":[{"kind":"webhook","url":"file:///etc/passwd","secretFile":"s"}]}',
        },
      },
      /notify\.0\.url/,
    ],
    [
      'a notifier with a key of another',
      { files: { '/w/ifab.json': '{"notify":[{"kind":"console","path":"x"}]}' } },
      /notify\.0.*path/,
    ],
    [
      'two notifiers of one name',
      {
        files: {
          '/w/ifab.json':
            '{"notify":[{"kind":"console"},{"kind":"file","path":"x","name":"console"}]}',
        },
      },
      /notify \(.*two notifiers have one name/,
    ],
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
      env: { IFAB_TOKEN: 'ifo1.s3cr3t' },
      files: { '/w/ifab.json': '{"token":"ifo1.other"}' },
    }),
  );
  expect(loaded.config.token).toBe('ifo1.s3cr3t');
  const shown = JSON.stringify([maskedConfig(loaded.config), explainConfig(loaded, 'token')]);
  expect(shown).not.toMatch(/s3cr3t|other/);
});

describe('notify', () => {
  const webhook = {
    kind: 'webhook',
    url: 'https://user:pass@hooks.example:8443/services/T0/B0/s3cr3t?key=s3cr3t',
    secretFile: 'keys/hook.secret',
  };

  test('is the console where nobody says otherwise, and nobody where it is empty', () => {
    expect(readConfig(inputs()).config.notify).toEqual([
      { kind: 'console', name: 'console', format: 'auto' },
    ]);
    expect(readConfig(inputs({ env: { IFAB_NOTIFY: '[]' } })).config.notify).toEqual([]);
  });

  test('of a webhook is shown where it goes, never what may be a credential', () => {
    const text = JSON.stringify({ notify: [webhook, { kind: 'file', path: 'told.ndjson' }] });
    const loaded = readConfig(
      inputs({
        env: { IFAB_NOTIFY: JSON.stringify([webhook]) },
        files: { '/w/ifab.json': text },
      }),
    );
    expect(loaded.config.notify).toMatchObject([{ url: webhook.url, timeoutMs: 10_000 }]);
    const explained = explainConfig(loaded, 'notify');
    expect(explained).toMatchObject({
      from: { kind: 'env', name: 'IFAB_NOTIFY' },
      value: [{ url: 'https://hooks.example:8443/…', secretFile: 'keys/hook.secret' }],
      hid: [{ value: [{ url: 'https://hooks.example:8443/…' }, { path: 'told.ndjson' }] }],
    });
    const shown = JSON.stringify([explained, maskedConfig(loaded.config)]);
    expect(shown).not.toMatch(/s3cr3t|user|pass@/u);
  });

  test('that is wrong where it is hidden is not shown at all', () => {
    const secret = '{"notify":[{"kind":"webhook","url":"https://a.example/s3cr3t"}]}';
    const loaded = readConfig(
      inputs({ env: { IFAB_NOTIFY: '[]' }, files: { '/w/ifab.json': secret } }),
    );
    const explained = explainConfig(loaded, 'notify');
    expect(explained.hid).toHaveLength(1);
    expect(JSON.stringify(explained)).not.toContain('s3cr3t');
  });
});

describe('secrets', () => {
  test('are in a file of the data folder where nobody says otherwise', () => {
    expect(readConfig(inputs()).config.secrets).toEqual({
      kind: 'file',
      file: 'secrets.age',
      keyFile: 'keys/secrets.key',
    });
  });

  test.each([
    ['env', { kind: 'env' }],
    ['systemd', { kind: 'systemd' }],
    ['{"kind":"systemd","folder":"/run/secrets"}', { kind: 'systemd', folder: '/run/secrets' }],
    ['file', { kind: 'file', file: 'secrets.age', keyFile: 'keys/secrets.key' }],
    [
      '{"kind":"vault","url":"https://vault.example:8200","auth":{"kind":"token","tokenFile":"keys/vault.token"}}',
      {
        kind: 'vault',
        url: 'https://vault.example:8200',
        mount: 'secret',
        auth: { kind: 'token', tokenFile: 'keys/vault.token' },
        timeoutMs: 5_000,
      },
    ],
  ])('IFAB_SECRETS=%s', (text, secrets) => {
    expect(readConfig(inputs({ env: { IFAB_SECRETS: text } })).config.secrets).toEqual(secrets);
  });

  const vault = (more: object): string =>
    JSON.stringify({
      kind: 'vault',
      url: 'https://vault.example',
      auth: { kind: 'approle', roleId: 'r', secretIdFile: 's' },
      ...more,
    });
  test.each([
    ['plain http over a network', vault({ url: 'http://vault.example' }), /loopback/],
    ['a password in the URL', vault({ url: 'https://u:s3cr3t@vault.example' }), /origin/],
    ['a path in the URL', vault({ url: 'https://vault.example/v1' }), /origin/],
    ['a mount that climbs', vault({ mount: '../sys' }), /mount/],
    ['a token in place of its file', vault({ auth: { kind: 'token', token: 's3cr3t' } }), /auth/],
    ['no kind of store', '{"kind":"chest"}', /secrets/],
    ['a time without an end', vault({ timeoutMs: 0 }), /timeoutMs/],
  ])('%s is refused, and not repeated', (_, text, message) => {
    const read = () => readConfig(inputs({ env: { IFAB_SECRETS: text } }));
    expect(read).toThrow(message);
    expect(read).not.toThrow(/s3cr3t/);
  });

  test('a Vault on this machine may speak plain http', () => {
    for (const host of ['127.0.0.1:8200', 'localhost', '[::1]:8200']) {
      const env = { IFAB_SECRETS: vault({ url: `http://${host}` }) };
      expect(readConfig(inputs({ env })).config.secrets.kind).toBe('vault');
    }
  });

  test('their variables are no slip where secrets are variables, and one elsewhere', () => {
    const env = { IFAB_SECRET_A_B: 's3cr3t', IFAB_SECRETX: '' };
    expect(readConfig(inputs({ env })).unknownEnv).toEqual(['IFAB_SECRET_A_B']);
    const loaded = readConfig(inputs({ env: { ...env, IFAB_SECRETS: 'env' } }));
    expect(loaded.unknownEnv).toEqual([]);
    const shown = JSON.stringify([loaded.layers, explainConfig(loaded, 'secrets')]);
    expect(shown).not.toContain('s3cr3t');
  });

  test('settings that are wrong where they are hidden are not shown at all', () => {
    const hidden = '{"secrets":{"kind":"vault","url":"https://u:s3cr3t@vault.example"}}';
    const loaded = readConfig(
      inputs({ env: { IFAB_SECRETS: 'env' }, files: { '/w/ifab.json': hidden } }),
    );
    const explained = explainConfig(loaded, 'secrets');
    expect(explained).toMatchObject({ value: { kind: 'env' }, hid: [{ value: '••••••' }] });
  });
});
