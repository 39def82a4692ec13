import { IsolationLayer } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import type { ProbeAttempt } from '../words.ts';
import { candidates } from './attain.ts';
import { judge, missingOf, type KernelView, type Lacking, type Observed } from './levels.ts';

const NAMES: readonly ProbeAttempt['name'][] = [
  'read',
  'write',
  'exec',
  'socket',
  'signal',
  'allocate',
  'proc',
  'worker',
];
const attempts = (...allowed: readonly string[]): readonly ProbeAttempt[] =>
  NAMES.map((name) => ({
    name,
    outcome: allowed.includes(name) ? 'allowed' : 'denied',
    detail: '',
  }));
const tried = (...off: readonly IsolationLayer[]): ReadonlySet<IsolationLayer> =>
  new Set(IsolationLayer.options.filter((layer) => !off.includes(layer)));

const LOCKED: KernelView = {
  uid: 65_534,
  capabilities: '0000000000000000',
  hasNoNewPrivileges: true,
  hasFilter: true,
  hasOwnPids: true,
  hasOwnNetwork: true,
  isLimited: true,
};
/** As a runner without bubblewrap is seen, with a user of its own. */
const ALONE: KernelView = {
  ...LOCKED,
  uid: 60_601,
  hasFilter: false,
  hasOwnPids: false,
  hasOwnNetwork: false,
};
const seen = (changed: Partial<Observed> = {}): Observed => ({
  tried: tried(),
  attempts: attempts(),
  kernel: LOCKED,
  wasKilled: true,
  hostUid: 0,
  ...changed,
});
const levelOf = (changed: Partial<Observed>): number => judge(seen(changed)).level;

test('level 3 is everything: all layers, all attempts denied, no capability', () => {
  expect(judge(seen())).toEqual({
    level: 3,
    layers: expect.arrayContaining([...IsolationLayer.options]),
  });
});

test('what is merely installed does not count: without its effect a layer is not there', () => {
  expect(levelOf({ kernel: { ...LOCKED, hasFilter: false } })).toBe(2);
  expect(levelOf({ kernel: { ...LOCKED, hasOwnNetwork: false } })).toBe(2);
  expect(levelOf({ kernel: { ...LOCKED, isLimited: false } })).toBe(1);
  expect(levelOf({ kernel: { ...LOCKED, capabilities: '0000000000000400' } })).toBe(1);
});

test.each(NAMES.filter((name) => name !== 'signal'))('a runner that may %s is level 1', (name) => {
  expect(levelOf({ attempts: attempts(name) })).toBe(1);
});

test('an attempt that was not made was not denied', () => {
  expect(levelOf({ attempts: attempts().slice(1) })).toBe(1);
  expect(levelOf({ attempts: [] })).toBe(1);
});

test('no bubblewrap, or no user namespaces: level 2 for a host that is root', () => {
  const without = { tried: tried('namespaces', 'seccomp'), kernel: ALONE };
  expect(levelOf(without)).toBe(2);
  // Whatever the runner says of signals: it is another user.
  expect(levelOf({ ...without, attempts: attempts('signal') })).toBe(1);
});

test('no namespaces and the host’s own user: a guest could signal the host, so it is level 1', () => {
  expect(levelOf({ tried: tried('namespaces', 'seccomp'), kernel: ALONE, hostUid: 60_601 })).toBe(
    1,
  );
});

test('an architecture without a filter: level 2, with namespaces', () => {
  const report = judge(seen({ tried: tried('seccomp'), kernel: { ...LOCKED, hasFilter: false } }));
  expect(report.level).toBe(2);
  expect(report.layers).toContain('namespaces');
});

test('signals within an own pid namespace reach nobody', () => {
  expect(levelOf({ attempts: attempts('signal') })).toBe(3);
});

test('macOS and Windows: a process that can be killed is level 1, one that cannot is 0', () => {
  const there = {
    tried: tried('namespaces', 'seccomp', 'rlimits'),
    kernel: undefined,
    hostUid: 501,
  };
  expect(levelOf(there)).toBe(1);
  expect(levelOf({ ...there, attempts: attempts('read', 'socket') })).toBe(1);
  expect(levelOf({ ...there, wasKilled: false })).toBe(0);
});

const lacking: Lacking = {
  level: 2,
  layers: ['process', 'admission', 'flags', 'permission', 'rlimits', 'kill'],
  platform: 'linux',
  arch: 'x64',
  isRoot: true,
  hasBubblewrap: true,
  hasFilter: true,
  failure: undefined,
};
const remedies = (changed: Partial<Lacking>): string =>
  missingOf({ ...lacking, ...changed })
    .map(({ layer, why, remedy }) => `${layer}: ${why}: ${remedy}`)
    .join('\n');

test('level 3 lacks nothing', () => {
  expect(missingOf({ ...lacking, level: 3 })).toEqual([]);
});

test('what is missing is named with the command that adds it', () => {
  expect(remedies({ hasBubblewrap: false })).toMatch(/apt-get install bubblewrap/);
  expect(remedies({ failure: 'setting up uid map: Permission denied' })).toMatch(
    /Permission denied.*apparmor_restrict_unprivileged_userns/s,
  );
  expect(
    remedies({ arch: 'arm64', hasFilter: false, layers: [...lacking.layers, 'namespaces'] }),
  ).toBe('seccomp: there is no table of system calls for arm64: attach a runner host on x86-64');
  expect(remedies({ level: 1, isRoot: false })).toMatch(/start the runner host as root/);
  expect(remedies({ level: 1, layers: ['process', 'kill'] })).toMatch(
    /permission.*22\.13.*flags.*rlimits.*util-linux/s,
  );
  expect(remedies({ level: 1, platform: 'darwin' })).toMatch(
    /^namespaces: .*attach a runner host on Linux/,
  );
});

test('sets of layers are tried from the most to the fewest', () => {
  const names = (sets: ReturnType<typeof candidates>): readonly string[] =>
    sets.map((set) => IsolationLayer.options.filter((layer) => !set.has(layer)).join(' '));
  expect(names(candidates('linux', 'x64', true, []))).toEqual([
    '',
    'namespaces seccomp',
    'namespaces seccomp rlimits',
  ]);
  expect(names(candidates('linux', 'arm64', true, []))).toEqual([
    'seccomp',
    'namespaces seccomp',
    'namespaces seccomp rlimits',
  ]);
  expect(names(candidates('linux', 'x64', false, []))[0]).toBe('namespaces seccomp');
  expect(names(candidates('darwin', 'arm64', false, []))).toEqual(['namespaces seccomp rlimits']);
  // What a test leaves out is left out, and nothing less is tried.
  expect(names(candidates('linux', 'x64', true, ['permission']))).toEqual(['permission']);
  expect(names(candidates('linux', 'x64', true, ['namespaces']))).toEqual(['namespaces seccomp']);
});
