/** Ids that the engine mints for a command before it is decided. */
type Minted = 'session' | 'blocker' | 'run';

const NOTHING: readonly Minted[] = [];
const SESSION: readonly Minted[] = ['session'];
const BLOCKER: readonly Minted[] = ['blocker'];
const RUN: readonly Minted[] = ['run'];

/** What to mint, in the order in which `decide` uses it. */
export const mintsOf = (op: string): readonly Minted[] => {
  if (op === 'sessions.open') return SESSION;
  if (op === 'blockers.raise') return BLOCKER;
  return op === 'runs.start' ? RUN : NOTHING;
};
