/** Cases whose attack is a module: every module of the number is played, and what stopped each is read off its end. */
import type { RunCause } from '@infrafabric/protocol';
import { MODULE_ATTACKS, type ModuleAttack } from '../modules/attacks.ts';
import type { Ground, Played } from './ground.ts';
import { isAlive } from './proc.ts';
import { contained, escaped, type ContainmentCase, type Ending, type Stop } from './words.ts';

/** What an attack gets that names no limits: enough to come to its own end on a busy machine. */
const LIMITS = { cpuMsMax: 5_000, wallMsMax: 15_000 } as const;
/** CPU beyond its limit that a guest may have used when it is gone, ms (the goal of the kill). */
const OVERSHOOT_MS_MAX = 150;

const LIMIT_CAUSES: ReadonlySet<RunCause> = new Set([
  'cpu',
  'wall',
  'memory',
  'protocol',
  'output',
]);

export interface ModuleCaseOptions {
  /** What denied a module that ended in peace: it says itself where nothing did (see modules/attack.ts). */
  readonly completedBy?: Stop;
  /** A closer look at one module's run; the text says what does not hold. */
  readonly look?: (attack: ModuleAttack, played: Played) => string | undefined;
}

export const moduleCase = (
  number: number,
  name: string,
  by: readonly Stop[],
  options: ModuleCaseOptions = {},
): ContainmentCase<Ground> => ({
  number,
  name,
  by,
  run: (ground) => playModules(ground, number, by, options),
});

interface End {
  readonly by: Stop;
  readonly how: string;
  readonly killed: boolean;
}

/** Plays all modules of a number. One that a layer stopped which was not meant to is the case's end. */
export const playModules = async (
  ground: Ground,
  number: number,
  by: readonly Stop[],
  options: ModuleCaseOptions = {},
): Promise<Ending> => {
  const attacks = MODULE_ATTACKS.filter((attack) => attack.case === number);
  if (attacks.length === 0) return escaped(`there is no module for case ${number}`);
  const ends: End[] = [];
  for (const attack of attacks) {
    const end = await playModule(ground, attack, options);
    if (typeof end === 'string') return escaped(`${attack.name}: ${end}`);
    if (!by.includes(end.by)) return contained(end.by, `${attack.name}: ${end.how}`);
    ends.push(end);
  }
  const hows = [...new Set(ends.map(({ how }) => how))];
  return contained(
    ends[0]?.by ?? 'admission',
    `${ends.length === 1 ? '' : `${ends.length} modules: `}${hows.slice(0, 3).join('; ')}`,
    { killed: ends.some(({ killed }) => killed) },
  );
};

/** How one module ended, or what does not hold. */
const playModule = async (
  ground: Ground,
  attack: ModuleAttack,
  { completedBy = 'engine', look }: ModuleCaseOptions,
): Promise<End | string> => {
  const limits = { ...LIMITS, ...attack.limits };
  const { memoryMibMax: memoryMib } = limits;
  const runner = await ground.runner(memoryMib === undefined ? {} : { memoryMib });
  const loaded = await ground.load(runner, {
    bytes: await ground.builder.bytesOf(MODULE_ATTACKS.indexOf(attack)),
    abi: attack.abi,
    entrypoints: [attack.entrypoint],
    hostFunctions: attack.hostFunctions,
    allowStart: attack.allowStart,
    deterministic: attack.deterministic,
    limits,
  });
  if (!loaded.ok) {
    const code = 'code' in loaded ? loaded.code : undefined;
    const stopped = /ended by the limit of|ended by itself/.test(loaded.reason);
    if (stopped && attack.causes.some((cause) => LIMIT_CAUSES.has(cause)))
      return { by: 'kill', how: loaded.reason.slice(0, 60), killed: true };
    if (!attack.causes.includes('refused')) return `refused: ${loaded.reason}`;
    if (attack.code !== undefined && code !== attack.code)
      return `refused as ${code ?? loaded.reason}, not as ${attack.code}`;
    const isLinking = /import/.test(loaded.reason);
    return {
      by: code === undefined ? (isLinking ? 'linker' : 'engine') : 'admission',
      how: `refused: ${code ?? loaded.reason.slice(0, 60)}`,
      killed: false,
    };
  }
  const played = await ground.play(runner, {
    entrypoint: attack.entrypoint,
    limits,
    onCall: () => Promise.resolve(new Uint8Array()),
  });
  const { cause, detail, measure } = played.report;
  if (!attack.causes.includes(cause)) return `${cause}: ${detail}`;
  const flaw = look?.(attack, played) ?? flawOf(played, attack);
  if (flaw !== undefined) return flaw;
  const isKill = LIMIT_CAUSES.has(cause);
  if (isKill && isAlive(runner.pid)) return `${cause}, and the runner lives`;
  const used = `${measure.cpuMs} ms of CPU, ${Math.round(measure.peakMemoryBytes / 1024 / 1024)} MiB`;
  if (isKill) return { by: 'kill', how: `${cause} after ${used}`, killed: true };
  if (cause === 'crashed') return { by: 'process', how: `crashed: ${used}`, killed: true };
  if (cause === 'fuel') return { by: 'fuel', how: `out of fuel after ${used}`, killed: false };
  if (cause === 'trapped')
    return { by: 'engine', how: `trapped: ${detail.slice(0, 40)}`, killed: false };
  return { by: completedBy, how: 'denied, and ended inside its limits', killed: false };
};

const flawOf = ({ report }: Played, { limits }: ModuleAttack): string | undefined => {
  const { cpuMsMax } = limits;
  if (report.cause !== 'cpu' || cpuMsMax === undefined) return undefined;
  const over = report.measure.cpuMs - cpuMsMax;
  // The kernel counts in ticks of 10 ms where it counts a process.
  if (over < -20) return `stopped for its CPU, of which ${report.measure.cpuMs} ms were measured`;
  return over > OVERSHOOT_MS_MAX ? `${Math.round(over)} ms of CPU over the limit` : undefined;
};
