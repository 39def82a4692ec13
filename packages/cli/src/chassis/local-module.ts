/** A module in the sandbox of this machine, without a fabric: what a command line does with one. */
import type { Runner, RunnerHost } from '@infrafabric/fabric/chassis';
import type { ServiceContract } from '@infrafabric/protocol';
import { moduleLoadOf, verdictIn } from './module-load.ts';
import { requireLevel } from './sandbox.ts';

/** A module and the contract that it is held to. */
export interface LocalModule {
  readonly contract: ServiceContract;
  readonly bytes: Uint8Array;
}

export interface ModuleRefusal {
  readonly reason: string;
  /** The admission itself refused it; else it only does not fit its contract. */
  readonly isVerdict: boolean;
}

const LOCAL_SESSION = 'local';

/**
 * A runner with the module in it, for one piece of work; then it is killed. A refusal goes to `refused` instead. Throws a
 * CliError where the machine isolates less than the run asks for.
 */
export const withModule = async <T>(
  host: RunnerHost,
  module: LocalModule,
  {
    work,
    refused,
  }: {
    readonly work: (runner: Runner) => Promise<T>;
    readonly refused: (refusal: ModuleRefusal) => T;
  },
): Promise<T> => {
  const { contract } = module;
  requireLevel(host.attained(), contract.minLevel, 'the run');
  const tenant = { swarmId: contract.swarmId, sessionId: LOCAL_SESSION };
  const runner = await host.acquire(tenant, contract.limits.memoryMibMax);
  try {
    const loaded = await runner.load(moduleLoadOf(contract, module.bytes, contract.limits));
    return loaded.ok
      ? await work(runner)
      : refused({ reason: loaded.reason, isVerdict: verdictIn(loaded) !== undefined });
  } finally {
    await runner.destroy();
  }
};

/** Why the module is not admitted under its contract; undefined where it is. */
export const admitted = (
  host: RunnerHost,
  module: LocalModule,
): Promise<ModuleRefusal | undefined> =>
  withModule<ModuleRefusal | undefined>(host, module, {
    work: async () => undefined,
    refused: (refusal) => refusal,
  });
