import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { OWN_USERS } from '../jail/launch.ts';
import { freeSeat, takeSeat, usersAtWork } from './seats.ts';

test('no seat is given twice, none that is in use elsewhere, and none at all where all are', () => {
  const seats = Array.from({ length: OWN_USERS - 1 }, () => takeSeat((seat) => seat === 7));
  expect(new Set(seats).size).toBe(OWN_USERS - 1);
  expect(seats).not.toContain(7);
  expect(seats).not.toContain(undefined);
  expect(takeSeat((seat) => seat === 7)).toBeUndefined();
  freeSeat(9);
  expect(takeSeat()).not.toBeUndefined();
  expect(takeSeat()).not.toBeUndefined();
  expect(takeSeat()).toBeUndefined();
  for (let seat = 0; seat < OWN_USERS; seat += 1) freeSeat(seat);
});

// Root alone starts a process of another user, and /proc tells of it.
test.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
  'a user of another process is at work',
  async () => {
    const user = 61_180;
    expect((await usersAtWork()).has(user)).toBe(false);
    const other = spawn('/bin/sleep', ['30'], { uid: user, gid: user });
    await once(other, 'spawn');
    expect((await usersAtWork()).has(user)).toBe(true);
    other.kill('SIGKILL');
    await once(other, 'exit');
    expect((await usersAtWork()).has(user)).toBe(false);
  },
);
