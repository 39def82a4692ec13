/** The quick reader and the fabric's own must not differ: one finds what the other has made. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig, systemInputs } from '@infrafabric/fabric';
import { afterAll, expect, test } from 'vitest';
import { readClientSettings } from './settings.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-settings-'));
afterAll(() => rmSync(root, { recursive: true }));

const folder = (name: string, files: Readonly<Record<string, unknown>> = {}): string => {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  for (const [file, value] of Object.entries(files)) {
    mkdirSync(join(path, file, '..'), { recursive: true });
    writeFileSync(join(path, file), JSON.stringify(value));
  }
  return path;
};

const home = folder('home', {
  '.config/infrafabric/config.json': { realm: 'of-user', url: 'http://127.0.0.1:9' },
});
const bare = folder('bare-home');
const project = folder('project', { 'ifab.json': { dataDir: 'here', token: 'of-file' } });
const hidden = folder('hidden', { '.config/ifab.json': { realm: 'hidden' } });
const local = folder('local');
mkdirSync(join(local, '.infrafabric'));
const below = folder('project/deep/below');

test.each([
  ['nothing', { HOME: bare }, bare, {}],
  ['a user’s file', { HOME: home }, bare, {}],
  ['a project’s file', { HOME: home }, project, {}],
  ['a project’s file above', { HOME: bare }, below, {}],
  ['a hidden project’s file', { HOME: bare }, hidden, {}],
  ['a folder of its own', { HOME: bare }, local, {}],
  [
    'variables',
    {
      HOME: home,
      IFAB_REALM: 'v',
      IFAB_DATA_DIR: 'data',
      IFAB_URL: 'http://[::1]:1',
      IFAB_TOKEN: 't',
    },
    project,
    {},
  ],
  ['empty variables', { HOME: home, IFAB_REALM: '', IFAB_DATA_DIR: '' }, bare, {}],
  [
    'flags',
    { HOME: home, IFAB_REALM: 'v' },
    project,
    { realm: 'f', dataDir: '/flag', url: 'http://127.0.0.1:2' },
  ],
  [
    'XDG',
    { HOME: home, XDG_STATE_HOME: '/state', XDG_CONFIG_HOME: join(home, '.config') },
    bare,
    {},
  ],
  ['relative XDG, which is to be ignored', { HOME: bare, XDG_STATE_HOME: 'state' }, bare, {}],
])('both readers agree on %s', (_name, env, cwd, said) => {
  const flags = {
    realm: undefined,
    dataDir: undefined,
    url: undefined,
    tokenFile: undefined,
    ...said,
  };
  const quick = readClientSettings(flags, env, cwd);
  const { config } = readConfig({ ...systemInputs(said), env, cwd, home: env.HOME });
  expect({
    realm: quick.realm,
    dataDir: quick.dataDir,
    url: quick.url,
    token: quick.token,
  }).toEqual({
    realm: config.realm,
    dataDir: config.dataDir,
    url: config.url,
    token: config.token,
  });
});
