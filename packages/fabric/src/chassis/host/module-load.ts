/** Headers of a module for the runner, and under which key a verdict on it holds. */
import { createHash } from 'node:crypto';
import type { AdmitHeader, LoadHeader, ModuleLoad } from '../words.ts';

/** WebAssembly pages of 64 KiB in a MiB. */
const PAGES_PER_MIB = 16;
/**
 * Units that a deterministic module may count for each millisecond of its limit of processor time. Metered code counts
 * 0.5 million (square roots) to 10 million of them (calls) a millisecond, so the count, which is the same everywhere,
 * ends a run well before the clock, which is not. More: the clock comes first, on slow machines or for slow instructions.
 */
const FUEL_PER_CPU_MS = 200_000;

export const sha256Of = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex');

export const admitHeader = (module: ModuleLoad, sha256: string): AdmitHeader => ({
  sha256,
  abi: module.abi,
  entrypoints: module.entrypoints,
  hostFunctions: module.hostFunctions,
  allowStart: module.allowStart,
  // A module that begins with more could never run.
  memoryPagesMax: module.limits.memoryMibMax * PAGES_PER_MIB,
});

export const loadHeader = (module: ModuleLoad, sha256: string): LoadHeader => ({
  ...admitHeader(module, sha256),
  hostFunctions: module.hostFunctions,
  reuse: module.reuse,
  memoryPagesMax: module.limits.memoryMibMax * PAGES_PER_MIB,
  config: module.config ?? {},
  origins: module.origins ?? [],
  ...(module.deterministic
    ? {
        deterministic: {
          fuel: module.limits.cpuMsMax * FUEL_PER_CPU_MS,
          // Of the module alone: the same input gives the same output, wherever and whenever it runs.
          seed: sha256,
        },
      }
    : {}),
});

/** Everything that a verdict depends on. */
export const verdictKey = (header: AdmitHeader, version: number, v8: string): string =>
  JSON.stringify([version, v8, header]);
