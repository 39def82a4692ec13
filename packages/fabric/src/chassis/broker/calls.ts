/** What a run has used of the network, and how much of it is left. */
import type { BrokerUse } from '../words.ts';

/** What a connection has moved so far, bytes; a socket is one. */
export interface Meter {
  readonly bytesWritten: number;
  readonly bytesRead: number;
}

export interface CallCounter {
  /** A call of the guest came, whatever becomes of it. */
  asked(): void;
  /** Takes one network call; false where none is left. Taken before the dial, so that a failed one counts as well. */
  takeDial(): boolean;
  /** Counts what a connection moves, from now until the answer is called. */
  metered(meter: Meter): () => void;
  /** As of this moment: connections that are open count as far as they are. */
  use(): BrokerUse;
}

/** Counts a run's calls; `networkCallsMax` bounds the dials, those of redirects included. */
export const createCallCounter = (networkCallsMax: number): CallCounter => {
  let [apiCalls, networkCalls, sentBytes, receivedBytes] = [0, 0, 0, 0];
  const open = new Set<Meter>();
  return {
    asked: () => {
      apiCalls += 1;
    },
    takeDial: () => {
      if (networkCalls >= networkCallsMax) return false;
      networkCalls += 1;
      return true;
    },
    metered: (meter) => {
      open.add(meter);
      return () => {
        if (!open.delete(meter)) return;
        sentBytes += meter.bytesWritten;
        receivedBytes += meter.bytesRead;
      };
    },
    use: () => {
      const meters = [...open];
      return {
        apiCalls,
        networkCalls,
        sentBytes: meters.reduce((sum, { bytesWritten }) => sum + bytesWritten, sentBytes),
        receivedBytes: meters.reduce((sum, { bytesRead }) => sum + bytesRead, receivedBytes),
      };
    },
  };
};
