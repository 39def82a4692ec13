import { expect, test } from 'vitest';
import { addressLimit, lockWords, setLimits } from './rlimits.ts';

const MIB = 1024 * 1024;
const NO_TOOLS = {
  bwrap: undefined,
  setpriv: undefined,
  prlimit: undefined,
  timeout: undefined,
  ldd: undefined,
  mkfifo: undefined,
};

test('the address limit is what node holds, the guest’s memory and 192 MiB', () => {
  expect(addressLimit(1_000 * MIB, 256)).toBe((1_000 + 256 + 192) * MIB);
});

test('a locked runner gets no descriptor, process, file or core', () => {
  expect(lockWords(4096, { softS: 5, hardS: 6 })).toEqual([
    '--as=4096:4096',
    '--nofile=0:0',
    '--nproc=0:0',
    '--fsize=0:0',
    '--core=0:0',
    '--cpu=5:6',
  ]);
});

test('J4: without prlimit, or without the way to another user’s process, setting limits fails', async () => {
  const cpu = lockWords(4096, { softS: 5, hardS: 6 });
  await expect(
    setLimits({ pid: 1, identity: undefined, tools: NO_TOOLS }, cpu),
  ).rejects.toMatchObject({ code: 'runner.unavailable' });
  await expect(
    setLimits(
      { pid: 1, identity: { uid: 1, gid: 1 }, tools: { ...NO_TOOLS, prlimit: '/bin/true' } },
      cpu,
    ),
  ).rejects.toMatchObject({ code: 'runner.unavailable' });
});
