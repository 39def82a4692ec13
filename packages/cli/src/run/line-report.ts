/** The newest line of a command's output as progress of its task: at most one a second. */
import type { Lease } from '@infrafabric/sdk';
import { printable } from '../plans/index.ts';

/** Between two reports of one task, ms. Each is an entry of the log: shorter fills it, longer looks like a stall. */
const REPORT_EVERY_MS = 1_000;

export interface LineReport {
  readonly line: (text: string) => void;
  /** No report follows. */
  readonly stop: () => void;
}

export function reportLines(lease: Pick<Lease, 'progress' | 'signal'>): LineReport {
  let newest: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  const send = (): void => {
    if (newest === undefined || isStopped || lease.signal.aborted) {
      timer = undefined;
      return;
    }
    const note = newest;
    newest = undefined;
    timer = setTimeout(send, REPORT_EVERY_MS);
    // A report that is lost is followed by a newer one; a lease that is lost aborts its signal.
    void lease.progress({ note, evidence: 'output' }).catch(() => undefined);
  };
  return {
    line: (text) => {
      newest = printable(text);
      // The first one waits, too: most commands end within a second, and their log says all.
      timer ??= setTimeout(send, REPORT_EVERY_MS);
    },
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
