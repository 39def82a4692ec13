/** What a guest logs in one run: plain text, a line each, within a cap. What is beyond it is dropped and said once. */
import { plainText } from '../plain-text.ts';
import { textOf } from './plain-text.ts';

/** Bytes of the log of a run that are kept. More: a log that nobody reads; less: the end of a story is missing. */
export const RUN_LOG_BYTES_MAX = 64 * 1024;
/** Bytes after which a guest does not log but flood; reading on would be work for the host alone. */
const FLOOD_BYTES = 16 * RUN_LOG_BYTES_MAX;
/** What a frame costs beside its text, bytes: a flood of empty lines is one, too. */
const LINE_COST_BYTES = 16;

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;

export class RunLog {
  readonly #onLine: ((line: string) => void) | undefined;
  readonly #onFull: () => void;
  readonly #lines: Uint8Array[] = [];
  #bytes = 0;
  #heardBytes = 0;
  #isFull = false;

  constructor(onLine: ((line: string) => void) | undefined, onFull: () => void) {
    this.#onLine = onLine;
    this.#onFull = onFull;
  }

  /** Bytes that are kept. */
  get count(): number {
    return this.#bytes;
  }

  /** A payload of LOG; false where it is none, or a flood. */
  take(payload: Uint8Array): boolean {
    const level = LEVELS[payload[0] ?? LEVELS.length];
    this.#heardBytes += payload.length + LINE_COST_BYTES;
    if (level === undefined || this.#heardBytes > FLOOD_BYTES) return false;
    if (this.#isFull) return true;
    const text = plainText(textOf(payload.subarray(1), RUN_LOG_BYTES_MAX));
    for (const line of text.replace(/\n$/, '').split('\n')) {
      if (!this.#add(`${level} ${line}`)) break;
    }
    return true;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#lines, this.#bytes);
  }

  #add(line: string): boolean {
    const bytes = Buffer.from(`${line}\n`, 'utf8');
    if (this.#bytes + bytes.length > RUN_LOG_BYTES_MAX) {
      this.#isFull = true;
      this.#onFull();
      return false;
    }
    this.#lines.push(bytes);
    this.#bytes += bytes.length;
    this.#onLine?.(line);
    return true;
  }
}
