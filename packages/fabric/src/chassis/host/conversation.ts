/**
 * One runner and what is said with it: a turn at a time, under a watchdog. A turn is a question with its answer, or a
 * run with what happens in it.
 *
 * F2  A frame that nobody asked for ends the runner. So do bytes behind the answer that ends a turn.
 * K5  What ended a runner first is what is told of it, however much follows.
 */
import type { MonotonicClock } from './watch/clock.ts';
import type { Ending, RunnerProcess } from './runner-process.ts';
import { spin } from './pipe/spin.ts';
import { Watchdog, type Crossed, type Use, type WatchLimits } from './watch/watchdog.ts';

/** A runner that last answered sooner is worth waiting for without the event loop, ms. */
const QUICK_MS_MAX = 0.2;

/** What a turn makes of a frame: not yet at its end, at its end, or against the rules. */
export type Taken = 'more' | 'end' | 'violation';

export interface Turn {
  /** The payload is a view that is good until it returns. */
  take(type: number, payload: Uint8Array): Taken;
  /** A frame that is too long to be read; what its type was, where that came. */
  oversize(type: number | undefined): Ending;
  /** The runner is being killed, in this very step; `settle` follows once it is gone. */
  cut?(ending: Ending): void;
  /** The last word on the turn. Without an ending the runner lives on. */
  settle(use: Use, ending: Ending | undefined): void;
}

const CROSSED: Readonly<Record<Crossed, string>> = {
  cpu: 'the limit of processor time',
  wall: 'the limit of time',
  memory: 'the limit of resident memory',
};

export class Conversation {
  readonly #process: RunnerProcess;
  readonly #watchdog: Watchdog;
  #turn: Turn | undefined;
  /** When the runner was last told something, ms. */
  #toldAtMs = 0;
  #isQuick = false;
  /** The turn waits for the host, not for the runner. */
  #isHostsTurn = false;

  constructor(process: RunnerProcess, clock: MonotonicClock) {
    this.#process = process;
    this.#watchdog = new Watchdog({
      meter: process.meter,
      clock,
      freeze: () => process.freeze(),
      thaw: () => process.thaw(),
      onCrossed: (what) => this.#cross(what),
    });
    process.listen({
      onFrame: (type, payload, isLast) => this.#onFrame(type, payload, isLast),
      onOversize: (length, type) => this.#onOversize(length, type),
      onEnd: (ending) => this.#onEnd(ending),
    });
    if (process.ending !== undefined) this.#onEnd(process.ending);
  }

  get ending(): Ending | undefined {
    return this.#process.ending;
  }

  get isBusy(): boolean {
    return this.#turn !== undefined;
  }

  /** Begins a turn. The runner lives, and no other turn is under way: whoever asks has looked. */
  begin(turn: Turn, frame: Uint8Array, limits: WatchLimits): void {
    this.#turn = turn;
    this.#isHostsTurn = false;
    this.#watchdog.begin(limits);
    this.#process.send(frame);
    this.#await();
  }

  /** The answer to a question of the runner within the turn. */
  reply(frame: Uint8Array): void {
    if (this.#turn === undefined) return;
    this.#isHostsTurn = false;
    this.#process.send(frame);
    this.#await();
  }

  /** The runner waits for the host now: nothing it says is asked for. */
  waitForHost(): void {
    this.#isHostsTurn = true;
    this.#heard();
  }

  /** Resolves when the process is gone. */
  kill(ending: Ending): Promise<void> {
    return this.#process.kill(ending);
  }

  #heard(): void {
    this.#isQuick = performance.now() - this.#toldAtMs < QUICK_MS_MAX;
  }

  /** Answers of small calls come before the loop would have turned. */
  #await(): void {
    this.#toldAtMs = performance.now();
    if (!this.#isQuick) return;
    const turn = this.#turn;
    this.#isQuick = spin(
      () => this.#process.poll(),
      () => this.#turn !== turn || this.#isHostsTurn,
    );
  }

  #onFrame(type: number, payload: Uint8Array, isLast: boolean): void {
    const turn = this.#turn;
    if (turn === undefined || this.#isHostsTurn) {
      this.#break('a frame that nobody asked for');
      return;
    }
    const taken = turn.take(type, payload);
    // A listener within may have killed it.
    if (this.#turn !== turn) return;
    if (taken === 'violation') this.#break(`a frame of type ${type} against the rules`);
    else if (taken === 'end') this.#endTurn(turn, isLast);
  }

  #endTurn(turn: Turn, isLast: boolean): void {
    if (!isLast) {
      this.#break('bytes behind an answer');
      return;
    }
    this.#turn = undefined;
    this.#heard();
    turn.settle(this.#watchdog.end(), undefined);
  }

  #onOversize(length: number, type: number | undefined): void {
    void this.kill(
      this.#turn?.oversize(type) ?? { cause: 'protocol', detail: `a frame of ${length} bytes` },
    );
  }

  #cross(what: Crossed): void {
    // Half a frame and then silence is no slow module.
    if (what === 'wall' && this.#process.isWithinFrame) this.#break('half a frame, then silence');
    else void this.kill({ cause: what, detail: CROSSED[what] });
  }

  #break(detail: string): void {
    void this.kill({ cause: 'protocol', detail });
  }

  #onEnd(ending: Ending): void {
    const turn = this.#turn;
    this.#turn = undefined;
    const use = this.#watchdog.end();
    this.#watchdog.close();
    turn?.cut?.(ending);
    if (turn !== undefined) void this.#process.gone.then(() => turn.settle(use, ending));
  }
}
