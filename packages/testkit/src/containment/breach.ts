/**
 * Cases 81 to 94: the guest owns the runner. Every attempt is made under all layers and with each single layer left out
 * in turn, once for all of the cases; each case then reads its own rows.
 */
import { FROM_RUNNER } from '@infrafabric/fabric/chassis';
import { attemptsOfJavaScript } from './breach-js.ts';
import { attemptsOfRawCalls } from './breach-raw.ts';
import type { Ground } from './ground.ts';
import { openOutside } from './outside.ts';
import { ancestorsOf, commandOf, descendantsOf, isAlive } from './proc.ts';
import { breachRunner, speak } from './spoken.ts';
import {
  contained,
  escaped,
  type Attempted,
  type ContainmentCase,
  type Ending,
  type LeftOut,
  type Stop,
} from './words.ts';

/** Sets of layers, by what is left out. */
const SETS: readonly LeftOut[] = ['none', 'permission', 'level 2', 'seccomp', 'rlimits', 'flags'];
/** Code in the address space does not ask node: what is node's own layer changes nothing for it. */
const RAW_SETS: readonly LeftOut[] = ['none', 'namespaces', 'level 2', 'seccomp', 'rlimits'];
const GONE_MS_MAX = 1_500;

const matrices = new WeakMap<Ground, Promise<readonly Attempted[]>>();
const finished = new WeakMap<Ground, readonly Attempted[]>();

/** The matrix of a ground, made at the first question. */
const matrixOf = (ground: Ground): Promise<readonly Attempted[]> => {
  const known = matrices.get(ground);
  if (known !== undefined) return known;
  const made = makeMatrix(ground);
  matrices.set(ground, made);
  return made;
};

/** What was found, where a case asked; for reports. */
export const matrixOnGround = (ground: Ground): readonly Attempted[] => finished.get(ground) ?? [];

const makeMatrix = async (ground: Ground): Promise<readonly Attempted[]> => {
  const world = await openOutside();
  const attempted: Attempted[] = [];
  try {
    for (const without of SETS)
      attempted.push(...(await attemptsOfJavaScript({ ground, world, without })));
    for (const without of RAW_SETS) {
      // The neighbour is of the runners' own user, wherever that is.
      const host = await ground.breachHost(without === 'namespaces' ? 'level 2' : without);
      const victim = await breachRunner(ground, ['speak'], host);
      attempted.push(
        ...(await attemptsOfRawCalls({
          node: ground.node,
          world,
          victimPid: victim.pid,
          without,
          layers: new Set(victim.layers),
        })),
      );
      await victim.destroy();
    }
  } finally {
    await world.close();
  }
  finished.set(ground, attempted);
  return attempted;
};

const breachCase = (number: number, name: string, by: Stop): ContainmentCase<Ground> => ({
  number,
  name,
  by: [by],
  run: async (ground) => {
    const rows = (await matrixOf(ground)).filter((one) => one.case === number);
    const allowed = rows.filter(({ verdict }) => verdict === 'allowed');
    if (rows.length === 0) return escaped('nothing was attempted');
    if (allowed.length > 0)
      return escaped(
        allowed.map((one) => `${one.attempt} without ${one.without}: ${one.detail}`).join('; '),
      );
    const attempts = new Set(rows.map(({ attempt }) => attempt)).size;
    const harmless = rows.filter(({ verdict }) => verdict === 'harmless').length;
    const sets = new Set(rows.map(({ without }) => without)).size;
    return contained(
      by,
      `${attempts} attempts × ${sets} sets of layers: ${rows.length - harmless} denied${harmless === 0 ? '' : `, ${harmless} let through harmlessly`}`,
    );
  },
});

