/** The fabric that a run works on: the one that is named, the one that runs on the data folder, else one of its own. */
import { readConfig } from '@infrafabric/fabric';
import { connect } from '@infrafabric/sdk';
import type { Client } from '@infrafabric/sdk';
import { CliError } from '../output/problem.ts';
import { configInputs } from '../server/config-inputs.ts';
import { jsonLog } from '../server/json-log.ts';
import { isAlive, readServeFile } from '../server/serve-file.ts';
import { startFabric } from '../server/start-fabric.ts';
import { findTarget } from '../server/target.ts';
import type { CommandContext } from '../tree/command.ts';

export interface FabricOfRun {
  readonly client: Client;
  readonly url: string;
  readonly token: string;
  /** Where work folders go. */
  readonly dataDir: string;
  /** Whether this process leads it. */
  readonly isOwn: boolean;
  /** Rejects when the journal of an own fabric cannot be written any more; never resolves. */
  readonly fatal: Promise<never>;
  close(): Promise<void>;
}

/** A fabric that is away for longer than this has ended, ms; leases of half a minute are gone by then. */
const UNREACHABLE_MS = 30_000;

const never = new Promise<never>(() => undefined);

export async function openFabricOfRun(
  context: CommandContext,
  join: string | undefined,
): Promise<FabricOfRun> {
  const { flags, io } = context;
  const { config } = readConfig(configInputs(context));
  const { dataDir } = config;
  const url = join ?? flags.url ?? config.url;
  const running = readServeFile(dataDir);
  if (url !== undefined || (running !== undefined && isAlive(running))) {
    const target = findTarget({ ...flags, url }, io);
    const client = await connect({ ...target, unreachableMs: UNREACHABLE_MS });
    return { client, ...target, isOwn: false, fatal: never, close: async () => client.close() };
  }
  const fatal = Promise.withResolvers<never>();
  // Told to whoever runs a plan then; before that and after it nobody listens.
  fatal.promise.catch(() => undefined);
  const fabric = await startFabric({
    // Nobody has to know the port: others find it by serve.json.
    config: { ...config, listenHost: '127.0.0.1', listenPort: 0 },
    log: jsonLog(io.stderr, 'error'),
    stderr: io.stderr,
    onFatal: ({ code, detail }) =>
      // Crash-only: the disk has the truth, and the next run goes on from it.
      fatal.reject(
        new CliError({
          code,
          remedy: 'retry-later',
          detail,
          next: 'Check the disk, then run the same command again.',
        }),
      ),
  });
  try {
    const token = fabric.operatorToken;
    const client = await connect({ url: fabric.url, token, unreachableMs: UNREACHABLE_MS });
    return {
      client,
      url: fabric.url,
      token,
      dataDir,
      isOwn: true,
      fatal: fatal.promise,
      close: async () => {
        client.close();
        await fabric.close();
      },
    };
  } catch (cause) {
    await fabric.close();
    throw cause;
  }
}
