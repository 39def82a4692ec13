/** What a command printed, within bounds: its beginning, its end, and how much between them was left out. */
import { StringDecoder } from 'node:string_decoder';

/**
 * Bytes kept of the beginning, and again of the end. Together half of what ten busy sessions may hold at one time;
 * compilers that print more repeat themselves.
 */
const HALF_BYTES_MAX = 2 * 1024 * 1024;
/** Characters of a line that is shown as progress; the log keeps it whole. */
export const LINE_CHARS_MAX = 500;

export interface Transcript {
  readonly bytes: Uint8Array;
  /** Bytes between the beginning and the end that were not kept. */
  readonly leftOutBytes: number;
}

export interface TranscriptOptions {
  readonly onLine: (line: string) => void;
  readonly halfBytesMax?: number;
}

/** Collects output as it comes; stdout and stderr share one transcript, in the order of arrival. */
export class TranscriptWriter {
  readonly #onLine: (line: string) => void;
  readonly #halfBytesMax: number;
  readonly #head: Buffer[] = [];
  readonly #tail: Buffer[] = [];
  #headBytes = 0;
  #tailBytes = 0;
  #leftOutBytes = 0;
  readonly #decoder = new StringDecoder('utf8');
  #line = '';

  constructor({ onLine, halfBytesMax = HALF_BYTES_MAX }: TranscriptOptions) {
    this.#onLine = onLine;
    this.#halfBytesMax = halfBytesMax;
  }

  write(chunk: Buffer): void {
    this.#splitLines(this.#decoder.write(chunk));
    const room = this.#halfBytesMax - this.#headBytes;
    const head = chunk.subarray(0, room);
    if (head.length > 0) {
      this.#head.push(head);
      this.#headBytes += head.length;
    }
    if (head.length < chunk.length) this.#writeTail(chunk.subarray(head.length));
  }

  /** The last line may have no end. */
  finish(): Transcript {
    this.#splitLines(this.#decoder.end());
    if (this.#line !== '') this.#tell();
    const note =
      this.#leftOutBytes === 0 ? '' : `\n[… ${this.#leftOutBytes} bytes were left out …]\n`;
    return {
      bytes: Buffer.concat([...this.#head, Buffer.from(note), ...this.#tail]),
      leftOutBytes: this.#leftOutBytes,
    };
  }

  #writeTail(chunk: Buffer): void {
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    // Ends: each round takes bytes away, and one chunk alone is cut to fit.
    while (this.#tailBytes > this.#halfBytesMax) {
      const [first] = this.#tail;
      if (first === undefined) return;
      const excess = Math.min(this.#tailBytes - this.#halfBytesMax, first.length);
      if (excess === first.length) this.#tail.shift();
      else this.#tail[0] = first.subarray(excess);
      this.#tailBytes -= excess;
      this.#leftOutBytes += excess;
    }
  }

  #splitLines(text: string): void {
    const lines = text.split('\n');
    for (const [at, part] of lines.entries()) {
      // What is longer than a line may be shown of is dropped here; the bytes are kept above.
      if (this.#line.length < LINE_CHARS_MAX) {
        this.#line += part.slice(0, LINE_CHARS_MAX - this.#line.length);
      }
      if (at < lines.length - 1) this.#tell();
    }
  }

  #tell(): void {
    // A carriage return starts the line again, as in progress bars: what was printed last is shown.
    const shown = this.#line.replace(/\r$/, '').split('\r').at(-1) ?? '';
    this.#line = '';
    if (shown.trim() !== '') this.#onLine(shown);
  }
}

/** The last `lines` lines of a transcript, for the reason of a failure. Text of others: escape it before showing it. */
export function tailOf({ bytes }: Transcript, lines: number): string {
  const end = Buffer.from(bytes.subarray(Math.max(0, bytes.length - lines * LINE_CHARS_MAX)));
  return end.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
