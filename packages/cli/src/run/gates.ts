/** Gates: checks that the fabric runs itself before it believes that a task or a phase is done. */
import type { Gate, GateResult } from '@infrafabric/protocol';
import type { Ending } from './executors/executor.ts';
import { runShell } from './executors/shell.ts';
import type { ShellContext } from './executors/shell.ts';
import { tailOf } from './executors/transcript.ts';
import type { StoredBlob } from './blobs.ts';

export interface GateRun {
  readonly results: readonly GateResult[];
  /** The first one that is not good, with the end of what it printed. */
  readonly failure: { readonly name: string; readonly text: string } | undefined;
  /** The caller stopped them: no verdict can be made of the results. */
  readonly isAborted: boolean;
}

export interface GateContext extends ShellContext {
  readonly store: (bytes: Uint8Array) => Promise<StoredBlob>;
}

/** Lines of a gate's output that its failure shows. */
const TAIL_LINES = 10;

/** Runs the gates one after the other, in the folder of the work. All of them run: one failure often explains another. */
export async function runGates(gates: readonly Gate[], context: GateContext): Promise<GateRun> {
  const results: GateResult[] = [];
  let failure: GateRun['failure'];
  for (const { name, run } of gates) {
    const { ending, transcript } = await runShell(run, context);
    if (ending.kind === 'aborted') return { results, failure, isAborted: true };
    const exitCode = exitCodeOf(ending);
    const ok = exitCode === 0;
    const log =
      transcript.bytes.length === 0 ? {} : { log: (await context.store(transcript.bytes)).digest };
    results.push({ name, ok, exitCode, ...log });
    if (!ok) {
      const text = [describeEnding(ending), tailOf(transcript, TAIL_LINES)].join('\n').trim();
      failure ??= { name, text };
    }
  }
  return { results, failure, isAborted: false };
}

/** The exit code that evidence carries: −1 where the work gave none. A module that returned a result has done as much. */
export const exitCodeOf = (ending: Ending): number => {
  if (ending.kind === 'exited') return ending.exitCode;
  return ending.kind === 'ran' && ending.cause === 'completed' ? 0 : -1;
};

export function describeEnding(ending: Ending): string {
  switch (ending.kind) {
    case 'exited':
      return `exit code ${ending.exitCode}`;
    case 'signalled':
      return `ended by ${ending.signal}`;
    case 'timed-out':
      return `ended after ${ending.timeoutMs} ms, the longest it may take`;
    case 'aborted':
      return 'stopped';
    case 'unstarted':
    case 'unfit':
      return `not started: ${ending.detail}`;
    case 'ran':
      return `the module’s run ended: ${ending.cause}${ending.detail === '' ? '' : `: ${ending.detail}`}`;
  }
}
