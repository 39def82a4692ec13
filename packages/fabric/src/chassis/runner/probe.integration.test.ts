import { expect, test } from 'vitest';
import { probe } from './probe.ts';

/** No process has it: above the most that Linux gives out (PID_MAX_LIMIT, 2^22). */
const NOBODY = 2 ** 22 + 1;

test('a process without layers is allowed everything, and every way is named', async () => {
  const attempts = await probe(process.pid);
  expect(attempts.map(({ name }) => name)).toStrictEqual([
    'read',
    'write',
    'exec',
    'socket',
    'signal',
    'allocate',
    'proc',
    'worker',
  ]);
  expect(attempts.filter(({ outcome }) => outcome === 'denied')).toStrictEqual([]);
  const details = Object.fromEntries(attempts.map(({ name, detail }) => [name, detail]));
  expect(details['exec']).toBe('exit 0');
  expect(details['socket']).toBe('tcp bound, unix bound, udp bound');
  expect(details['signal']).toBe(`pid ${process.pid}`);
  expect(details['worker']).toBe('ran');
});

test('what is denied is told with its code', async () => {
  const attempts = await probe(NOBODY);
  const signal = attempts.find(({ name }) => name === 'signal');
  expect(signal).toStrictEqual({ name: 'signal', outcome: 'denied', detail: 'ESRCH' });
  const proc = attempts.find(({ name }) => name === 'proc');
  expect(proc?.detail).toContain(`/proc/${NOBODY}/environ ENOENT`);
});

test('without the pid of the host the parent is tried', async () => {
  const signal = (await probe(undefined)).find(({ name }) => name === 'signal');
  expect(signal).toMatchObject({ outcome: 'allowed', detail: `pid ${process.ppid}` });
});
