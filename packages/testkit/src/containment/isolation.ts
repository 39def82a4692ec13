/** Cases 74 to 80: what one guest leaves for the next one, which has to be nothing. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Ground } from './ground.ts';
import {
  countingGuest,
  echoGuest,
  memoryGuest,
  numberOf,
  rightNeighbour,
  trapGuest,
} from './guests.ts';
import { openOutside } from './outside.ts';
import { isAlive, rssBytes } from './proc.ts';
import { breachRunner, httpCall, speak, answersOf } from './spoken.ts';
import { answerText, grantOf, openUpstream } from './upstream.ts';
import { attemptTables } from './breach-js.ts';
import { contained, escaped, type ContainmentCase, type Ending } from './words.ts';

/** One run of `countingGuest` in an instance that nothing ran in before: each count is of this run alone. */
const FIRST_RUN = 1_010_200n;
const MEMORY_PAGES = 512;
const TRAPS = 10_000;
/** V8 collects what traps leave behind in its own time; what it may hold until then. */
const TRAP_GROWTH_BYTES_MAX = 48 * 1024 * 1024;

const freshInstance = async (ground: Ground): Promise<Ending> => {
  const runner = await ground.runner();
  const loaded = await ground.load(runner, await countingGuest());
  if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  for (let run = 0; run < 3; run += 1) {
    const { report } = await ground.play(runner);
    const counts = numberOf(report.output);
    if (report.cause !== 'completed' || counts !== FIRST_RUN)
      return escaped(`run ${run + 1}: ${report.cause} ${counts} ${report.detail}`);
  }
  return contained('tenancy', 'memory, globals, tables and variables are those of a first run');
};

const neverReused = async (ground: Ground): Promise<Ending> => {
  const pids = new Set<number>();
  for (let round = 0; round < 6; round += 1) {
    const runner = await ground.runner();
    if (pids.has(runner.pid)) return escaped(`process ${runner.pid} had another tenant before`);
    pids.add(runner.pid);
    const loaded = await ground.load(runner, await echoGuest());
    const { report } = await ground.play(runner, { input: `round ${round}` });
    if (!loaded.ok || Buffer.from(report.output).toString() !== `round ${round}`)
      return escaped(`${report.cause}: ${report.detail}`);
    await runner.destroy();
    if (isAlive(runner.pid)) return escaped(`process ${runner.pid} outlived its tenant`);
  }
  return contained('tenancy', `${pids.size} tenants, ${pids.size} processes, each gone after it`, {
    killed: true,
  });
};

const oneModuleTwoSwarms = async (ground: Ground): Promise<Ending> => {
  const module = { ...(await countingGuest()), reuse: 'session' as const };
  const one = await ground.runner();
  const other = await ground.runner();
  for (const runner of [one, other]) {
    const loaded = await ground.load(runner, module);
    if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  }
  if (one.pid === other.pid) return escaped('one process serves both');
  const counts: bigint[] = [];
  for (const runner of [one, one, one, other]) {
    const { report } = await ground.play(runner);
    counts.push(numberOf(report.output));
  }
  // The first keeps its own state, as its contract says; the second has seen nothing of it.
  if (counts[2] === FIRST_RUN) return escaped('the session kept nothing: the test is blind');
  if (counts[3] !== FIRST_RUN) return escaped(`the other swarm begins at ${counts[3]}`);
  return contained('tenancy', `${counts[2]} in one swarm, ${counts[3]} in the other`);
};

const zeroedMemory = async (ground: Ground): Promise<Ending> => {
  const module = { ...(await memoryGuest(MEMORY_PAGES)), limits: { memoryMibMax: 64 } };
  const first = await ground.runner();
  await ground.load(first, module);
  const filled = await ground.play(first, { entrypoint: 'fill' });
  // The same process too: a fresh instance of a session must not see the one before.
  const again = await ground.play(first);
  await first.destroy();
  const second = await ground.runner();
  await ground.load(second, module);
  const looked = await ground.play(second);
  if (filled.report.cause !== 'completed') return escaped(filled.report.detail);
  const found = [again, looked].map(({ report }) => numberOf(report.output));
  if (found.some((words) => words !== 0n))
    return escaped(`${found.join(' and ')} words are not zero`);
  return contained(
    'tenancy',
    `${MEMORY_PAGES / 16} MiB, all zero, in the next run and in the next swarm`,
  );
};

