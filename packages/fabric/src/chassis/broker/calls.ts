/** What a run has used of the network, and how much of it is left. */
import type { BrokerUse } from '../words.ts';

export interface CallCounter {
  /** A call of the guest came, whatever becomes of it. */
  asked(): void;
  /** Takes one network call; false where none is left. Taken before the dial, so that a failed one counts as well. */
  takeDial(): boolean;
  moved(bytes: { readonly sent: number; readonly received: number }): void;
  use(): BrokerUse;
}

/** Counts a run's calls; `networkCallsMax` bounds the dials, those of redirects included. */
export const createCallCounter = (networkCallsMax: number): CallCounter => {
  let use: BrokerUse = { apiCalls: 0, networkCalls: 0, sentBytes: 0, receivedBytes: 0 };
  return {
    asked: () => {
      use = { ...use, apiCalls: use.apiCalls + 1 };
    },
    takeDial: () => {
      if (use.networkCalls >= networkCallsMax) return false;
      use = { ...use, networkCalls: use.networkCalls + 1 };
      return true;
    },
    moved: ({ sent, received }) => {
      use = {
        ...use,
        sentBytes: use.sentBytes + sent,
        receivedBytes: use.receivedBytes + received,
      };
    },
    use: () => use,
  };
};
