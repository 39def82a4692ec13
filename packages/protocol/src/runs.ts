/** What is said of a run in the sandbox: how it ended, what it used, what it was stopped from doing. */
import { z } from 'zod';
import { GrantAlias } from './contract.ts';
import type { HttpGrant, RunLimits, SecretGrant, ServiceContract, WasmRun } from './contract.ts';
import { Count } from './words.ts';

/**
 * How a run ended.
 *
 * - `completed`: the module returned a result.
 * - `failed`: the module said itself that it failed.
 * - `invalid`: its result does not fit the contract's output schema.
 * - `trapped`: WebAssembly trapped, or JavaScript threw.
 * - `fuel`: the counted instructions ran out.
 * - `cpu`, `wall`, `memory`, `output`: the limit was crossed.
 * - `protocol`: the runner broke the rules of its pipe and was killed.
 * - `crashed`: the runner ended by itself.
 * - `refused`: the module was not admitted or could not be linked.
 * - `revoked`: the lease ended, so the runner was killed.
 * - `unavailable`: no runner could be had.
 */
export const RunCause = z.enum([
  'completed',
  'failed',
  'invalid',
  'trapped',
  'fuel',
  'cpu',
  'wall',
  'memory',
  'output',
  'protocol',
  'crashed',
  'refused',
  'revoked',
  'unavailable',
]);
export type RunCause = z.infer<typeof RunCause>;

/** What the runner host measured (H3). Nothing here comes from the runner, but for the fuel of a deterministic run. */
export const RunMeasure = z.strictObject({
  /** From the call to a runner that is free, ms. */
  queueMs: Count,
  /** From then to the result or the end of the runner, ms. */
  wallMs: Count,
  /** By the kernel's clock, compiling and collecting garbage included, ms. */
  cpuMs: Count,
  /** Largest resident set seen, less what the runner held before a module came, bytes; 0 where the platform tells none. */
  peakMemoryBytes: Count,
  apiCalls: Count,
  networkCalls: Count,
  /** Bytes to and from the network. */
  sentBytes: Count,
  receivedBytes: Count,
  logBytes: Count,
  fuel: Count.optional(),
});
export type RunMeasure = z.infer<typeof RunMeasure>;

/** What is measured of a run that never began. */
export const NO_MEASURE: RunMeasure = {
  queueMs: 0,
  wallMs: 0,
  cpuMs: 0,
  peakMemoryBytes: 0,
  apiCalls: 0,
  networkCalls: 0,
  sentBytes: 0,
  receivedBytes: 0,
  logBytes: 0,
};

/** What a guest tried or crossed. The run may go on after those that are refused. */
export const ViolationKind = z.enum([
  'cpu',
  'wall',
  'memory',
  'output',
  'protocol',
  'rate',
  'network-calls',
  'log',
  'host',
  'address',
  'credential',
  'secret-echoed',
]);
export type ViolationKind = z.infer<typeof ViolationKind>;

/** Characters of what a violation was about: an alias, a host, the name of a limit. */
export const NOTE_SUBJECT_CHARS_MAX = 300;

/** Something that a run did which the log keeps. Never a payload, never a secret. */
export const RunNote = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('violation'),
    violation: ViolationKind,
    subject: z.string().max(NOTE_SUBJECT_CHARS_MAX),
  }),
  z.strictObject({
    kind: z.literal('credential'),
    alias: GrantAlias,
    host: z.string().max(NOTE_SUBJECT_CHARS_MAX),
    method: z.string().regex(/^[A-Z]{1,16}$/, { error: 'is not a method such as GET' }),
    /** SHA-256 of the path, hex: who knows the path can check it. */
    pathHash: z.string().regex(/^[0-9a-f]{64}$/, { error: 'is not 64 hex digits' }),
    status: z.int().min(0).max(999),
    bytes: Count,
  }),
]);
export type RunNote = z.infer<typeof RunNote>;

/** The parts that a level is made of, by the names that reports use. */
export const IsolationLayer = z.enum([
  'process',
  'admission',
  'flags',
  'permission',
  'namespaces',
  'seccomp',
  'rlimits',
  'kill',
]);
export type IsolationLayer = z.infer<typeof IsolationLayer>;

/** What one run may do: the contract, narrowed by its task. */
export interface RunGrant {
  readonly limits: RunLimits;
  readonly http: readonly HttpGrant[];
  readonly secrets: readonly SecretGrant[];
}

const least = (one: number, other: number | undefined): number => Math.min(one, other ?? one);

/** The contract ∩ the task (H2): only grants that the task names, and the tighter of every two limits. */
export const grantOfRun = (
  contract: Pick<ServiceContract, 'limits' | 'http' | 'secrets'>,
  { use = [], limits = {} }: Pick<WasmRun, 'use' | 'limits'>,
): RunGrant => {
  const named = new Set(use);
  return {
    limits: {
      ...contract.limits,
      cpuMsMax: least(contract.limits.cpuMsMax, limits.cpuMsMax),
      wallMsMax: least(contract.limits.wallMsMax, limits.wallMsMax),
      memoryMibMax: least(contract.limits.memoryMibMax, limits.memoryMibMax),
      networkCallsMax: least(contract.limits.networkCallsMax, limits.networkCallsMax),
    },
    http: contract.http.filter(({ alias }) => named.has(alias)),
    secrets: contract.secrets.filter(({ alias }) => named.has(alias)),
  };
};
