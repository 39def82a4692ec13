/**
 * Random commands of contracts, modules and runs. Modules are two, providers are two: contracts are replaced, runs meet
 * verdicts that changed, and a provider has more than one swarm.
 */
import { liveLeases, taskSpec, type RunState, type World } from '@infrafabric/core';
import {
  RUN_NOTES_MAX,
  RUN_ORPHAN_MS,
  RunCause,
  ServiceContract,
  WasmRun,
  type InputOf,
} from '@infrafabric/protocol';

import { command, fenceFor, heldTask, SKILLS, type Choose, type Sight } from './random-sight.ts';
import type { Random } from './random.ts';
import type { RunCommand } from './realm-run.ts';

/** Never registered. */
const LONE = 'lone';
const SWARMS = ['core', 'sip', LONE];
const PROVIDERS = ['acme', 'evil'];
const MODULE = `sha256:${'a'.repeat(64)}`;
const MODULES = [MODULE, `sha256:${'b'.repeat(64)}`];
const LAYERS = ['process', 'admission', 'flags', 'permission', 'rlimits', 'namespaces'] as const;
const WALL_MS = [100, 10_000, 300_000];
/** One that is revoked is a success of nobody; most end well. */
const CAUSES: readonly RunCause[] = [...RunCause.options, ...Array<RunCause>(12).fill('completed')];

/** Most tasks run no module. */
export const randomRun = (random: Random): { readonly run?: WasmRun } =>
  random.chance(0.5)
    ? {
        run: WasmRun.parse({
          wasm: random.pick(MODULES),
          entrypoint: random.chance(0.9) ? 'run' : 'other',
          ...(random.chance(0.5) ? { use: ['api'] } : {}),
          ...(random.chance(0.3) ? { limits: { wallMsMax: random.pick(WALL_MS) } } : {}),
          ...(random.chance(0.2) ? { minLevel: random.below(4) } : {}),
        }),
      }
    : {};

/** A contract as a surface would have parsed it: its defaults are in it. */
export const contractFor = (
  said: Partial<InputOf<'contracts.accept'>['contract']> = {},
): ServiceContract =>
  ServiceContract.parse({
    contractVersion: 1,
    provider: 'acme',
    swarmId: 's',
    version: '1.0.0',
    module: { digest: MODULE, abi: 'json', entrypoints: ['run'] },
    ...said,
  });

/** A task that is leased and names a module, and the swarm whose contract it would run under. */
interface Runnable {
  readonly taskId: string;
  readonly swarmId: string;
  readonly module: string;
}

const runnable = (world: World): readonly Runnable[] =>
  [...liveLeases(world)].flatMap(({ taskId, sessionId }) => {
    const swarmId = world.coordinator.sessions.get(sessionId)?.swarm;
    const spec = taskSpec(world, taskId)?.run;
    if (swarmId === undefined || spec === undefined || !('wasm' in spec)) return [];
    return [{ taskId, swarmId, module: spec.wasm }];
  });

const hasContract = ({ chassis }: World, { swarmId, module }: Omit<Runnable, 'taskId'>): boolean =>
  chassis.contracts.has(`${swarmId} ${module}`);

const registerSwarm = (swarmId: string): RunCommand =>
  command('swarms.register', {
    profile: { swarmId, capabilities: [SKILLS[0]], costPerHourMicroUsd: 0 },
  });

/** Mostly of a swarm that is registered, for a pair that has none yet. */
const acceptContract: Choose = ({ random, world }) => {
  const swarmIds = [...world.governor.swarms.keys()];
  const lacking = swarmIds
    .flatMap((swarmId) => MODULES.map((module) => ({ swarmId, module })))
    .filter((pair) => !hasContract(world, pair));
  const any = { swarmId: random.pick(SWARMS), module: random.pick(MODULES) };
  const pair = lacking.length > 0 && random.chance(0.8) ? random.pick(lacking) : any;
  return command('contracts.accept', { contract: randomContract(random, pair) });
};

/** What a run lacks: a swarm, contracts of it, a session, or a task. */
const towardsRun: Choose = (sight) => {
  const { random, world } = sight;
  const { swarms } = world.governor;
  if (swarms.size === 0) return registerSwarm(random.pick(SWARMS.slice(0, 2)));
  if (world.chassis.contracts.size < MODULES.length) return acceptContract(sight);
  const swarmId = random.pick([...swarms.keys()]);
  const own = [...(world.governor.sessionsOf.get(swarmId) ?? [])];
  return own.length === 0
    ? command(
        'sessions.open',
        { agent: 'run', role: 'runner', swarm: swarmId, capabilities: [...SKILLS], leasesMax: 3 },
        { ids: [`ses${world.realm.size}`] },
      )
    : command('tasks.next', { sessionId: random.pick(own), count: 2 });
};

