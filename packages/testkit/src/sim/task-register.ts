/** A task as a sequential object: what its callers were told must fit some order of what happened to it. */
import type { SequentialModel } from '../wgl.ts';

/** What happened to one task, or what was said of it. */
export type TaskOperation =
  | { readonly kind: 'granted'; readonly fence: number }
  | { readonly kind: 'ended'; readonly fence: number; readonly how: 'done' | 'given back' }
  | { readonly kind: 'written'; readonly fence: number }
  /** Accepted by somebody else, after its holder handed it in. */
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly why: 'leased' | 'stale' | 'done'; readonly fence: number };

export interface TaskRegister {
  readonly fence: number;
  readonly live: boolean;
  readonly done: boolean;
}

/**
 * `lapse`: a lease may end by itself between two operations (time, an operator, its session). `stand`: nothing but its
 * holder ends it, so that a second grant is a double grant.
 */
export const taskRegister = (
  leases: 'lapse' | 'stand',
): SequentialModel<TaskRegister, TaskOperation, 'told'> => ({
  initial: { fence: 0, live: false, done: false },
  step: (state, what) => {
    const lapses = leases === 'lapse';
    const isHeld = 'fence' in what && state.live && state.fence === what.fence;
    switch (what.kind) {
      case 'granted':
        if (state.done || (state.live && !lapses) || what.fence !== state.fence + 1)
          return undefined;
        return { fence: what.fence, live: true, done: false };
      case 'written':
        return isHeld ? state : undefined;
      case 'accepted':
        return state.done ? undefined : { ...state, live: false, done: true };
      case 'ended':
        return isHeld ? { ...state, live: false, done: what.how === 'done' } : undefined;
      case 'refused':
        if (what.why === 'done') return state.done ? state : undefined;
        if (what.why === 'leased') return state.live ? state : undefined;
        return !isHeld || lapses ? state : undefined;
    }
  },
  key: ({ fence, live, done }) => `${fence}${live ? 'l' : ''}${done ? 'd' : ''}`,
});
