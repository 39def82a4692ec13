import { expect, test, vi } from 'vitest';
import type { Blank } from './boot.ts';
import { Pool, type PoolOptions } from './pool.ts';
import type { Ending, ProcessListener } from './runner-process.ts';

/** Runners without processes: born at once, or when the test says so. */
const booting = (options: Partial<PoolOptions> = {}) => {
  const born: {
    memoryMib: number;
    kill: (ending?: Ending) => Promise<void>;
    listener: ProcessListener | undefined;
    isGone: boolean;
  }[] = [];
  let failures = 0;
  const boot = async (memoryMib: number): Promise<Blank> => {
    if (failures > 0) {
      failures -= 1;
      throw new Error('no runner');
    }
    const gone = Promise.withResolvers<void>();
    let ending: Ending | undefined;
    const entry = {
      memoryMib,
      isGone: false,
      listener: undefined as ProcessListener | undefined,
      kill: async (why: Ending = { cause: 'crashed', detail: '' }) => {
        if (ending === undefined) {
          ending = why;
          entry.isGone = true;
          entry.listener?.onEnd(why);
          gone.resolve();
        }
        await gone.promise;
      },
    };
    born.push(entry);
    const process = {
      get ending() {
        return ending;
      },
      gone: gone.promise,
      kill: entry.kill,
      listen: (listener: ProcessListener) => {
        entry.listener = listener;
      },
    } as unknown as Blank['process'];
    return {
      process,
      memoryMib,
      residentBytes: 0,
      cpu: { softS: 1, hardS: 2 },
      bootedAtMs: performance.now(),
      limitCpu: async () => undefined,
    };
  };
  const pool = new Pool({ boot, memoryMib: 256, blankRunners: 2, runnersMax: 4, ...options });
  return { pool, born, fail: (times: number) => (failures = times) };
};
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

test('two runners wait, one that is taken is replaced, and none is given twice', async () => {
  const { pool, born } = booting();
  await settled();
  expect(pool.ready).toBe(2);
  const taken = new Set([await pool.take(256), await pool.take(256)]);
  expect(taken.size).toBe(2);
  await settled();
  expect(pool.ready).toBe(2);
  expect(born.length).toBe(4);
  await pool.close();
});

test('a runner of another size is booted when it is asked for', async () => {
  const { pool, born } = booting();
  await settled();
  expect((await pool.take(512)).memoryMib).toBe(512);
  expect(born.filter(({ memoryMib }) => memoryMib === 512).length).toBe(1);
  await pool.close();
});

test('K8: at the limit a blank runner makes room, and then a caller waits for one that ends', async () => {
  const { pool, born } = booting({ runnersMax: 2 });
  await settled();
  const one = await pool.take(512);
  await pool.take(512);
  expect(born.filter(({ isGone }) => !isGone).length).toBe(2);
  let isGiven = false;
  const waiting = pool.take(256).then((blank) => {
    isGiven = true;
    return blank;
  });
  await settled();
  expect(isGiven).toBe(false);
  await one.process.kill({ cause: 'revoked', detail: '' });
  expect((await waiting).memoryMib).toBe(256);
  expect(pool.alive).toBe(2);
  await pool.close();
});

test('K8: callers wait in a line of bounded length', async () => {
  const { pool } = booting({ runnersMax: 1, blankRunners: 0 });
  await pool.take(256);
  const line = Array.from({ length: 64 }, () => pool.take(256).catch((cause: unknown) => cause));
  await expect(pool.take(256)).rejects.toMatchObject({
    code: 'runner.unavailable',
    transient: true,
  });
  await pool.close();
  for (const end of await Promise.all(line))
    expect(end).toMatchObject({ code: 'runner.unavailable' });
});

test('a blank runner that ends, or says anything, is not given out', async () => {
  const { pool, born } = booting();
  await settled();
  const [one, other] = born;
  await one?.kill();
  other?.listener?.onFrame(0x83, new Uint8Array(), true);
  const taken = await pool.take(256);
  expect([one?.isGone, other?.isGone]).toEqual([true, true]);
  expect(taken.process.ending).toBeUndefined();
  await pool.close();
});

test('a boot that fails is told to whoever asked, and the next one may succeed', async () => {
  const { pool, fail } = booting({ blankRunners: 0 });
  fail(1);
  await expect(pool.take(256)).rejects.toThrow('no runner');
  expect(pool.alive).toBe(0);
  await expect(pool.take(256)).resolves.toBeDefined();
  await pool.close();
});

test('closed, it has no runner and gives none', async () => {
  const { pool, born } = booting();
  await settled();
  const taken = await pool.take(256);
  await pool.close();
  expect(born.every(({ isGone }) => isGone)).toBe(true);
  expect(taken.process.ending).toBeDefined();
  await expect(pool.take(256)).rejects.toMatchObject({ code: 'runner.unavailable' });
});

test('a runner that waited for ten minutes is replaced', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'setImmediate'] });
  try {
    const { pool, born } = booting({ blankRunners: 1 });
    await vi.advanceTimersByTimeAsync(100);
    expect(pool.ready).toBe(1);
    await vi.advanceTimersByTimeAsync(600_100);
    expect(born.map(({ isGone }) => isGone)).toEqual([true, false]);
    expect(pool.ready).toBe(1);
    await pool.close();
  } finally {
    vi.useRealTimers();
  }
});
