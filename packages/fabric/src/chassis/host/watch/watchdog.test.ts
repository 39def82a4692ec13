import { expect, test } from 'vitest';
import type { MonotonicClock } from './clock.ts';
import type { Meter } from './meter.ts';
import { SHARE_PERIOD_MS } from './share.ts';
import { crossed, LOOK_MS, Watchdog, type Crossed, type WatchLimits } from './watchdog.ts';

const LIMITS: WatchLimits = {
  cpuMsMax: 1_000,
  wallMsMax: 5_000,
  cpuPercentMax: 100,
  residentBytesMax: 1_000,
};

/** A process on one core, a clock and timers, all by hand. It runs whenever it is not stopped. */
class Bench implements MonotonicClock, Meter {
  #nowMs = 0;
  #cpuMs = 30;
  #timers: { atMs: number; callback: () => void }[] = [];
  isStopped = false;
  isBusy = false;
  residentBytes = 100;
  looks = 0;
  readonly signals: string[] = [];
  readonly crossed: Crossed[] = [];
  readonly watchdog = new Watchdog({
    meter: this,
    clock: this,
    freeze: () => {
      this.isStopped = true;
      this.signals.push('stop');
    },
    thaw: () => {
      this.isStopped = false;
      this.signals.push('go');
    },
    onCrossed: (what) => this.crossed.push(what),
  });

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, callback: () => void) {
    const timer = { atMs: this.#nowMs + ms, callback };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((it) => it !== timer)) };
  }

  get timers(): number {
    return this.#timers.length;
  }

  /** Lets time pass; timers go off late by `lateMs`. */
  pass(ms: number, lateMs = 0): void {
    const untilMs = this.#nowMs + ms;
    while (this.#nowMs < untilMs) {
      this.#nowMs += 1;
      if (this.isBusy && !this.isStopped) this.#cpuMs += 1;
      const due = this.#timers.filter(({ atMs }) => atMs + lateMs <= this.#nowMs);
      this.#timers = this.#timers.filter((it) => !due.includes(it));
      for (const { callback } of due) callback();
    }
  }

  cpuMs(): number {
    return this.#cpuMs;
  }

  sample() {
    this.looks += 1;
    return { cpuMs: this.#cpuMs, residentBytes: this.residentBytes, peakBytes: this.residentBytes };
  }

  isAlive(): boolean {
    return true;
  }

  addressBytes(): number {
    return 0;
  }

  close(): void {
    this.isBusy = false;
  }
}

const busy = (limits: Partial<WatchLimits> = {}): Bench => {
  const bench = new Bench();
  bench.isBusy = true;
  bench.watchdog.begin({ ...LIMITS, ...limits });
  return bench;
};

test('the gravest limit that is crossed is named, and none before its time', () => {
  const use = { cpuMs: 999, wallMs: 4_999, residentBytes: 1_000 };
  expect(crossed(use, LIMITS)).toBeUndefined();
  expect(crossed({ ...use, wallMs: 5_000 }, LIMITS)).toBe('wall');
  expect(crossed({ ...use, wallMs: 5_000, cpuMs: 1_000 }, LIMITS)).toBe('cpu');
  expect(crossed({ cpuMs: 1_000, wallMs: 5_000, residentBytes: 1_001 }, LIMITS)).toBe('memory');
});

test('K2: the processor’s clock is watched to the millisecond, from the start of the turn', () => {
  const bench = busy();
  bench.pass(999);
  expect(bench.crossed).toEqual([]);
  bench.pass(2);
  expect(bench.crossed).toEqual(['cpu']);
  // K3: it is said once, and nothing is looked at any more.
  bench.pass(1_000);
  expect(bench.crossed).toEqual(['cpu']);
});

test('case 6: a guest that waits at no processor time ends by the wall clock', () => {
  const bench = busy();
  bench.isBusy = false;
  bench.pass(4_999);
  expect(bench.crossed).toEqual([]);
  bench.pass(2);
  expect(bench.crossed).toEqual(['wall']);
});

test('resident memory is looked at every 50 ms', () => {
  const bench = busy();
  bench.pass(10);
  bench.residentBytes = 2_000;
  bench.pass(LOOK_MS);
  expect(bench.crossed).toEqual(['memory']);
  expect(bench.watchdog.end().peakBytes).toBe(2_000);
});

test('there is no timer while nothing is watched', () => {
  const bench = busy();
  bench.pass(10);
  const use = bench.watchdog.end();
  expect(use).toMatchObject({ cpuMs: 10, wallMs: 10 });
  bench.pass(LOOK_MS + 1);
  expect(bench.timers).toBe(0);
  expect(bench.looks).toBeLessThanOrEqual(2);
});

test('a turn of some milliseconds ends with a look: what it grew to is in its report', () => {
  const bench = new Bench();
  bench.watchdog.begin({ ...LIMITS, residentBytesMax: 10_000 });
  bench.watchdog.end();
  bench.watchdog.begin({ ...LIMITS, residentBytesMax: 10_000 });
  bench.residentBytes = 5_000;
  bench.pass(6);
  expect(bench.watchdog.end().peakBytes).toBe(5_000);
});

test('turns in quick succession share a timer and a look', () => {
  const bench = busy();
  for (let turn = 0; turn < 40; turn += 1) {
    bench.watchdog.end();
    bench.watchdog.begin(LIMITS);
    expect(bench.timers).toBe(1);
    bench.pass(1);
  }
  expect(bench.looks).toBeLessThanOrEqual(2);
});

test.each([10, 25, 50, 90])('K1: a share of %i per cent is held over two seconds', (percent) => {
  const bench = busy({ cpuPercentMax: percent, cpuMsMax: 10_000, wallMsMax: 60_000 });
  const before = bench.cpuMs();
  bench.pass(2_000);
  expect((bench.cpuMs() - before) / 20).toBeGreaterThan(percent - 2);
  expect((bench.cpuMs() - before) / 20).toBeLessThan(percent + 2);
  expect(bench.signals.length).toBeGreaterThan(2_000 / SHARE_PERIOD_MS);
});

test('K1: timers that come 40 ms late change the cycle, not the share', () => {
  const bench = busy({ cpuPercentMax: 25, cpuMsMax: 10_000, wallMsMax: 60_000 });
  const before = bench.cpuMs();
  bench.pass(10_000, 40);
  expect((bench.cpuMs() - before) / 100).toBeLessThan(27);
});

test('case 10: many short turns together get no more than the share', () => {
  const bench = new Bench();
  const before = bench.cpuMs();
  for (let turn = 0; turn < 500; turn += 1) {
    bench.isBusy = true;
    bench.watchdog.begin({ ...LIMITS, cpuPercentMax: 25 });
    // Each ends when it has had 4 ms of processor time, however long that takes.
    for (const until = bench.cpuMs() + 4; bench.cpuMs() < until;) bench.pass(1);
    bench.isBusy = false;
    bench.watchdog.end();
  }
  expect(bench.isStopped).toBe(false);
  expect((100 * (bench.cpuMs() - before)) / bench.nowMs()).toBeLessThan(27);
});

test('a process that stands still goes on when its turn ends', () => {
  const bench = busy({ cpuPercentMax: 25 });
  bench.pass(40);
  expect(bench.isStopped).toBe(true);
  bench.watchdog.end();
  expect(bench.isStopped).toBe(false);
});

test('processor time that an idle runner took is charged to its next turn', () => {
  const bench = busy();
  bench.pass(10);
  bench.watchdog.end();
  bench.pass(100);
  bench.watchdog.begin(LIMITS);
  expect(bench.watchdog.end().cpuMs).toBe(100);
});

test('closed, it watches nothing and has no timer', () => {
  const bench = busy();
  bench.watchdog.close();
  expect(bench.timers).toBe(0);
  expect(bench.watchdog.end()).toMatchObject({ cpuMs: 0, wallMs: 0 });
});
