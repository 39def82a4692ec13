/** What Linux writes of a process, as it was written on a machine, and what is read from it. */
import { expect, test } from 'vitest';
import { causeOfExit } from './watch/exit-cause.ts';
import { isLocked, readStatus } from './kernel-view.ts';
import {
  mainThreadMs,
  noMeter,
  openMeter,
  allThreadsMs,
  stateOf,
  statusBytes,
} from './watch/meter.ts';

const STATUS = `Name:	node
Umask:	0022
State:	S (sleeping)
Uid:	65534	65534	65534	65534
VmSize:	 1184776 kB
VmHWM:	   46444 kB
VmRSS:	   46400 kB
CapInh:	0000000000000000
CapEff:	0000000000000000
NoNewPrivs:	1
Seccomp:	2
Seccomp_filters:	1
`;

const LIMITS = `Limit                     Soft Limit           Hard Limit           Units     
Max cpu time              7                    7200                 seconds   
Max file size             0                    0                    bytes     
Max core file size        0                    0                    bytes     
Max processes             0                    0                    processes 
Max open files            0                    0                    files     
Max address space         1682653184           1682653184           bytes     
`;

test('the status of a locked runner', () => {
  expect(readStatus(STATUS)).toEqual({
    uid: 65_534,
    capabilities: '0000000000000000',
    hasNoNewPrivileges: true,
    hasFilter: true,
  });
  expect(readStatus('')).toEqual({
    uid: -1,
    capabilities: '',
    hasNoNewPrivileges: false,
    hasFilter: false,
  });
  expect(readStatus(STATUS.replace('Seccomp:	2', 'Seccomp:	0')).hasFilter).toBe(false);
});

test('limits hold when nothing can come to be and everything ends', () => {
  expect(isLocked(LIMITS)).toBe(true);
  expect(isLocked('')).toBe(false);
  for (const [what, instead] of [
    [/(Max open files +)0 /, '$11 '],
    [/(Max processes +0 +)0 /, '$1unlimited '],
    [/(Max address space +\d+ +)\d+ /, '$1unlimited '],
    [/(Max cpu time +7 +)7200 /, '$1unlimited '],
  ] as const) {
    const changed = LIMITS.replace(what, instead);
    expect(changed).not.toBe(LIMITS);
    expect(isLocked(changed)).toBe(false);
  }
});

test('sizes are bytes, and 0 where nothing is said', () => {
  expect(statusBytes(STATUS, 'VmSize')).toBe(1_184_776 * 1024);
  expect(statusBytes(STATUS, 'VmRSS')).toBe(46_400 * 1024);
  expect(statusBytes(STATUS, 'VmHWM')).toBe(46_444 * 1024);
  expect(statusBytes('', 'VmRSS')).toBe(0);
});

test('processor time is read behind a name that may hold anything', () => {
  const stat = `4711 (no) de (x) S 1 1 1 0 -1 4194304 10 0 0 0 12 34 5 6 20 0 1 0 100 1 2`;
  expect(allThreadsMs(stat)).toBe(460);
  expect(stateOf(stat)).toBe('S');
  expect(allThreadsMs('')).toBe(0);
  expect(mainThreadMs('29551234 123 45\n')).toBeCloseTo(29.551234);
  expect(mainThreadMs('')).toBe(0);
});

test('a meter of this process counts, and of none counts nothing', () => {
  const meter = openMeter(process.pid);
  expect(meter.isAlive()).toBe(true);
  expect(meter.addressBytes()).toBeGreaterThan(1e7);
  const before = meter.cpuMs();
  for (const until = performance.now() + 20; performance.now() < until;);
  const sample = meter.sample();
  expect(sample.cpuMs).toBeGreaterThan(before);
  expect(sample.peakBytes).toBeGreaterThanOrEqual(sample.residentBytes);
  meter.close();
  // Closed, it reads none of the files that get its numbers next.
  expect(meter.isAlive()).toBe(false);
  meter.close();
  // Beyond what Linux numbers.
  const nobody = openMeter(4_194_305);
  expect(nobody.isAlive()).toBe(false);
  expect(nobody.sample()).toEqual(noMeter.sample());
  expect([noMeter.isAlive(), noMeter.cpuMs(), noMeter.addressBytes()]).toEqual([false, 0, 0]);
  nobody.close();
  noMeter.close();
});

test.each([
  [{ code: 152, signal: null }, '', false, 'cpu'],
  [{ code: null, signal: 'SIGXCPU' }, '', true, 'cpu'],
  [{ code: 137, signal: null }, '', true, 'wall'],
  [{ code: 137, signal: null }, '', false, 'crashed'],
  [
    { code: 134, signal: null },
    'FATAL ERROR: Reached heap limit Allocation failed',
    false,
    'memory',
  ],
  [{ code: null, signal: 'SIGABRT' }, 'std::bad_alloc, Cannot allocate memory', false, 'memory'],
  [{ code: 0, signal: null }, '', false, 'crashed'],
  [{ code: null, signal: null }, '', false, 'crashed'],
] as const)(
  'an end of %j is told by the kernel’s words first',
  (exit, stderr, isLifeOver, cause) => {
    expect(causeOfExit(exit, stderr, isLifeOver).cause).toBe(cause);
  },
);
