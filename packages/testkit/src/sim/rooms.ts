/** The rooms that can be simulated, each with its planted bugs. */
import type { Doubles } from './doubles.ts';
import { GOVERNOR_BUGS } from './governor-bugs.ts';
import { GOVERNOR_ROOM } from './governor-room.ts';
import { PLANTED_BUGS } from './planted-bugs.ts';
import { COORDINATOR_ROOM, type Room } from './room.ts';

export interface RoomUnderTest {
  readonly room: Room;
  readonly bugs: Readonly<Record<string, Doubles>>;
  /** What must have happened in a long run, or it proves nothing of the room. */
  readonly mustHappen: readonly string[];
}

export const ROOMS: Readonly<Record<string, RoomUnderTest>> = {
  coordinator: { room: COORDINATOR_ROOM, bugs: PLANTED_BUGS, mustHappen: [] },
  governor: {
    room: GOVERNOR_ROOM,
    bugs: GOVERNOR_BUGS,
    mustHappen: [
      'reservations',
      'settlements',
      'usages',
      'extensions',
      'overruns',
      'alerts',
      'trips',
      'resets',
      'closes',
      'offers',
      'helped',
      'declarations',
      'escalations',
      'policies',
      'denials',
      'claimsRefused',
    ],
  },
};
