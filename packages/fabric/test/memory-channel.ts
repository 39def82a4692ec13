/** A pipe to a runner within one process: what the host would say is queued, what the runner says is kept. */
import { createHash } from 'node:crypto';
import type { Channel } from '../src/chassis/runner/channel.ts';
import { FROM_RUNNER, REPLY_STATUS, TO_RUNNER, type Frame } from '../src/chassis/frame.ts';
import type { LoadHeader } from '../src/chassis/words.ts';

export class MemoryChannel implements Channel {
  readonly sent: Frame[] = [];
  /** What comes in next; a reply where there is none, once a host call was made. */
  readonly incoming: Frame[] = [];
  /** Answers host calls: the payload, or a refusal. */
  answer: (fn: number, request: string) => Frame | string = () => '{}';
  #awaited: Frame | undefined;

  receive(): Frame | undefined {
    const reply = this.#awaited;
    this.#awaited = undefined;
    return reply ?? this.incoming.shift();
  }

  send(type: number, ...parts: readonly Uint8Array[]): void {
    const payload = new Uint8Array(Buffer.concat(parts));
    this.sent.push({ type, payload });
    if (type !== FROM_RUNNER.hostCall) return;
    const reply = this.answer(payload[0] ?? 0, Buffer.from(payload.subarray(1)).toString());
    this.#awaited = typeof reply === 'string' ? replyFrame(REPLY_STATUS.ok, reply) : reply;
  }

  /** Texts of the frames of a type, from a byte of their payload on. */
  texts(type: number, from = 0): readonly string[] {
    return this.sent
      .filter((frame) => frame.type === type)
      .map(({ payload }) => Buffer.from(payload.subarray(from)).toString());
  }

  logs(): readonly string[] {
    return this.texts(FROM_RUNNER.log, 1);
  }
}

export const replyFrame = (status: number, text: string): Frame => ({
  type: TO_RUNNER.reply,
  payload: new Uint8Array(Buffer.concat([Buffer.from([status]), Buffer.from(text)])),
});

export const refusalFrame = (code: string, message: string): Frame =>
  replyFrame(REPLY_STATUS.refused, JSON.stringify({ code, message }));

export const sha256 = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

/** A header that grants all host functions; what a test is about, it names. */
export const loadHeader = (bytes: Uint8Array, named: Partial<LoadHeader> = {}): LoadHeader => ({
  sha256: sha256(bytes),
  abi: 'extism',
  entrypoints: ['run'],
  hostFunctions: ['log', 'http', 'call'],
  reuse: 'run',
  memoryPagesMax: 256,
  allowStart: false,
  config: {},
  origins: [],
  ...named,
});
