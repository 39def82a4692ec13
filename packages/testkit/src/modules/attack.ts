/** One module that attacks, and how its run has to end. */
import type { HostFunction, ModuleAbi, RunCause, RunLimits } from '@infrafabric/protocol';
import { wasmOf } from './wat.ts';

/**
 * How it ends, in one word: not admitted or not linked; a trap of its own; killed or stopped at a limit; out of fuel; or
 * its end, because what it tried was denied in a way that it can live with. A module that finds itself *not* denied
 * returns an error, so `completed` is a finding and `failed` is a breach.
 */
export type AttackEnd = 'refused' | 'trapped' | 'killed' | 'fuel' | 'completed';

export interface ModuleAttack {
  /** Of the containment suite; numbers are permanent, and one may have several modules. */
  readonly case: number;
  readonly name: string;
  readonly bytes: () => Promise<Uint8Array>;
  readonly abi: ModuleAbi;
  readonly entrypoint: string;
  readonly expects: AttackEnd;
  /** The causes that a report may name: several where two limits race, or where the platform decides. */
  readonly causes: readonly RunCause[];
  /** Code of the refusal, where admission refuses it; absent where linking or validating does. */
  readonly code?: string;
  readonly hostFunctions: readonly HostFunction[];
  readonly allowStart: boolean;
  readonly deterministic: boolean;
  readonly limits: Partial<RunLimits>;
}

/** Limits of an attack that spins: the suite waits for each of them. */
export const SPIN_LIMITS: Partial<RunLimits> = {
  cpuMsMax: 300,
  wallMsMax: 5_000,
  cpuPercentMax: 100,
};

const CAUSES: Readonly<Record<AttackEnd, readonly RunCause[]>> = {
  refused: ['refused'],
  trapped: ['trapped'],
  killed: ['cpu', 'wall', 'memory'],
  fuel: ['fuel'],
  completed: ['completed'],
};

export type AttackOptions = Partial<Omit<ModuleAttack, 'case' | 'name' | 'bytes' | 'expects'>>;

/** An attack whose module is made by a function. */
export const attack = (
  number: number,
  name: string,
  bytes: () => Uint8Array | Promise<Uint8Array>,
  expects: AttackEnd,
  options: AttackOptions = {},
): ModuleAttack => ({
  case: number,
  name,
  bytes: async () => bytes(),
  abi: 'extism',
  entrypoint: 'run',
  expects,
  causes: CAUSES[expects],
  hostFunctions: [],
  allowStart: false,
  deterministic: false,
  limits: expects === 'killed' ? SPIN_LIMITS : {},
  ...options,
});

/** An attack whose module is a text. */
export const watAttack = (
  number: number,
  name: string,
  text: string,
  expects: AttackEnd,
  options: AttackOptions = {},
): ModuleAttack => attack(number, name, () => wasmOf(text), expects, options);

/** An attack whose module is a script. */
export const scriptAttack = (
  number: number,
  name: string,
  script: string,
  expects: AttackEnd,
  options: AttackOptions = {},
): ModuleAttack =>
  attack(number, name, () => new TextEncoder().encode(script), expects, { abi: 'js', ...options });
