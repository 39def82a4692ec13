/**
 * Faults on demand, one for each append, so that a simulator can make the memory journal behave like every engine on
 * a bad day.
 *
 * `none`         the append happens.
 * `unavailable`  it does not, and the fault says so.
 * `full`         it does not: there is no room.
 * `unknown`      the answer is lost. `applied: 'yes'`: the frame is in. `'no'`: it is not and never will be.
 *                `'late'`: it is under way and arrives with `MemoryLog.deliverLate`, if the log still ends where it must.
 * `torn`         the process died half-way through the write: the frame is not in, and this journal answers no more.
 * `lost`         a medium that lies: the append is acknowledged, and gone at the next opening.
 * `slow`         it happens when `until` resolves.
 */
export type AppendFault =
  | { readonly kind: 'none' }
  | { readonly kind: 'unavailable' }
  | { readonly kind: 'full' }
  | { readonly kind: 'unknown'; readonly applied: 'yes' | 'no' | 'late' }
  | { readonly kind: 'torn' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'slow'; readonly until: Promise<void> };

/** Asked once before each append that would succeed. */
export interface AppendFaults {
  next(): AppendFault;
}

export const NO_FAULTS: AppendFaults = { next: () => ({ kind: 'none' }) };

/** Plays a list of faults in order, then none. */
export function scriptedFaults(script: readonly AppendFault[]): AppendFaults {
  const steps = script.values();
  return { next: () => steps.next().value ?? { kind: 'none' } };
}
