/** The raw disk: writes that are synced one by one, into a file whose blocks and size are there already. */
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const WRITE_BYTES = 256;
const FILE_BYTES = 8 * 1_048_576;
const ZEROS_BYTES = 1_048_576;

export class SyncedFile {
  readonly #file: number;
  readonly #bytes = new Uint8Array(WRITE_BYTES).fill(1);
  #at = 0;

  constructor(folder: string) {
    this.#file = openSync(join(folder, 'floor'), 'w');
    const zeros = new Uint8Array(ZEROS_BYTES);
    for (let at = 0; at < FILE_BYTES; at += ZEROS_BYTES)
      writeSync(this.#file, zeros, 0, ZEROS_BYTES, at);
    fsyncSync(this.#file);
  }

  /** Ms of each of `count` writes of 256 bytes with its fdatasync. */
  syncs(count: number): Float64Array {
    const ms = new Float64Array(count);
    for (let i = 0; i < count; i += 1) {
      const startedAt = performance.now();
      writeSync(this.#file, this.#bytes, 0, WRITE_BYTES, this.#at);
      fdatasyncSync(this.#file);
      ms[i] = performance.now() - startedAt;
      this.#at = (this.#at + WRITE_BYTES) % FILE_BYTES;
    }
    return ms;
  }

  close(): void {
    closeSync(this.#file);
  }
}