const meetingPlaces = async (ground: Ground): Promise<Ending> => {
  const outside = await openOutside();
  ground.atEndOfCase(() => outside.close());
  const attempts = await Promise.all(
    // Both at once: a lock, a port or a file of one would be seen by the other.
    [0, 1].map(async () => {
      const runner = await breachRunner(ground, ['names', 'write', 'network']);
      return attemptTables(ground, runner, ['write', 'network'], {
        ...outside.told,
        attempt: '',
        victimPid: process.pid,
        libraries: [],
      });
    }),
  );
  const said = attempts.flat();
  const through = said.filter(({ outcome }) => outcome === 'allowed').map(({ attempt }) => attempt);
  const touched = await outside.touched();
  if (through.length + touched.length > 0) return escaped([...through, ...touched].join(', '));
  return contained('rlimits', `${said.length} tries for a file, a port, a socket by two at once`);
};

const trapStorm = async (ground: Ground): Promise<Ending> => {
  const runner = await ground.runner();
  const loaded = await ground.load(runner, await trapGuest());
  if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
  const traps = async (count: number): Promise<string | undefined> => {
    for (let trap = 0; trap < count; trap += 1) {
      const { report } = await ground.play(runner);
      if (report.cause !== 'trapped') return `${report.cause}: ${report.detail}`;
    }
    return undefined;
  };
  // The first thousand fill what V8 keeps for itself.
  const early = await traps(1_000);
  const before = { runner: await rssBytes(runner.pid), parent: process.memoryUsage.rss() };
  const late = await traps(TRAPS - 1_000);
  if (early !== undefined || late !== undefined) return escaped(early ?? late ?? '');
  const grown = {
    runner: (await rssBytes(runner.pid)) - before.runner,
    parent: process.memoryUsage.rss() - before.parent,
  };
  if (Math.max(grown.runner, grown.parent) > TRAP_GROWTH_BYTES_MAX)
    return escaped(`runner +${grown.runner}, parent +${grown.parent} bytes`);
  const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);
  return contained(
    'engine',
    `${TRAPS} traps, runner +${mib(grown.runner)}, parent +${mib(grown.parent)} MiB`,
  );
};

const NAMES = ['__proto__', '../../x', 'constructor', 'a\0b', '', 'x'.repeat(4_096)];

const oddSwarmNames = async (ground: Ground): Promise<Ending> => {
  const upstream = await openUpstream(ground, answerText('ok'));
  const mark = randomBytes(6).toString('hex');
  for (const name of NAMES) {
    const tenant = { swarmId: name, sessionId: `${name}-${mark}` };
    const runner = await ground.runner({ tenant, host: await ground.breachHost() });
    const loaded = await ground.load(runner, {
      bytes: Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0),
      abi: 'extism',
      entrypoints: ['speak'],
      hostFunctions: ['http'],
    });
    if (!loaded.ok) return escaped(`not loaded: ${loaded.reason}`);
    const played = await speak(
      ground,
      runner,
      [httpCall({ alias: 'upstream', url: '/v1/' }), httpCall({ alias: 'upstream', url: '/v1/' })],
      { http: [grantOf(upstream.origin)], limits: { apiCallsPerSecondMax: 2 } },
    );
    // Two a second: had the swarm before it shared its bucket, these would have waited.
    const statuses = answersOf(played).map(({ status }) => status);
    if (statuses.join() !== '200,200')
      return escaped(`${name}: ${played.report.cause} ${statuses.join()}`);
  }
  const prototypes: object[] = [Object.prototype, Array.prototype, Map.prototype];
  if (prototypes.some((prototype) => Object.keys(prototype).length > 0))
    return escaped('a prototype was changed');
  if (existsSync(join(ground.folder, '..', '..', 'x'))) return escaped('a folder was made');
  const neighbour = await rightNeighbour(ground);
  if (neighbour !== undefined) return escaped(neighbour);
  return contained('tenancy', `${NAMES.length} names, each a tenant of its own`);
};

export const ISOLATION: readonly ContainmentCase<Ground>[] = [
  { number: 74, name: 'memory and globals of the run before', by: ['tenancy'], run: freshInstance },
  { number: 75, name: 'a runner of another swarm', by: ['tenancy'], run: neverReused },
  { number: 76, name: 'one module in two swarms', by: ['tenancy'], run: oneModuleTwoSwarms },
  { number: 77, name: 'memory of a swarm that died', by: ['tenancy'], run: zeroedMemory },
  { number: 78, name: 'two guests try to meet', by: ['rlimits'], run: meetingPlaces },
  { number: 79, name: 'a storm of traps', by: ['engine'], run: trapStorm },
  { number: 80, name: 'swarms named __proto__ and ../x', by: ['tenancy'], run: oddSwarmNames },
];
