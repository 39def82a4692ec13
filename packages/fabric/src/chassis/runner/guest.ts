/** A loaded module as the loop sees it, and the ways in which its run ends. */
import type { LoadHeader } from '../words.ts';
import type { Ambient } from './ambient.ts';
import { HostGone } from './host-link.ts';
import type { HostLink } from './host-link.ts';
import { describeThrown } from './text.ts';

/** Bytes of a run's output, `RUN_OUTPUT_BYTES_MAX` of the protocol: the runner's file has no room for its schemas. */
export const OUTPUT_BYTES_MAX = 8 * 1024 * 1024;

export type RunEnd =
  | { readonly kind: 'ok'; readonly output: Uint8Array }
  | { readonly kind: 'failed' | 'trapped' | 'fuel' | 'output'; readonly message: string };

export interface RunResult {
  readonly end: RunEnd;
  /** Units of the metering pass; 0 unless metered. */
  readonly fuelUsed: number;
}

export interface Guest {
  readonly exports: readonly string[];
  /** Never throws: whatever the guest does is an end. */
  run(entrypoint: string, input: Uint8Array): RunResult;
}

/** The metering pass: the rewritten module, and the exported global that counts down. Only for validated modules. */
export type MeterModule = (
  bytes: Uint8Array,
  options: { readonly fuel: number },
) => {
  readonly bytes: Uint8Array;
  readonly fuelExport: string;
  /** What was the start function, to be called before anything else. */
  readonly startExport?: string;
};

/** What a module is loaded with. */
export interface LoadContext {
  readonly meterModule: MeterModule;
  readonly header: LoadHeader;
  readonly bytes: Uint8Array;
  readonly link: HostLink;
  readonly ambient: Ambient;
}

/** The host's code ends the guest: it asked for something that is not there. Reported as a trap. */
export class GuestTrap extends Error {
  override readonly name = 'Trap';
}

/** WASI's `proc_exit`. */
export class GuestExit extends Error {
  override readonly name = 'Exit';
  readonly code: number;

  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

/** It gave out more than a result may hold. */
export class OutputOverflow extends Error {
  override readonly name = 'OutputOverflow';

  constructor(bytes: number) {
    super(`an output of ${bytes} bytes or more; the limit is ${OUTPUT_BYTES_MAX}`);
  }
}

/** The module cannot be linked: a value of the load, not of a run. */
export class LinkRefusal extends Error {
  override readonly name = 'LinkRefusal';
}

/** The end that a thrown value means. What ends the process is thrown again. */
export const endOfThrown = (thrown: unknown): RunEnd => {
  if (thrown instanceof HostGone) throw thrown;
  if (thrown instanceof OutputOverflow) return { kind: 'output', message: thrown.message };
  return { kind: 'trapped', message: describeThrown(thrown) };
};
