/**
 * Named pipes for runners. Node's own stdio pipes are socket pairs, which cost a third more a call; a FIFO that is opened
 * at both ends and unlinked is a real pipe. They are made a few at a time, because each time starts a program.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Fault } from '../../../fault.ts';

/** Paths of the two directions, as yet unopened. */
export interface FifoPair {
  readonly toRunner: string;
  readonly fromRunner: string;
}

export interface Fifos {
  /** A pair of its own, which the caller opens and unlinks; undefined where the system makes none. */
  take(): Promise<FifoPair | undefined>;
}

/** Pairs made by one start of `mkfifo`. More: entries that nobody may need; fewer: a start of 2 ms more often. */
const PAIRS_AT_ONCE = 8;
const MKFIFO_MS_MAX = 10_000;

const run = promisify(execFile);

/** `folder` is the host's alone: whoever could open a pipe there would be the runner's host, too. */
export const openFifos = (folder: string, mkfifo: string | undefined): Fifos => {
  if (mkfifo === undefined) return { take: async () => undefined };
  const spare: FifoPair[] = [];
  let made = 0;
  let making: Promise<void> | undefined;

  const make = async (): Promise<void> => {
    const pairs: FifoPair[] = [];
    for (let count = 0; count < PAIRS_AT_ONCE; count += 1) {
      made += 1;
      pairs.push({ toRunner: join(folder, `${made}.in`), fromRunner: join(folder, `${made}.out`) });
    }
    const paths = pairs.flatMap(({ toRunner, fromRunner }) => [toRunner, fromRunner]);
    try {
      await run(mkfifo, ['-m', '600', ...paths], { timeout: MKFIFO_MS_MAX, env: {} });
    } catch (cause) {
      throw new Fault('runner.unavailable', { transient: true, detail: `mkfifo ${folder}`, cause });
    }
    spare.push(...pairs);
  };

  return {
    async take() {
      for (;;) {
        const pair = spare.pop();
        if (pair !== undefined) return pair;
        // Several that wait share one start; each round makes progress or throws.
        making ??= make().finally(() => {
          making = undefined;
        });
        await making;
      }
    },
  };
};
