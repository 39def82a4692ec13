/**
 * What a guest attempts that owns its runner's JavaScript, under one set of layers. What it says is written down; what
 * counts is what the parent sees: its listeners, its files, its signals, and the runner's process by /proc.
 */
import type { Runner, RunReport } from '@infrafabric/fabric/chassis';
import { harmlessHere } from './breach-harmless.ts';
import { hitsIn, needlesOf } from './canary.ts';
import type { Ground } from './ground.ts';
import type { Outside, OutsideWorld } from './outside.ts';
import {
  descendantsOf,
  descriptorsOf,
  isAlive,
  mappedFiles,
  statusField,
  threadsOf,
} from './proc.ts';
import { breachRunner } from './spoken.ts';
import type { Attempted, LeftOut } from './words.ts';

/** Tables of the breach runner, by the case that they belong to. */
export const JS_TABLES = {
  read: 81,
  write: 82,
  exec: 83,
  network: 84,
  worker: 85,
  signal: 86,
  proc: 87,
  environment: 88,
  library: 89,
  identity: 90,
} as const;
type Table = keyof typeof JS_TABLES;

interface Said {
  readonly attempt: string;
  readonly outcome: 'denied' | 'allowed';
  readonly detail: string;
}

/** What of a process changes when something came through. */
interface Looks {
  readonly threads: number;
  readonly sockets: number;
  readonly descriptors: number;
  readonly children: number;
  readonly identity: string;
  readonly libraries: ReadonlySet<string>;
}

const look = async (pid: number): Promise<Looks> => {
  const descriptors = await descriptorsOf(pid).catch(() => []);
  return {
    threads: await threadsOf(pid),
    sockets: descriptors.filter((one) => one.startsWith('socket:')).length,
    descriptors: descriptors.length,
    children: (await descendantsOf(pid)).length,
    identity: `${await statusField(pid, 'Uid')} ${await statusField(pid, 'Gid')} ${await statusField(pid, 'CapEff')}`,
    libraries: await mappedFiles(pid),
  };
};

/** What the parent saw come through, in words. */
const changes = (before: Looks, after: Looks): readonly string[] => [
  ...(after.threads > before.threads ? [`${after.threads - before.threads} new threads`] : []),
  ...(after.sockets > before.sockets ? [`${after.sockets - before.sockets} new sockets`] : []),
  ...(after.descriptors > before.descriptors
    ? [`${after.descriptors - before.descriptors} new descriptors`]
    : []),
  ...(after.children > before.children
    ? [`${after.children - before.children} new processes`]
    : []),
  ...(after.identity === before.identity ? [] : [`another identity: ${after.identity}`]),
  ...[...after.libraries]
    .filter((file) => !before.libraries.has(file))
    .map((file) => `mapped ${file}`),
];

export interface BreachSite {
  readonly ground: Ground;
  readonly world: OutsideWorld;
  readonly without: LeftOut;
}

/** Every attempt is a call of its own; one that ends its runner is followed by a new runner. */
export const attemptsOfJavaScript = async (site: BreachSite): Promise<readonly Attempted[]> => {
  const { ground, without } = site;
  const host = await ground.breachHost(without);
  const entrypoints = [...Object.keys(JS_TABLES), 'execve', 'names'];
  const fresh = (): Promise<Runner> => breachRunner(ground, entrypoints, host);
  const attempted: Attempted[] = [];
  let runner = await fresh();
  let victim = await breachRunner(ground, ['speak'], host);
  for (const [table, names] of await namesOf(ground, runner)) {
    for (const name of names) {
      if (!isAlive(runner.pid)) runner = await fresh();
      if (!isAlive(victim.pid)) victim = await breachRunner(ground, ['speak'], host);
      attempted.push(...(await playAttempt(site, { runner, victim, table, name })));
    }
  }
  if (!isAlive(runner.pid)) runner = await fresh();
  attempted.push(await replaceImage(site, runner, victim));
  await runner.destroy();
  await victim.destroy();
  return attempted;
};

