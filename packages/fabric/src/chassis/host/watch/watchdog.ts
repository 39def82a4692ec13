/**
 * Holds one runner to its limits while it works: processor time, wall time, resident memory, share of a core. It looks
 * every 50 ms and whenever a limit could be reached earlier; while the runner is idle it has no timer.
 *
 * K2  What counts is the kernel's word, never the runner's (H3).
 * K3  A limit that was crossed is said once.
 */
import type { MonotonicClock, Timer } from './clock.ts';
import type { Meter } from './meter.ts';
import { openShare, runMs, settle, stillMs, type Share } from './share.ts';

/** Time between two looks, ms. Longer: more overshoot of processor time; shorter: more work for nothing. */
export const LOOK_MS = 50;
/** A turn that took this long ends with a look, ms: a look takes a hundredth of it. */
const LONG_RUN_MS = 4;
/** A timer is no finer, ms. */
const LOOK_MS_MIN = 1;

export interface WatchLimits {
  readonly cpuMsMax: number;
  readonly wallMsMax: number;
  readonly cpuPercentMax: number;
  /** Resident memory, bytes: the guest's and what node needs beside it. */
  readonly residentBytesMax: number;
}

/** What a turn of the runner took, as far as the platform tells. */
export interface Use {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly peakBytes: number;
}

export type Crossed = 'cpu' | 'wall' | 'memory';

/** Which limit is crossed, the gravest first. Pure. */
export const crossed = (
  use: { readonly cpuMs: number; readonly wallMs: number; readonly residentBytes: number },
  limits: WatchLimits,
): Crossed | undefined => {
  if (use.residentBytes > limits.residentBytesMax) return 'memory';
  if (use.cpuMs >= limits.cpuMsMax) return 'cpu';
  return use.wallMs >= limits.wallMsMax ? 'wall' : undefined;
};

export interface WatchdogOptions {
  readonly meter: Meter;
  readonly clock: MonotonicClock;
  /** SIGSTOP and SIGCONT. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  readonly onCrossed: (what: Crossed) => void;
}

interface Watch {
  readonly limits: WatchLimits;
  readonly startedAtMs: number;
  readonly cpuAtStartMs: number;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  #watch: Watch | undefined;
  #share: Share | undefined;
  #peakBytes = 0;
  /** The most that was seen: a process that is gone says nothing any more. */
  #seenCpuMs = 0;
  #sampledAtMs = Number.NEGATIVE_INFINITY;
  /** When the process, which stands still, goes on. */
  #stillUntilMs: number | undefined;
  #timer: Timer | undefined;
  #dueAtMs = Number.POSITIVE_INFINITY;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  begin(limits: WatchLimits): void {
    const { clock, meter } = this.#options;
    const startedAtMs = clock.nowMs();
    // An idle runner uses nothing. One that does without being asked pays for it with the next turn.
    const cpuAtStartMs = this.#share?.cpuMs ?? meter.cpuMs();
    this.#watch = { limits, startedAtMs, cpuAtStartMs };
    this.#shareOut(startedAtMs, cpuAtStartMs, limits.cpuPercentMax);
    this.#arm(startedAtMs, 0, 0);
  }

  /** Ends the watch; its timer, if one is set, finds nothing to do and sets no other. */
  end(): Use {
    const { clock, meter } = this.#options;
    const watch = this.#watch;
    if (watch === undefined) return { cpuMs: 0, wallMs: 0, peakBytes: this.#peakBytes };
    const nowMs = clock.nowMs();
    // A look costs four times as much as a call of a small function, so calls in quick succession share one. A run that
    // took longer has time for it, and may have grown since the last one.
    const isDue = nowMs - this.#sampledAtMs >= LOOK_MS || nowMs - watch.startedAtMs >= LONG_RUN_MS;
    const toldMs = isDue ? this.#look(nowMs).cpuMs : meter.cpuMs();
    const cpuMs = Math.max(toldMs, this.#seenCpuMs);
    this.#watch = undefined;
    if (this.#share !== undefined)
      this.#share = settle(this.#share, nowMs, cpuMs, watch.limits.cpuPercentMax);
    this.#thaw();
    return {
      cpuMs: Math.max(0, cpuMs - watch.cpuAtStartMs),
      wallMs: nowMs - watch.startedAtMs,
      peakBytes: this.#peakBytes,
    };
  }

  /** For good: the process is gone, or about to be. */
  close(): void {
    this.#watch = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #onTimer(): void {
    this.#timer = undefined;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    const watch = this.#watch;
    if (watch === undefined) return;
    const { limits, startedAtMs, cpuAtStartMs } = watch;
    const nowMs = this.#options.clock.nowMs();
    const { cpuMs, residentBytes } = this.#look(nowMs);
    const use = { cpuMs: cpuMs - cpuAtStartMs, wallMs: nowMs - startedAtMs, residentBytes };
    const what = crossed(use, limits);
    if (what !== undefined) {
      this.#options.onCrossed(what);
      return;
    }
    this.#shareOut(nowMs, cpuMs, limits.cpuPercentMax);
    this.#arm(nowMs, use.wallMs, use.cpuMs);
  }

  #look(nowMs: number): { readonly cpuMs: number; readonly residentBytes: number } {
    const sample = this.#options.meter.sample();
    this.#sampledAtMs = nowMs;
    this.#seenCpuMs = Math.max(this.#seenCpuMs, sample.cpuMs);
    this.#peakBytes = Math.max(this.#peakBytes, sample.peakBytes, sample.residentBytes);
    return sample;
  }

  #shareOut(nowMs: number, cpuMs: number, percent: number): void {
    const share =
      this.#share === undefined
        ? openShare(nowMs, cpuMs, percent)
        : settle(this.#share, nowMs, cpuMs, percent);
    this.#share = share;
    if (this.#stillUntilMs !== undefined && nowMs < this.#stillUntilMs) return;
    const still = percent >= 100 ? 0 : stillMs(share, percent);
    if (still === 0) {
      this.#thaw();
      return;
    }
    if (this.#stillUntilMs === undefined) this.#options.freeze();
    this.#stillUntilMs = nowMs + still;
  }

  #thaw(): void {
    if (this.#stillUntilMs === undefined) return;
    this.#stillUntilMs = undefined;
    this.#options.thaw();
  }

  #arm(nowMs: number, wallMs: number, cpuMs: number): void {
    const watch = this.#watch;
    if (watch === undefined || this.#share === undefined) return;
    const { wallMsMax, cpuMsMax, cpuPercentMax } = watch.limits;
    const still = this.#stillUntilMs;
    const next =
      still === undefined
        ? Math.min(cpuMsMax - cpuMs, runMs(this.#share, cpuPercentMax))
        : still - nowMs;
    const waitMs = Math.max(LOOK_MS_MIN, Math.min(LOOK_MS, wallMsMax - wallMs, next));
    // A timer that comes early enough stays: setting one a call would cost more than the call.
    if (nowMs + waitMs >= this.#dueAtMs) return;
    this.#timer?.cancel();
    this.#dueAtMs = nowMs + waitMs;
    this.#timer = this.#options.clock.after(Math.ceil(waitMs), () => this.#onTimer());
  }
}
