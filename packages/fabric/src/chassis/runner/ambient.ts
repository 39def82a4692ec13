/** What a guest can ask of its surroundings: the time, at a millisecond, and randomness. */
import { crypto } from './builtins.ts';

export interface Ambient {
  /** Since the epoch, whole ms. */
  wallMs(): number;
  /** Since the run began or before, whole ms; never goes back. */
  steadyMs(): number;
  random(into: Uint8Array): void;
  /** A run begins. */
  restart(): void;
}

/** Bytes that the system gives for one request; longer fills take several. */
const RANDOM_BYTES_MAX = 65_536;

/** The real ones. A coarser clock than the processor's is all that a timing attack gets (CHASSIS §11, case 95). */
export const realAmbient = (): Ambient => ({
  wallMs: () => Date.now(),
  steadyMs: () => Math.floor(performance.now()),
  random(into) {
    for (let at = 0; at < into.length; at += RANDOM_BYTES_MAX)
      crypto().randomFillSync(into.subarray(at, at + RANDOM_BYTES_MAX));
  },
  restart: () => undefined,
});

/**
 * The same for every run: clocks that stand at 0, and the hash stream SHA-256(seed ‖ counter) (counter as u64, big
 * endian) in place of randomness. The seed is 32 bytes in hex.
 */
export const seededAmbient = (seed: string): Ambient => {
  const key = Buffer.from(seed, 'hex');
  const counter = Buffer.alloc(8);
  let drawn = 0n;
  return {
    wallMs: () => 0,
    steadyMs: () => 0,
    random(into) {
      for (let at = 0; at < into.length;) {
        counter.writeBigUInt64BE(drawn);
        drawn += 1n;
        const block = crypto().createHash('sha256').update(key).update(counter).digest();
        into.set(block.subarray(0, into.length - at), at);
        at += block.length;
      }
    },
    restart() {
      drawn = 0n;
    },
  };
};
