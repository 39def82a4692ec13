/**
 * A short wait without the event loop. A small call is answered in 5 to 30 µs, but a process that sleeps until then and
 * is woken through the loop takes 50 to 70 µs on a machine with a core to spare; looking again and again for that long
 * costs no more processor time than the way through the loop. Measured: p50 20 µs against 55 µs.
 *
 * K4  All runners of a process together spin no longer than a budget in each turn of the loop: timers go off, and other
 *     runners are heard.
 */
import { availableParallelism } from 'node:os';

/** With one processor whoever is waited for cannot answer meanwhile. */
const CAN_SPIN = availableParallelism() > 1;
/** Longest spin for one answer, ms. An answer that takes longer is no small call. */
const SPIN_MS_MAX = 0.06;
/** Spinning in one turn of the event loop, ms: what a timer may be late. */
const TURN_MS_MAX = 2;

let spentMs = 0;
let isTurnCounted = false;

/** Polls until `isDone`, or until it is not worth it any more; whether it was done. */
export const spin = (poll: () => boolean, isDone: () => boolean): boolean => {
  if (!CAN_SPIN || spentMs >= TURN_MS_MAX) return isDone();
  if (!isTurnCounted) {
    isTurnCounted = true;
    setImmediate(() => {
      isTurnCounted = false;
      spentMs = 0;
    });
  }
  const startedAtMs = performance.now();
  // Polling a pipe that is empty throws, and a stack that nobody reads is most of its cost.
  const depth = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  let nowMs = startedAtMs;
  try {
    while (!isDone() && nowMs - startedAtMs < SPIN_MS_MAX) {
      poll();
      nowMs = performance.now();
    }
  } finally {
    Error.stackTraceLimit = depth;
    spentMs += nowMs - startedAtMs;
  }
  return isDone();
};
