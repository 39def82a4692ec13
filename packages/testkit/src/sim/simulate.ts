/**
 * A whole fabric by seed, on one thread and in virtual time: the real engine over a medium that goes wrong, actors
 * that do what agents do, crashes, pauses, second leaders, wall clocks that jump. After every step the log and every
 * answer are held to their laws (`LogWatch`, `Judge`, the room's own); at the end the world is healed and must finish
 * its plans.
 */
import { LawBroken } from '../crash-lives.ts';
import type { SimCounts } from './counts.ts';
import type { Doubles } from './doubles.ts';
import { plant } from './planted-decision.ts';
import type { Room } from './room.ts';
import { Simulation } from './simulation.ts';

export interface SimOptions {
  readonly doubles?: Doubles;
  /** Absent: the coordinator's. */
  readonly room?: Room;
  /** Told of every step: for one seed, read by a person. */
  readonly trace?: (line: string) => void;
}

/** Runs the world of one seed to its end. Rejects with `LawBroken`, which names the law. */
export async function simulate(seed: number, options: SimOptions = {}): Promise<SimCounts> {
  plant(options.doubles?.decide);
  try {
    return await new Simulation(seed, options).run();
  } catch (cause) {
    if (cause instanceof LawBroken) throw cause;
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    throw new LawBroken(`seed ${seed}: ${text}`, { cause });
  } finally {
    plant(undefined);
  }
}
