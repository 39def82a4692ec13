/**
 * Numbers of runners that live at the same time in this process. A runner without namespaces gets the user of its seat, so
 * that it can signal no other runner.
 */
import { readdir, readFile } from 'node:fs/promises';
import { OWN_USERS } from '../jail/launch.ts';
import { readStatus } from './kernel-view.ts';

const taken = new Set<number>();
/** Hosts in several processes of one machine begin at different seats. */
let next = process.pid % OWN_USERS;

/** A seat that nobody has and that is not in use elsewhere; undefined where there is none: two never share one. */
export const takeSeat = (isInUse: (seat: number) => boolean = () => false): number | undefined => {
  for (let tries = 0; tries < OWN_USERS; tries += 1) {
    const seat = next;
    next = (next + 1) % OWN_USERS;
    if (!taken.has(seat) && !isInUse(seat)) {
      taken.add(seat);
      return seat;
    }
  }
  return undefined;
};

export const freeSeat = (seat: number): void => {
  taken.delete(seat);
};

/**
 * Users of all processes of this machine: other hosts have runners, too, and one that was not seen to go may still be
 * there. Of two hosts that look in the same few milliseconds neither sees the other's.
 */
export const usersAtWork = async (): Promise<ReadonlySet<number>> => {
  const entries = await readdir('/proc').catch(() => []);
  const users = await Promise.all(
    entries
      .filter((name) => /^\d+$/.test(name))
      .map(async (pid) => {
        try {
          return readStatus(await readFile(`/proc/${pid}/status`, 'utf8')).uid;
        } catch {
          // Gone since it was listed.
          return -1;
        }
      }),
  );
  return new Set(users);
};
