/** What a runner is told of a module: what its contract says, and the limits of the run. */
import type { ModuleLoad, Runner } from '@infrafabric/fabric/chassis';
import type { RunLimits, ServiceContract } from '@infrafabric/protocol';

/** What a load came to. */
export type LoadAnswer = Awaited<ReturnType<Runner['load']>>;

/**
 * Codes of admission that say how a module and a contract, or the limits of one task, do not fit each other. The realm
 * keeps one verdict for a module: what is said of one contract would stop the module everywhere.
 */
const MISFITS: ReadonlySet<string> = new Set([
  'entrypoint-kind',
  'entrypoint-missing',
  'entrypoint-signature',
  'import-not-granted',
  'memory-too-large',
  'start-function',
]);

/**
 * What admission said of the module, where it said anything: a host that was busy, or a contract that does not fit, says
 * nothing of the module. The host's own codes begin with “module.”.
 */
export const verdictIn = (
  loaded: LoadAnswer,
):
  | { readonly admitted: true }
  | { readonly admitted: false; readonly reason: string }
  | undefined => {
  if (loaded.ok) return { admitted: true };
  if (!('code' in loaded) || loaded.code.startsWith('module.') || MISFITS.has(loaded.code))
    return undefined;
  return { admitted: false, reason: `${loaded.code}: ${loaded.reason}` };
};

export const moduleLoadOf = (
  { module, hostFunctions, reuse, deterministic }: ServiceContract,
  bytes: Uint8Array,
  limits: RunLimits,
): ModuleLoad => ({
  bytes,
  digest: module.digest,
  abi: module.abi,
  entrypoints: module.entrypoints,
  hostFunctions,
  reuse,
  allowStart: module.start,
  deterministic,
  limits,
});
