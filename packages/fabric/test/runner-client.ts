/** A runner's process without a jail, and the host's side of its pipe as tests need it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  FROM_RUNNER,
  TO_RUNNER,
  encodeFrame,
  withHeader,
  type Frame,
} from '../src/chassis/frame.ts';
import type { Loaded, LoadHeader, ProbeAttempt, Ready } from '../src/chassis/words.ts';
import { loadHeader } from './memory-channel.ts';

/** What a runner is started with in the jail, without the layers that need one. */
export const RUNNER_FLAGS: readonly string[] = [
  '--wasm-max-mem-pages=4096',
  '--wasm-max-table-size=100000',
  '--max-old-space-size=64',
  '--stack-size=512',
  '--disable-wasm-trap-handler',
  '--v8-pool-size=0',
  '--disallow-code-generation-from-strings',
  '--disable-proto=delete',
  '--no-addons',
];

export interface CallResult {
  readonly status: number;
  readonly fuel: number;
  readonly text: string;
}

export class RunnerClient {
  readonly child: ChildProcess;
  readonly logs: string[] = [];
  /** Answers host calls, by function. */
  answer: (fn: number, request: string) => string = () => '{}';
  #pending: Buffer = Buffer.alloc(0);
  readonly #frames: Frame[] = [];
  #wake: (() => void) | undefined;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (chunk: Buffer) => this.#take(chunk));
    child.once('close', () => this.#wake?.());
    // Writing to a runner that is gone is what some tests are about.
    child.stdin?.on('error', () => undefined);
  }

  static async start(
    node: string,
    runner: string,
    flags: readonly string[] = RUNNER_FLAGS,
  ): Promise<{ readonly client: RunnerClient; readonly ready: Ready }> {
    const child = spawn(node, [...flags, runner], { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
    const client = new RunnerClient(child);
    return { client, ready: await client.json<Ready>(FROM_RUNNER.ready) };
  }

  write(type: number, ...parts: readonly Uint8Array[]): void {
    this.child.stdin?.write(encodeFrame(type, ...parts));
  }

  /** The next frame; undefined when the runner is gone. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.child.exitCode !== null || this.child.signalCode !== null) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async json<T>(type: number): Promise<T> {
    const frame = await this.next();
    if (frame?.type !== type) throw new Error(`expected ${type}, got ${frame?.type ?? 'the end'}`);
    const value: T = JSON.parse(Buffer.from(frame.payload).toString());
    return value;
  }

  async load(bytes: Uint8Array, named: Partial<LoadHeader> = {}): Promise<Loaded> {
    this.write(TO_RUNNER.load, withHeader(loadHeader(bytes, named), bytes));
    return this.json(FROM_RUNNER.loaded);
  }

  async engine(bytes: Uint8Array): Promise<Loaded> {
    this.write(TO_RUNNER.engine, bytes);
    return this.json(FROM_RUNNER.loaded);
  }

  async probe(pid: number): Promise<readonly ProbeAttempt[]> {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(pid);
    this.write(TO_RUNNER.probe, bytes);
    const { attempts } = await this.json<{ readonly attempts: readonly ProbeAttempt[] }>(
      FROM_RUNNER.probed,
    );
    return attempts;
  }

  async call(entrypoint: string, input: string | Uint8Array = ''): Promise<CallResult> {
    const name = Buffer.from(entrypoint);
    this.write(TO_RUNNER.call, Buffer.from([name.length, 0]), name, Buffer.from(input));
    for (;;) {
      const frame = await this.next();
      if (frame === undefined) throw new Error('the runner is gone');
      const { type, payload } = frame;
      const text = (from: number): string => Buffer.from(payload.subarray(from)).toString();
      if (type === FROM_RUNNER.log) this.logs.push(text(1));
      else if (type === FROM_RUNNER.hostCall)
        this.write(
          TO_RUNNER.reply,
          Buffer.from([0]),
          Buffer.from(this.answer(payload[0] ?? 0, text(1))),
        );
      else if (type === FROM_RUNNER.result)
        return {
          status: payload[0] ?? -1,
          fuel: new DataView(payload.buffer, payload.byteOffset).getFloat64(1, true),
          text: text(9),
        };
      else throw new Error(`a frame of type ${type}`);
    }
  }

  /** Closes the pipe; the exit code. */
  async close(): Promise<number | null> {
    this.child.stdin?.end();
    if (this.child.exitCode === null && this.child.signalCode === null)
      await once(this.child, 'close');
    return this.child.exitCode;
  }

  #take(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 5) {
      const end = 4 + this.#pending.readUInt32LE(0);
      if (this.#pending.length < end) break;
      this.#frames.push({ type: this.#pending[4] ?? 0, payload: this.#pending.subarray(5, end) });
      this.#pending = this.#pending.subarray(end);
    }
    this.#wake?.();
  }
}
