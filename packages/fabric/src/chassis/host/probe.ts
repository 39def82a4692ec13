/** Boots one runner, lets it try what it should not be able to, looks at it from outside, and kills it. */
import type { IsolationLayer } from '@infrafabric/protocol';
import { FROM_RUNNER, TO_RUNNER } from '../frame.ts';
import type { ProbeAttempt } from '../words.ts';
import { bootRunner, type Site } from './boot.ts';
import type { MonotonicClock } from './watch/clock.ts';
import { Conversation } from './conversation.ts';
import { cpuSecondsFor } from './watch/cpu-backstop.ts';
import { kernelViewOf } from './kernel-view.ts';
import { judge, type Judged } from './levels.ts';
import { ask } from './question.ts';
import { readProbed } from './replies.ts';

/** Where all is allowed the attempts take seconds, and a busy machine multiplies them. */
const PROBE_LIMITS = {
  cpuMsMax: 20_000,
  wallMsMax: 60_000,
  cpuPercentMax: 100,
  residentBytesMax: Number.POSITIVE_INFINITY,
};

export interface ProbeReport extends Judged {
  readonly tried: ReadonlySet<IsolationLayer>;
  readonly attempts: readonly ProbeAttempt[];
  /** Version of V8 in the runner. */
  readonly v8: string;
}

/** Throws a Fault `runner.unavailable` where the runner does not come up. Attempts are empty where it did not answer. */
export const probeSite = async (
  site: Site,
  memoryMib: number,
  clock: MonotonicClock,
): Promise<ProbeReport> => {
  const cpu = cpuSecondsFor(0, PROBE_LIMITS.cpuMsMax);
  const { process: runner } = await bootRunner({ site, memoryMib, cpu });
  try {
    // A kill that was seen to work is a part of every level.
    const kernel = await kernelViewOf(runner.pid);
    const answer = await ask(new Conversation(runner, clock), {
      type: TO_RUNNER.probe,
      payload: pidBytes(process.pid),
      expects: FROM_RUNNER.probed,
      read: readProbed,
      limits: PROBE_LIMITS,
    });
    const attempts = answer.kind === 'answered' ? answer.value.attempts : [];
    const hostUid = process.getuid?.() ?? -1;
    await runner.kill({ cause: 'revoked', detail: 'the probe is over' });
    const wasKilled = runner.isBuried;
    return {
      ...judge({ tried: site.layers, attempts, kernel, wasKilled, hostUid }),
      tried: site.layers,
      attempts,
      v8: runner.ready?.v8 ?? '',
    };
  } finally {
    await runner.kill({ cause: 'revoked', detail: 'the probe is over' });
  }
};

/** u32: whom the runner tries to signal. */
const pidBytes = (pid: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, pid, true);
  return bytes;
};
