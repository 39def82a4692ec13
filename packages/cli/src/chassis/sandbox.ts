/** The sandbox of this machine: a runner host with its broker and the secret store of the configuration. */
import type { Attained, RunnerHost } from '@infrafabric/fabric/chassis';
import { readConfig } from '@infrafabric/fabric';
import { CliError } from '../output/problem.ts';
import { configInputs } from '../server/config-inputs.ts';
import type { CommandContext } from '../tree/command.ts';

export interface SandboxOptions {
  /** The Node that runners are started with. Default: this process's own. */
  readonly node?: string | undefined;
  /** Runners that wait ready. One command that runs one module needs none. */
  readonly blankRunners?: number;
}

/**
 * Opens it and finds out, by trying, what its runners cannot do. Rejects with a Fault where no runner can be started at
 * all. The caller closes it.
 */
export const openSandbox = async (
  context: CommandContext,
  { node, blankRunners }: SandboxOptions = {},
): Promise<RunnerHost> => {
  const { config } = readConfig(configInputs(context));
  // Loaded only where a module is run: most commands never do.
  const { createBroker, createRunnerHost, engineBytes, openSecretStore, runnerFile } =
    await import('@infrafabric/fabric/chassis');
  const store = openSecretStore(config.secrets, { dataDir: config.dataDir, env: context.io.env });
  const broker = createBroker({
    store,
    // Why a secret could not be had is for whoever runs this, not for the guest.
    onFault: ({ alias, ref, cause }) =>
      context.out.note(`no secret for ${alias} (${ref}): ${wordsOf(cause)}`),
  });
  try {
    const host = await createRunnerHost({
      runnerFile: await runnerFile(),
      engine: engineBytes,
      broker,
      ...(node === undefined ? {} : { node }),
      ...(blankRunners === undefined ? {} : { blankRunners }),
    });
    return {
      attained: () => host.attained(),
      acquire: (tenant, memoryMib) => host.acquire(tenant, memoryMib),
      close: async () => {
        await host.close();
        broker.close();
        await store.close();
      },
    };
  } catch (cause) {
    broker.close();
    await store.close();
    throw cause;
  }
};

/** Opens the sandbox, works in it and closes it, whatever came of it. */
export const withSandbox = async <T>(
  context: CommandContext,
  options: SandboxOptions,
  work: (host: RunnerHost) => Promise<T>,
): Promise<T> => {
  const host = await openSandbox(context, options);
  try {
    return await work(host);
  } finally {
    await host.close();
  }
};

/** What is missing for the next level, each with what adds it. */
export const missingText = ({ missing }: Pick<Attained, 'missing'>): string =>
  missing.map(({ layer, why, remedy }) => `${layer}: ${why} → ${remedy}`).join('; ');

/** Throws a CliError, with what to install, where the machine isolates less than is asked for. */
export const requireLevel = (attained: Attained, needed: number, who: string): void => {
  const { level } = attained;
  if (level >= needed) return;
  throw new CliError({
    code: 'isolation.too_low',
    remedy: 'give-up',
    detail: `this machine isolates at level ${level}; ${who} asks for level ${needed}`,
    next: missingText(attained) || 'Attach a runner host on Linux: docs/guides/chassis.md',
    facts: { attained: level, needed, missing: attained.missing },
  });
};

const wordsOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : 'the store gave no reason';
