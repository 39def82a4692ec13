/** Why a runner that nobody killed is gone: by its exit status, which the kernel wrote, and only then by its words. */
import type { RunCause } from '@infrafabric/protocol';

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** A shell's way to say that a signal ended a program. */
const EXIT_BY_SIGNAL = 128;
const SIGXCPU = 24;
/** V8 says so before it aborts. Whoever forges it has failed all the same. */
const OUT_OF_MEMORY = /out of memory|heap limit|allocation failed|Cannot allocate memory/i;

/**
 * SIGXCPU is the kernel's limit of processor time. SIGKILL that the host did not send is `timeout` at the end of the
 * runner's life, or the kernel short of memory.
 */
export const causeOfExit = (
  { code, signal }: Exit,
  stderr: string,
  isLifeOver: boolean,
): { readonly cause: RunCause; readonly detail: string } => {
  if (signal === 'SIGXCPU' || code === EXIT_BY_SIGNAL + SIGXCPU)
    return { cause: 'cpu', detail: "the kernel's limit of processor time" };
  if (isLifeOver) return { cause: 'wall', detail: "the end of the runner's life" };
  const how = signal ?? (code === null ? 'unknown' : `status ${code}`);
  if (OUT_OF_MEMORY.test(stderr)) return { cause: 'memory', detail: `out of memory, ${how}` };
  return { cause: 'crashed', detail: `the runner ended by itself, ${how}` };
};
