/** What code in a runner's address space asks the kernel for, under one set of layers; see `raw-calls.ts`. */
import type { IsolationLayer } from '@infrafabric/protocol';
import { harmlessHere } from './breach-harmless.ts';
import { elfOf } from './elf.ts';
import type { Outside, OutsideWorld } from './outside.ts';
import { isAlive } from './proc.ts';
import {
  errorName,
  filterCalls,
  rawPrograms,
  type RawAttempt,
  type RawProgram,
} from './raw-calls.ts';
import { openRawJail, type RawEnd } from './raw-run.ts';
import type { Attempted, LeftOut } from './words.ts';

/** 128 and SIGSYS: the filter ended the program. */
const KILLED_BY_FILTER = 159;
/** What the loader exits with where it cannot open a library. */
const NO_LIBRARY = 127;

export interface RawSite {
  readonly node: string;
  readonly world: OutsideWorld;
  /** A process of the runners' own user, as another swarm's runner is. */
  readonly victimPid: number;
  readonly without: LeftOut;
  /** The layers of the set. */
  readonly layers: ReadonlySet<IsolationLayer>;
}

/** Every program, one after another. */
export const attemptsOfRawCalls = async (site: RawSite): Promise<readonly Attempted[]> => {
  const { node, world, victimPid, layers, without } = site;
  // No bubblewrap stands there to install the filter: the program does it itself, for good.
  const first = without === 'namespaces' ? filterCalls(process.arch) : [];
  const outside: Outside = { ...world.told, victimPid, attempt: '', libraries: [] };
  const jail = await openRawJail(node, layers);
  const attempted: Attempted[] = [];
  try {
    for (const program of rawPrograms(outside, jail.executable)) {
      const calls = program.attempts.map(({ call }) => call);
      const end = await jail.run(elfOf([...first, ...calls]));
      attempted.push(
        ...program.attempts.map((one, at) => judged(site, { one, end, at: at + first.length })),
      );
      attempted.push(...(await seenOf(site, program)));
    }
  } finally {
    await jail.close();
  }
  return attempted;
};

interface Judged {
  readonly one: RawAttempt;
  readonly end: RawEnd;
  readonly at: number;
}

const judged = ({ without }: RawSite, { one, end, at }: Judged): Attempted => {
  const attempt = `raw: ${one.name}`;
  const told = { case: one.case, attempt, without } as const;
  const result = end.results[at];
  if (result === undefined && end.code === KILLED_BY_FILTER)
    return { ...told, verdict: 'denied', detail: 'SIGSYS' };
  if (result !== undefined && result < 0)
    return { ...told, verdict: 'denied', detail: errorName(result) };
  // Only a new image leaves a call without an answer, and one that finds no library is none.
  if (result === undefined && end.code === NO_LIBRARY)
    return { ...told, verdict: 'denied', detail: end.stderr.trim().slice(0, 120) };
  const reason = harmlessHere(attempt, without) ?? one.harmless;
  const detail = result === undefined ? `it ended with ${end.code}` : `it answered ${result}`;
  return reason === undefined
    ? { ...told, verdict: 'allowed', detail }
    : { ...told, verdict: 'harmless', detail: `${reason} (${detail})` };
};

/** What came through to the outside, whatever the program was told. */
const seenOf = async (
  { world, victimPid, without }: RawSite,
  program: RawProgram,
): Promise<readonly Attempted[]> => {
  const seen = [
    ...(await world.touched()),
    ...(isAlive(victimPid) ? [] : ['another runner was killed']),
  ];
  return seen.map((what) => {
    const attempt = `raw: ${program.name} left ${what}`;
    const reason = harmlessHere(attempt, without);
    return {
      case: program.attempts[0]?.case ?? 90,
      attempt,
      without,
      verdict: reason === undefined ? 'allowed' : 'harmless',
      detail: reason ?? 'seen from outside',
    } as const;
  });
};
