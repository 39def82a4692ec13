/** One call's end from outside: the run was closed, its credential died, it took too long. The first reason stays. */
import type { BrokerCode } from './refusals.ts';

export interface Ending {
  readonly signal: AbortSignal;
  end(code: BrokerCode): void;
  /** Why it ended; undefined while it goes on. */
  why(): BrokerCode | undefined;
}

export const createEnding = (): Ending => {
  const controller = new AbortController();
  let code: BrokerCode | undefined;
  return {
    signal: controller.signal,
    end: (because) => {
      if (code !== undefined) return;
      code = because;
      controller.abort();
    },
    why: () => code,
  };
};

/** The promise's outcome, or undefined as soon as the call has ended; what comes later goes to `late`. */
export const unlessEnded = <T>(
  promise: Promise<T>,
  { signal }: Ending,
  late?: (value: T) => void,
): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    let isOver = signal.aborted;
    const onAbort = (): void => {
      isOver = true;
      resolve(undefined);
    };
    if (isOver) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise
      .then((value) => {
        if (isOver) late?.(value);
        else resolve(value);
      }, reject)
      .finally(() => {
        signal.removeEventListener('abort', onAbort);
      });
  });
