/** What a runner is told of a module: what its contract says, and the limits of the run. */
import type { ModuleLoad, Runner } from '@infrafabric/fabric/chassis';
import type { RunLimits, ServiceContract } from '@infrafabric/protocol';

/** What a load came to. */
export type LoadAnswer = Awaited<ReturnType<Runner['load']>>;

/**
 * What admission said, where it said anything: a host that was busy, or a contract that does not fit, says nothing of the
 * module. The host's own codes begin with “module.”.
 */
export const verdictIn = (
  loaded: LoadAnswer,
):
  | { readonly admitted: true }
  | { readonly admitted: false; readonly reason: string }
  | undefined => {
  if (loaded.ok) return { admitted: true };
  if (!('code' in loaded) || loaded.code.startsWith('module.')) return undefined;
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
