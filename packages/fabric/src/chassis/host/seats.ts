/**
 * Numbers of runners that live at the same time in this process. A runner without namespaces gets the user of its seat, so
 * that it can signal no other runner.
 */
import { OWN_USERS } from '../jail/launch.ts';

const taken = new Set<number>();
/** Hosts in several processes of one machine begin at different seats. */
let next = process.pid % OWN_USERS;

/** A seat that nobody has; where all are taken, the next one. Runners in namespaces need no seat of their own. */
export const takeSeat = (): number => {
  for (let tries = 0; tries < OWN_USERS; tries += 1) {
    const seat = next;
    next = (next + 1) % OWN_USERS;
    if (!taken.has(seat)) {
      taken.add(seat);
      return seat;
    }
  }
  return next;
};

export const freeSeat = (seat: number): void => {
  taken.delete(seat);
};