const randomContract = (
  random: Random,
  { swarmId, module }: Omit<Runnable, 'taskId'>,
): ServiceContract =>
  contractFor({
    provider: random.pick(PROVIDERS),
    swarmId,
    version: `1.${random.below(3)}.0`,
    module: { digest: module, abi: 'json', entrypoints: ['run'] },
    guarantees: random.chance(0.7)
      ? {
          latencyP95Ms: random.pick([50, 5_000]),
          successPermyriadMin: 9_500,
          availabilityPermyriadMin: 9_000,
        }
      : {},
    hostFunctions: ['http'],
    http: [
      { alias: 'api', origin: 'https://api.test', methods: ['GET'], pathPrefix: '/' },
      { alias: 'web', origin: 'https://web.test', methods: ['GET'], pathPrefix: '/' },
    ],
    ...(random.chance(0.5)
      ? { secrets: [{ alias: 'api', ref: 'vault://k#t', inject: { header: 'x-key' } }] }
      : {}),
    minLevel: random.pick([0, 1, 3]),
  });

const recordModule: Choose = ({ random }) => {
  const admitted = random.chance(0.8);
  return command('modules.record', {
    digest: random.pick(MODULES),
    bytes: 100,
    abi: 'json',
    admitted,
    ...(admitted ? {} : { reason: 'it imports env.exec' }),
    admission: 1 + random.below(2),
    engine: '13.6',
    ...(random.chance(0.5) ? { memoryPages: 1, functions: 2 } : {}),
  });
};

/** Mostly of a task that has a contract and no run. */
const startRun: Choose = (sight) => {
  const { random, world } = sight;
  const ready = runnable(world).filter(
    (one) => !world.chassis.open.has(one.taskId) && hasContract(world, one),
  );
  if (ready.length === 0 && random.chance(0.8)) return towardsRun(sight);
  const isAny = ready.length === 0 || random.chance(0.1);
  const taskId = isAny ? heldTask(sight) : random.pick(ready).taskId;
  return command(
    'runs.start',
    {
      taskId,
      fence: fenceFor(sight, taskId),
      level: random.pick([0, 2, 3, 3, 3, 3, 3, 3]),
      layers: LAYERS.filter(() => random.chance(0.8)),
      node: '24.0.0',
      platform: random.pick(['linux-x64', 'darwin-arm64']),
    },
    { ids: [`run${world.realm.size}`] },
  );
};

const openRuns = ({ chassis }: World): readonly RunState[] => [...chassis.open.values()];

/** An open run, one time in ten any. */
const runFor = ({ random, world }: Sight): string => {
  const all = [...world.chassis.runs.keys()];
  const open = openRuns(world).map(({ id }) => id);
  if (open.length > 0 && random.chance(0.9)) return random.pick(open);
  return all.length === 0 ? 'run0' : random.pick(all);
};

/** The command where a run is open; else one is started. */
const ifRun =
  (choose: Choose): Choose =>
  (sight) =>
    sight.world.chassis.open.size === 0 && sight.random.chance(0.9)
      ? startRun(sight)
      : choose(sight);

const endRun: Choose = (sight) => {
  const { random } = sight;
  return command('runs.end', {
    runId: runFor(sight),
    cause: random.pick(CAUSES),
    measure: {
      queueMs: random.below(20),
      wallMs: random.pick([1, 40, 4_000]),
      cpuMs: random.below(6_000),
      peakMemoryBytes: random.below(400_000_000),
      apiCalls: random.below(5),
      networkCalls: random.below(5),
      sentBytes: 1,
      receivedBytes: 2,
      logBytes: 3,
      ...(random.chance(0.2) ? { fuel: random.below(1_000) } : {}),
    },
    ...(random.chance(0.3) ? { detail: 'out of luck' } : {}),
    ...(random.chance(0.3) ? { output: MODULE } : {}),
  });
};

const NOTES = [
  { kind: 'violation', violation: 'rate', subject: 'api' },
  {
    kind: 'credential',
    alias: 'api',
    host: 'api.test',
    method: 'GET',
    pathHash: '0'.repeat(64),
    status: 200,
    bytes: 17,
  },
] as const;

/** One in five is a flood: more than a run has room for. */
const noteRun: Choose = (sight) => {
  const count = sight.random.chance(0.2) ? RUN_NOTES_MAX + 1 : 1 + sight.random.below(3);
  const notes = Array.from({ length: count }, () => sight.random.pick(NOTES));
  return command('runs.note', { runId: runFor(sight), notes });
};

/** Mostly of a run whose lease has ended. */
const expireRun: Choose = (sight) => {
  const { random, world } = sight;
  const due = openRuns(world).filter(
    ({ leaseEnded }) => leaseEnded !== undefined && leaseEnded.at + RUN_ORPHAN_MS <= world.realm.at,
  );
  const runId = due.length === 0 ? runFor(sight) : random.pick(due).id;
  return command('runs.expire', { runId }, { cred: 'realm' });
};

export const CHASSIS_CHOICES: readonly (readonly [number, Choose])[] = [
  [1, acceptContract],
  [0.5, recordModule],
  [6, startRun],
  [2.5, ifRun(endRun)],
  [1.5, ifRun(noteRun)],
  [2, ifRun(expireRun)],
];
