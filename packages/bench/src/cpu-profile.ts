/** Where the processor time of this thread goes: V8's sampling profiler, and what its samples add up to. */
import { Session, type Profiler } from 'node:inspector';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Between two samples, µs: fine enough for parts of a claim, coarse enough to cost little. */
const INTERVAL_US = 200;

/** Begins to sample. What is answered ends it and writes a `.cpuprofile` file, which browsers' tools open. */
export async function startProfile(): Promise<(path: string) => Promise<void>> {
  const session = new Session();
  session.connect();
  const ask = (method: string, params?: object): Promise<unknown> =>
    new Promise((resolve, reject) => {
      session.post(method, params, (cause, answer) => {
        if (cause === null) resolve(answer);
        else reject(cause);
      });
    });
  await ask('Profiler.enable');
  await ask('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await ask('Profiler.start');
  return async (path) => {
    const answer = await ask('Profiler.stop');
    session.disconnect();
    writeFileSync(path, JSON.stringify(Reflect.get(Object(answer), 'profile')));
  };
}

export interface Share {
  readonly name: string;
  /** Sampled time in it alone, without what it calls, µs. */
  readonly selfUs: number;
}

export interface Shares {
  /** All but idling, µs. */
  readonly busyUs: number;
  /** By function, the longest first. */
  readonly functions: readonly Share[];
  /** By package, or by what of the runtime it was. */
  readonly areas: readonly Share[];
}

const IDLE = new Set(['(idle)', '(program)', '(root)']);

/** Sums the samples of a profile. */
export function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Shares {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const functions = new Map<string, number>();
  const areas = new Map<string, number>();
  let busyUs = 0;
  for (const [i, sample] of samples.entries()) {
    const frame = frames.get(sample);
    const us = timeDeltas[i] ?? 0;
    if (frame === undefined || IDLE.has(frame.functionName)) continue;
    busyUs += us;
    add(functions, nameOf(frame), us);
    add(areas, areaOf(frame), us);
  }
  return { busyUs, functions: sorted(functions), areas: sorted(areas) };
}

const add = (sums: Map<string, number>, name: string, us: number): void => {
  sums.set(name, (sums.get(name) ?? 0) + us);
};

const sorted = (sums: Map<string, number>): readonly Share[] =>
  [...sums]
    .map(([name, selfUs]) => ({ name, selfUs }))
    .toSorted((one, other) => other.selfUs - one.selfUs);

type Frame = Profiler.ProfileNode['callFrame'];

function nameOf({ functionName, url, lineNumber }: Frame): string {
  const file = pathOf(url).split('/').slice(-2).join('/');
  const place = file === '' ? '' : `  ${file}:${lineNumber + 1}`;
  return `${functionName === '' ? 'anonymous' : functionName}${place}`;
}

/** `core/coordinator` of our own, the package of others, or the runtime. */
function areaOf({ functionName, url }: Frame): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (url === '') return 'native code of Node';
  if (url.startsWith('node:')) return 'Node';
  const path = pathOf(url);
  const library = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(path)?.[1];
  if (library !== undefined) return library;
  const [, name, room] = /\/packages\/([^/]+)\/(?:src|dist)\/([^/.]+)/.exec(path) ?? [];
  return name === undefined ? path : `${name}/${room}`;
}

const pathOf = (url: string): string => (url.startsWith('file:') ? fileURLToPath(url) : url);
