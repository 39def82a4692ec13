/**
 * One runner as an operating system process: started through its chain, locked after READY, spoken to in frames, killed
 * for certain. It knows nothing of modules and runs.
 *
 * J5  After `kill` no frame is given out any more, and `gone` resolves when the process is.
 */
import type { ChildProcess } from 'node:child_process';
import type { Ready } from '../words.ts';
import { causeOfExit } from './watch/exit-cause.ts';
import type { RunCause } from '@infrafabric/protocol';
import type { FrameReader } from './pipe/frame-reader.ts';
import { noMeter, openMeter, type Meter } from './watch/meter.ts';
import type { Pipes } from './pipe/pipes.ts';

/** Bytes of standard error that are kept: V8's last words and a stack. */
const STDERR_BYTES_MAX = 8 * 1024;
/** Bytes of standard error after which a runner floods, and is killed. */
const STDERR_FLOOD_BYTES = 1024 * 1024;
/** SIGKILL takes milliseconds, freeing gigabytes of memory tens of them; after this long something is wrong, ms. */
const KILL_MS_MAX = 5_000;
const KILL_LOOK_MS = 2;
/** Reads of 64 KiB that empty any pipe: Linux allows none larger than 1 MiB without a privilege (pipe(7)). */
const DRAIN_READS_MAX = 16;

/** How a runner came to its end. */
export interface Ending {
  readonly cause: RunCause;
  readonly detail: string;
}

export interface ProcessListener {
  onFrame(type: number, payload: Uint8Array, isLast: boolean): void;
  onOversize(length: number, type: number | undefined): void;
  /** The process ended, or is being killed: said once. */
  onEnd(ending: Ending): void;
}

export interface ProcessParts {
  readonly child: ChildProcess;
  readonly pipes: Pipes;
  readonly reader: FrameReader;
  /** Monotonic, ms, when `timeout` would kill it. */
  readonly diesAtMs: number;
  readonly onGone: () => void;
}

export class RunnerProcess {
  readonly #child: ChildProcess;
  readonly #pipes: Pipes;
  readonly #reader: FrameReader;
  readonly diesAtMs: number;
  #listener: ProcessListener | undefined;
  #meter = noMeter;
  #leafPid: number | undefined;
  #ready: Ready | undefined;
  #ending: Ending | undefined;
  #stderr: Buffer = Buffer.alloc(0);
  #stderrBytes = 0;
  #status = '';
  #isBuried = false;
  readonly #gone = Promise.withResolvers<void>();
  readonly #exited = Promise.withResolvers<void>();