/** What a runner says of every attempt of some tables. Where one ends the runner, that one is denied and a new one goes on. */
export const attemptTables = async (
  ground: Ground,
  first: Runner,
  tables: readonly string[],
  outside: Outside,
): Promise<readonly Said[]> => {
  const said: Said[] = [];
  let runner = first;
  for (const [table, names] of await namesOf(ground, runner)) {
    if (!tables.includes(table)) continue;
    for (const attempt of names) {
      if (!isAlive(runner.pid)) runner = await breachRunner(ground, [...tables]);
      const input = JSON.stringify({ ...outside, attempt });
      const { report } = await ground.play(runner, { entrypoint: table, input });
      said.push(saidOf(report, attempt));
    }
  }
  return said;
};

const saidOf = ({ cause, output, detail }: RunReport, attempt: string): Said =>
  cause === 'completed'
    ? JSON.parse(Buffer.from(output).toString())
    : { attempt, outcome: 'denied', detail: `${cause}: ${detail}` };

const namesOf = async (
  ground: Ground,
  runner: Runner,
): Promise<readonly (readonly [Table, readonly string[]])[]> => {
  const { report } = await ground.play(runner, { entrypoint: 'names', input: '{}' });
  return JSON.parse(Buffer.from(report.output).toString());
};

const outsideOf = async (
  { world }: BreachSite,
  runner: Runner,
  victim: Runner,
): Promise<Outside> => ({
  ...world.told,
  attempt: '',
  victimPid: victim.pid,
  libraries: [...(await mappedFiles(runner.pid))].filter((file) => /\.so/.test(file)).slice(0, 4),
});

interface Play {
  readonly runner: Runner;
  readonly victim: Runner;
  readonly table: Table;
  readonly name: string;
}

const playAttempt = async (
  site: BreachSite,
  { runner, victim, table, name }: Play,
): Promise<readonly Attempted[]> => {
  const { ground, world, without } = site;
  const input = { ...(await outsideOf(site, runner, victim)), attempt: name };
  const before = await look(runner.pid);
  const { report } = await ground.play(runner, {
    entrypoint: table,
    input: JSON.stringify(input),
    limits: { cpuMsMax: 5_000, wallMsMax: 5_000 },
  });
  const seen = [
    ...(await world.touched()),
    ...(isAlive(runner.pid) ? changes(before, await look(runner.pid)) : []),
    ...(isAlive(victim.pid) ? [] : ['another runner was killed']),
    ...hitsIn(report.output, needlesOf(world.nonces.file), 'output').map(() => 'the file’s bytes'),
    ...hitsIn(report.output, needlesOf(world.nonces.environment), 'output').map(
      () => 'the parent’s environment',
    ),
  ];
  const attempt = `${table}: ${name}`;
  const told = { case: JS_TABLES[table], attempt, without } as const;
  const said = saidOf(report, name);
  // Its own environment is anybody's to read: what counts is that nothing of the parent's was in it.
  const isDenied = said.outcome === 'denied' || table === 'environment';
  if (seen.length === 0 && isDenied) return [{ ...told, verdict: 'denied', detail: said.detail }];
  const reason = harmlessHere(attempt, without);
  const detail =
    seen.length === 0 ? `it says: ${said.detail}` : `seen: ${[...new Set(seen)].join(', ')}`;
  return [
    reason === undefined
      ? { ...told, verdict: 'allowed', detail }
      : { ...told, verdict: 'harmless', detail: `${reason} (${detail})` },
  ];
};

/** A new image in the runner's place: it would say so itself, and its command line would be another. */
const replaceImage = async (
  site: BreachSite,
  runner: Runner,
  victim: Runner,
): Promise<Attempted> => {
  const { ground, world, without } = site;
  const { report } = await ground.play(runner, {
    entrypoint: 'execve',
    input: JSON.stringify(await outsideOf(site, runner, victim)),
    limits: { wallMsMax: 4_000 },
  });
  const attempt = 'exec: process.execve';
  const told = { case: 83, attempt, without } as const;
  const text = Buffer.concat([report.output, Buffer.from(report.detail)]).toString();
  // Two ways to fail: a refusal that it lives to tell, or an image that dies before its first instruction of its own.
  if (report.cause === 'completed' && text.includes('"denied"'))
    return { ...told, verdict: 'denied', detail: text.slice(0, 120) };
  const isBorn = report.cause === 'protocol' || text.includes(world.told.birthMark);
  if (!isBorn) return { ...told, verdict: 'denied', detail: `${report.cause}: ${report.detail}` };
  const reason = harmlessHere(attempt, without);
  return {
    ...told,
    verdict: reason === undefined ? 'allowed' : 'harmless',
    detail: reason ?? report.cause,
  };
};