/** A runner that says of itself what it likes; the parent reports what the kernel says. */
const forgedFrames = async (ground: Ground): Promise<Ending> => {
  const runner = await breachRunner(ground, ['speak']);
  const claims = JSON.stringify({ cpuMs: 0, cause: 'completed', costMicroUsd: 0, latencyMs: 1 });
  const lied = await speak(ground, runner, [
    { spinMs: 220 },
    { type: FROM_RUNNER.log, base64: Buffer.from(`\u0002${claims}`).toString('base64') },
    { result: { status: 0, fuel: 9_007_199_254_740_991, payload: claims } },
  ]);
  const { cause, measure, level } = lied.report;
  if (cause !== 'completed') return escaped(`${cause}: ${lied.report.detail}`);
  if (measure.cpuMs < 150 || measure.wallMs < 200)
    return escaped(
      `${measure.cpuMs} ms of CPU and ${measure.wallMs} ms were measured, 220 were spun`,
    );
  if (measure.fuel !== undefined || level !== ground.host.attained().level)
    return escaped('a figure of the runner was believed');
  for (const fuel of [Number.NaN, -1, Number.POSITIVE_INFINITY, 0.5]) {
    const { report } = await speak(ground, runner, [{ result: { status: 0, fuel, payload: 'x' } }]);
    if (report.measure.fuel !== undefined) return escaped(`fuel ${fuel} was believed`);
  }
  // A result with a status that there is not, and one that ends before its head does.
  for (const base64 of [Buffer.alloc(9, 77), Buffer.alloc(3)].map((one) =>
    one.toString('base64'),
  )) {
    const other = await breachRunner(ground, ['speak']);
    const { report } = await speak(ground, other, [
      { type: FROM_RUNNER.result, base64 },
      { silence: true },
    ]);
    if (report.cause !== 'protocol') return escaped(`a forged result: ${report.cause}`);
  }
  return contained('account', `${measure.cpuMs} ms of CPU were measured where none were told`, {
    killed: true,
  });
};

const killOfTheWrapper = async (ground: Ground): Promise<Ending> => {
  const told: string[] = [];
  for (const name of ['bwrap', 'timeout']) {
    const runner = await ground.runner({ host: await ground.breachHost() });
    const chain = ancestorsOf(runner.pid);
    const ours = chain.slice(0, chain.indexOf(process.pid));
    // The outermost of its name.
    const wrapper = ours.findLast((pid) => commandOf(pid)[0]?.endsWith(name) === true);
    if (wrapper === undefined) {
      if (name === 'bwrap') return escaped('there is no bubblewrap above the runner');
      continue;
    }
    const family = [runner.pid, ...(await descendantsOf(wrapper))];
    const at = performance.now();
    process.kill(wrapper, 'SIGKILL');
    while (family.some(isAlive) && performance.now() - at < GONE_MS_MAX)
      await new Promise((resolve) => setTimeout(resolve, 2));
    const left = family.filter(isAlive);
    if (left.length > 0) return escaped(`${left.length} processes outlived ${name}`);
    told.push(`${name}: all gone in ${Math.round(performance.now() - at)} ms`);
    await runner.destroy();
  }
  return contained('namespaces', told.join(', '), { killed: true });
};

export const BREACH: readonly ContainmentCase<Ground>[] = [
  breachCase(81, 'reading files', 'permission'),
  breachCase(82, 'writing files', 'permission'),
  breachCase(83, 'executing a program', 'permission'),
  breachCase(84, 'sockets: TCP, UDP, unix', 'seccomp'),
  breachCase(85, 'workers and threads', 'permission'),
  breachCase(86, 'signals to others', 'namespaces'),
  breachCase(87, '/proc', 'permission'),
  breachCase(88, 'the environment', 'namespaces'),
  breachCase(89, 'loading a library', 'flags'),
  breachCase(90, 'the kernel’s own doors', 'seccomp'),
  breachCase(91, 'the x32 and i386 ways in', 'seccomp'),
  breachCase(92, 'a fork bomb', 'rlimits'),
  { number: 93, name: 'forged frames', by: ['account'], run: forgedFrames },
  { number: 94, name: 'a kill of the outer bubblewrap', by: ['namespaces'], run: killOfTheWrapper },
];
