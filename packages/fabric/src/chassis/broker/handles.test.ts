import { describe, expect, test } from 'vitest';

import { ManualClock } from '../../engine/clock.ts';
import { createHandles, type Death, type Holder } from './handles.ts';

const HOLDER: Holder = {
  runnerPid: 4_711,
  swarmId: 'swarm_a',
  sessionId: 'session_1',
  taskId: 'task_1',
};
const SECRET = { ref: 'vault://if/prod/sip#token', ttlMs: 300_000 };

const tableOf = () => {
  const clock = new ManualClock();
  const handles = createHandles(clock);
  return { clock, handles, handle: handles.issue(HOLDER, SECRET) };
};

test('K1: a handle is 256 bits that no two share, and the table does not hold it', () => {
  const { handles, handle } = tableOf();
  expect(handle).toMatch(/^[0-9a-f]{64}$/);
  expect(handles.issue(HOLDER, SECRET)).not.toBe(handle);
  expect(handles.check(handle, HOLDER)).toBeUndefined();
  expect(handles.check('0'.repeat(64), HOLDER)).toBe('credential.unknown');
  expect(handles.check('', HOLDER)).toBe('credential.unknown');
});

describe('case 65: a handle is good for whom it was issued, and for nobody else', () => {
  test.each([
    { runnerPid: 4_712 },
    { swarmId: 'swarm_b' },
    { sessionId: 'session_2' },
    { taskId: 'task_2' },
  ])('K2: %j', (other) => {
    const { handles, handle } = tableOf();
    expect(handles.check(handle, { ...HOLDER, ...other })).toBe('credential.unknown');
    expect(handles.check(handle, HOLDER)).toBeUndefined();
  });
});

describe('case 64: a handle dies at its time', () => {
  test('K3: at the instant, not after it', () => {
    const { clock, handles, handle } = tableOf();
    clock.advance(299_999);
    expect(handles.check(handle, HOLDER)).toBeUndefined();
    clock.advance(1);
    expect(handles.check(handle, HOLDER)).toBe('credential.expired');
  });

  test('K3: by the wall clock alone, where the machine slept', () => {
    const { clock, handles, handle } = tableOf();
    clock.stepWall(300_000);
    expect(handles.check(handle, HOLDER)).toBe('credential.expired');
  });

  test('K3: by the monotonic clock alone, where the wall clock was set back', () => {
    const { clock, handles, handle } = tableOf();
    clock.stepWall(-86_400_000);
    clock.advance(300_000);
    expect(handles.check(handle, HOLDER)).toBe('credential.expired');
  });

  test('K5: and stays dead when the clock goes back', () => {
    const { clock, handles, handle } = tableOf();
    clock.stepWall(300_000);
    expect(handles.check(handle, HOLDER)).toBe('credential.expired');
    clock.stepWall(-300_000);
    expect(handles.check(handle, HOLDER)).toBe('credential.expired');
    handles.revoke(SECRET.ref);
    expect(handles.check(handle, HOLDER)).toBe('credential.expired');
  });
});

describe('case 66: a handle dies before its time', () => {
  test('K4: by revocation of its reference, and of no other', () => {
    const { handles, handle } = tableOf();
    const other = handles.issue(HOLDER, { ref: 'vault://if/prod/other#token', ttlMs: 1_000 });
    handles.revoke(SECRET.ref);
    expect(handles.check(handle, HOLDER)).toBe('credential.revoked');
    expect(handles.check(other, HOLDER)).toBeUndefined();
    expect(handles.check(handles.issue(HOLDER, SECRET), HOLDER)).toBeUndefined();
  });

  test('K4: by a new version of the secret; the first one that is seen counts', () => {
    const { handles, handle } = tableOf();
    expect(handles.check(handle, HOLDER, 'v1')).toBeUndefined();
    expect(handles.check(handle, HOLDER, 'v1')).toBeUndefined();
    expect(handles.check(handle, HOLDER, 'v2')).toBe('credential.rotated');
    expect(handles.check(handle, HOLDER, 'v1')).toBe('credential.rotated');
    expect(handles.check(handle, HOLDER)).toBe('credential.rotated');
  });

  test('K4: by the end of its run, after which nothing is kept of it', () => {
    const { handles, handle } = tableOf();
    handles.end(handle);
    handles.end(handle);
    expect(handles.check(handle, HOLDER)).toBe('credential.unknown');
    expect(handles.size()).toBe(0);
  });
});

describe('who watches a handle hears of its death once', () => {
  const watching = () => {
    const table = tableOf();
    const deaths: Death[] = [];
    const stop = table.handles.watch(table.handle, (death) => deaths.push(death));
    return { ...table, deaths, stop };
  };

  test('when its time is over', () => {
    const { clock, deaths } = watching();
    clock.advance(299_999);
    expect(deaths).toEqual([]);
    clock.advance(1);
    clock.advance(10_000);
    expect(deaths).toEqual(['credential.expired']);
    expect(clock.timers).toBe(0);
  });

  test('within a tenth of a second of a jump of the wall clock', () => {
    const { clock, deaths } = watching();
    clock.stepWall(300_000);
    expect(deaths).toEqual([]);
    clock.advance(100);
    expect(deaths).toEqual(['credential.expired']);
  });

  test('at once when it is revoked, rotated or ended', () => {
    for (const [kill, death] of [
      [
        ({ handles }: ReturnType<typeof watching>) => handles.revoke(SECRET.ref),
        'credential.revoked',
      ],
      [
        ({ handles, handle }: ReturnType<typeof watching>) => handles.end(handle),
        'credential.unknown',
      ],
    ] as const) {
      const table = watching();
      kill(table);
      expect(table.deaths).toEqual([death]);
      expect(table.clock.timers).toBe(0);
    }
  });

  test('at once when it was dead before, or never was', () => {
    const { clock, handles, handle } = tableOf();
    clock.freeze(300_000);
    const deaths: Death[] = [];
    handles.watch(handle, (death) => deaths.push(death));
    handles.watch(handle, (death) => deaths.push(death));
    handles.watch('nobody', (death) => deaths.push(death))();
    expect(deaths).toEqual(['credential.expired', 'credential.expired', 'credential.unknown']);
    expect(clock.timers).toBe(0);
  });

  test('not at all once it has stopped watching', () => {
    const { clock, handles, deaths, stop } = watching();
    stop();
    handles.revoke(SECRET.ref);
    clock.advance(300_000);
    expect(deaths).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});