  constructor({ child, pipes, reader, diesAtMs, onGone }: ProcessParts) {
    this.#child = child;
    this.#pipes = pipes;
    this.#reader = reader;
    this.diesAtMs = diesAtMs;
    child.stderr?.on('data', (bytes: Buffer) => this.#hear(bytes));
    const status = child.stdio[4];
    if (status !== undefined && status !== null && 'read' in status)
      status.on('data', (bytes: Buffer) => {
        // Two short lines of bubblewrap's.
        if (this.#status.length < STDERR_BYTES_MAX) this.#status += bytes.toString('latin1');
      });
    child.on('error', (error) => {
      this.#end({ cause: 'unavailable', detail: error.message });
      this.#exited.resolve();
    });
    child.on('exit', (code, signal) => {
      this.#exited.resolve();
      this.#drain();
      // Standard error is read by the loop, in its next turn.
      setImmediate(() =>
        this.#end(causeOfExit({ code, signal }, this.stderr, performance.now() >= diesAtMs)),
      );
    });
    void this.#gone.promise.then(onGone);
  }

  /** Node's pid as this process sees it. Only after `adopt`. */
  get pid(): number {
    return this.#leafPid ?? this.spawnedPid;
  }

  get spawnedPid(): number {
    return this.#child.pid ?? 0;
  }

  /** What bubblewrap said of what it started. */
  get status(): string {
    return this.#status;
  }

  get ready(): Ready | undefined {
    return this.#ready;
  }

  get ending(): Ending | undefined {
    return this.#ending;
  }

  /** The last words of the process, as data. */
  get stderr(): string {
    return this.#stderr.toString('utf8');
  }

  get isWithinFrame(): boolean {
    return this.#reader.isWithinFrame;
  }

  /** Resolves when the process is gone and its descriptors are closed. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Whether it was seen to go. */
  get isBuried(): boolean {
    return this.#isBuried;
  }

  get meter(): Meter {
    return this.#meter;
  }

  /** Learns which process is node; limits, clocks and signals go there from now on. */
  adopt(leafPid: number, ready: Ready): void {
    this.#leafPid = leafPid;
    this.#ready = ready;
    this.#meter = openMeter(leafPid);
  }

  /** Replaces the listener. What comes while there is none is a frame that nobody asked for. */
  listen(listener: ProcessListener): void {
    this.#listener = listener;
  }

  onFrame(type: number, payload: Uint8Array, isLast: boolean): void {
    if (this.#ending !== undefined) return;
    if (this.#listener === undefined) this.#end({ cause: 'protocol', detail: 'an early frame' });
    else this.#listener.onFrame(type, payload, isLast);
  }

  onOversize(length: number, type: number | undefined): void {
    this.#listener?.onOversize(length, type);
    this.#end({ cause: 'protocol', detail: `a frame of ${length} bytes` });
  }

  send(frame: Uint8Array): void {
    if (this.#ending === undefined) this.#pipes.send(frame);
  }

  poll(): boolean {
    return this.#pipes.poll();
  }

  freeze(): void {
    this.#signalLeaf('SIGSTOP');
  }

  thaw(): void {
    this.#signalLeaf('SIGCONT');
  }

  /** Kills node and what it hangs on, at once. The first ending counts. */
  kill(ending: Ending): Promise<void> {
    this.#end(ending);
    return this.gone;
  }

  #end(ending: Ending): void {
    if (this.#ending !== undefined) return;
    this.#ending = ending;
    this.#reader.stop();
    // A stopped process dies of SIGKILL, too.
    this.#signalLeaf('SIGKILL');
    this.#child.kill('SIGKILL');
    this.#listener?.onEnd(ending);
    void this.#bury();
  }

  /** What it wrote last may still lie in its pipe, and there is no more than a pipe holds. */
  #drain(): void {
    for (let reads = 0; reads < DRAIN_READS_MAX && this.#ending === undefined; reads += 1)
      if (!this.#pipes.poll()) break;
  }

  async #bury(): Promise<void> {
    await this.#exited.promise;
    const giveUpAtMs = performance.now() + KILL_MS_MAX;
    // The chain is gone; node may take a few milliseconds more to give back its memory.
    while (this.#meter.isAlive() && performance.now() < giveUpAtMs) {
      this.#signalLeaf('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, KILL_LOOK_MS));
    }
    this.#isBuried = !this.#meter.isAlive();
    this.#pipes.close();
    this.#meter.close();
    for (const stream of this.#child.stdio) stream?.destroy();
    this.#gone.resolve();
  }

  /** Only while the very process is there: its number may have been given to another. */
  #signalLeaf(signal: NodeJS.Signals): void {
    const pid = this.#leafPid;
    if (pid === undefined || pid === this.spawnedPid) {
      // Our own child: its number is ours until its exit was seen.
      this.#child.kill(signal);
      return;
    }
    if (!this.#meter.isAlive()) return;
    try {
      process.kill(pid, signal);
    } catch {
      // Gone between the look and the signal, which is what the signal was for.
    }
  }

  #hear(bytes: Buffer): void {
    this.#stderrBytes += bytes.length;
    const room = STDERR_BYTES_MAX - this.#stderr.length;
    if (room > 0) this.#stderr = Buffer.concat([this.#stderr, bytes.subarray(0, room)]);
    if (this.#stderrBytes > STDERR_FLOOD_BYTES)
      this.#end({ cause: 'protocol', detail: 'a flood on standard error' });
  }
}
