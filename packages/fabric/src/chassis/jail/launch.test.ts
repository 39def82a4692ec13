import type { IsolationLayer } from '@infrafabric/protocol';
import { IsolationLayer as Layers } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { identityOf, launchPlan, OWN_USERS, type LaunchOptions } from './launch.ts';

const TOOLS = {
  bwrap: '/usr/bin/bwrap',
  bwrapLocksUsers: true,
  setpriv: '/usr/bin/setpriv',
  prlimit: '/usr/bin/prlimit',
  timeout: '/usr/bin/timeout',
  ldd: '/usr/bin/ldd',
  mkfifo: '/usr/bin/mkfifo',
};
const all = new Set<IsolationLayer>(Layers.options);
const without = (...off: readonly IsolationLayer[]): ReadonlySet<IsolationLayer> =>
  new Set(Layers.options.filter((layer) => !off.includes(layer)));

const options: LaunchOptions = {
  layers: all,
  tools: TOOLS,
  node: '/opt/node/bin/node',
  nodeLine: { major: 24, minor: 21 },
  libraries: ['/lib/libc.so.6', '/lib64/ld-linux-x86-64.so.2'],
  runnerFile: '/tmp/stage/runner.mjs',
  memoryMib: 256,
  lifeS: 300,
  identity: { uid: 65_534, gid: 65_534 },
};
const lineOf = (changed: Partial<LaunchOptions> = {}): string => {
  const { file, args } = launchPlan({ ...options, ...changed });
  return [file, ...args].join(' ');
};

test('level 3, started as root: the whole chain, word for word', () => {
  expect(lineOf()).toBe(
    '/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups --pdeathsig KILL -- ' +
      '/usr/bin/timeout -s KILL 310 ' +
      '/usr/bin/bwrap --unshare-all --unshare-user --disable-userns --uid 65534 --gid 65534 --die-with-parent --new-session --cap-drop ALL ' +
      '--hostname sb --clearenv --json-status-fd 4 ' +
      '--ro-bind /opt/node/bin/node /usr/bin/node --ro-bind /lib/libc.so.6 /lib/libc.so.6 ' +
      '--ro-bind /lib64/ld-linux-x86-64.so.2 /lib64/ld-linux-x86-64.so.2 ' +
      '--ro-bind /tmp/stage/runner.mjs /app/runner.mjs --remount-ro / --chdir / --seccomp 3 -- ' +
      '/usr/bin/node --wasm-max-mem-pages=4096 --wasm-max-table-size=100000 --max-wasm-functions=50000 ' +
      '--wasm-max-module-size=16777216 --wasm-max-committed-code-mb=64 --max-old-space-size=512 ' +
      '--stack-size=512 --disable-wasm-trap-handler --v8-pool-size=0 ' +
      '--disallow-code-generation-from-strings --disable-proto=delete --no-addons ' +
      '--permission --allow-fs-read=/app/runner.mjs /app/runner.mjs',
  );
  expect(launchPlan(options)).toMatchObject({
    takesFilter: true,
    saysStatus: true,
    hasTimeout: true,
  });
});

test('level 2, started as root: a user of its own, no privileges to gain, death with the host', () => {
  const line = lineOf({
    layers: without('namespaces', 'seccomp'),
    identity: { uid: 60_607, gid: 60_607 },
  });
  expect(line).toMatch(
    /^\/usr\/bin\/setpriv --reuid=60607 --regid=60607 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all --pdeathsig KILL -- \/usr\/bin\/timeout -s KILL 310 \/usr\/bin\/setpriv --pdeathsig KILL -- \/opt\/node\/bin\/node --wasm/,
  );
  expect(line).toMatch(
    /--permission --allow-fs-read=\/tmp\/stage\/runner.mjs \/tmp\/stage\/runner.mjs$/,
  );
});

test('not root: nobody becomes anybody else, and the rest stands', () => {
  const line = lineOf({ identity: undefined });
  expect(line).not.toContain('--reuid');
  expect(line).toMatch(/^\/usr\/bin\/setpriv --pdeathsig KILL -- \/usr\/bin\/timeout/);
});

test('level 1, without any tool: node with its flags and permissions', () => {
  const none = { bwrap: undefined, setpriv: undefined, prlimit: undefined, timeout: undefined };
  const plan = launchPlan({
    ...options,
    tools: { ...TOOLS, ...none },
    layers: without('namespaces', 'seccomp', 'rlimits'),
    identity: undefined,
  });
  expect(plan.file).toBe('/opt/node/bin/node');
  expect(plan).toMatchObject({ takesFilter: false, saysStatus: false, hasTimeout: false });
});

test.each([
  ['permission', /--permission/],
  ['flags', /--wasm-max-mem-pages/],
  ['seccomp', /--seccomp/],
] as const)('the layer %s leaves by its own words alone', (layer, words) => {
  const line = lineOf({ layers: without(layer) });
  expect(line).not.toMatch(words);
  const left = [/--unshare-all/, /--permission/, /--wasm-max-mem-pages/, /--seccomp 3/];
  for (const word of left)
    if (word.source !== words.source && !words.test(word.source)) expect(line).toMatch(word);
});

test('an older bubblewrap is not told what it does not know', () => {
  const line = lineOf({ tools: { ...TOOLS, bwrapLocksUsers: false } });
  expect(line).toContain('--unshare-all --uid');
  expect(line).not.toContain('--disable-userns');
});

test('J3: a layer that lacks its tool is a fault, and no runner without it', () => {
  const lacks = (name: 'bwrap' | 'setpriv') => () =>
    launchPlan({ ...options, tools: { ...TOOLS, [name]: undefined } });
  expect(lacks('bwrap')).toThrow(/runner.unavailable: this system lacks bubblewrap/);
  expect(lacks('setpriv')).toThrow(/runner.unavailable: this system lacks setpriv/);
  expect(() => launchPlan({ ...options, layers: without('namespaces') })).toThrow(
    /system call filter/,
  );
});

test('runners with namespaces are nobody; without them each seat has a user of its own', () => {
  expect(identityOf(all, true, 3)).toEqual({ uid: 65_534, gid: 65_534 });
  const alone = without('namespaces', 'seccomp');
  const users = Array.from({ length: OWN_USERS }, (_, seat) => identityOf(alone, true, seat)?.uid);
  expect(new Set(users).size).toBe(OWN_USERS);
  expect(Math.min(...users.map(Number))).toBe(60_600);
  expect(Math.max(...users.map(Number))).toBeLessThan(61_184);
  expect(identityOf(all, false, 3)).toBeUndefined();
});
