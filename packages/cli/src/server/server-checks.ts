/** What `ifab doctor` looks at over the wire: the port, the fabric's answer, its followers. */
import { createServer } from 'node:net';
import type { Config } from '@infrafabric/fabric';
import { problemOfCause } from '../output/cause.ts';
import { CliError } from '../output/problem.ts';
import type { CommandContext } from '../tree/command.ts';
import { VERSION } from '../version.ts';
import type { Check } from './check.ts';
import { withClient } from './connect.ts';
import { isAlive, readServeFile } from './serve-file.ts';
import { readClientSettings } from './settings.ts';

export const serverChecks = async (
  context: CommandContext,
  config: Config & { readonly dataDir: string },
): Promise<readonly Check[]> => {
  const { flags, io } = context;
  const { url } = readClientSettings(flags, io.env, io.cwd);
  const served = readServeFile(config.dataDir);
  const runs = served !== undefined && isAlive(served);
  if (url === undefined && !runs) {
    const found = served === undefined ? 'none runs here' : `process ${served.pid} has ended`;
    return [
      { name: 'server', state: 'ok', found: `${found}; start one: ifab serve` },
      await portCheck(config),
    ];
  }
  return [await roundTrip(context)];
};

const roundTrip = async (context: CommandContext): Promise<Check> => {
  const name = 'server';
  try {
    return await withClient(context, async ({ client }) => {
      const startMs = performance.now();
      const status = await client.call('realm.status', {});
      const tookMs = Math.round((performance.now() - startMs) * 10) / 10;
      const found = `${client.url}, ifab ${status.version}, ${status.size} entries, answered in ${tookMs} ms`;
      if (status.readOnly) {
        return {
          name,
          state: 'failed',
          found: `${found}; it is read-only`,
          mend: 'Make room on its disk; it goes on by itself.',
        };
      }
      if (status.version !== VERSION) {
        return {
          name,
          state: 'warn',
          found,
          mend: `This ifab is ${VERSION}: restart the fabric with it.`,
        };
      }
      return { name, state: 'ok', found };
    });
  } catch (cause) {
    const { detail, next } =
      cause instanceof CliError ? cause.problem : await problemOfCause(cause);
    return { name, state: 'failed', found: detail, mend: next ?? 'Start it: ifab serve' };
  }
};

const portCheck = async ({ listenHost: host, listenPort: port }: Config): Promise<Check> => {
  const name = 'port';
  const code = await new Promise<string | undefined>((resolve) => {
    const server = createServer();
    server.once('error', (cause: NodeJS.ErrnoException) => resolve(cause.code ?? cause.message));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
  if (code === undefined) return { name, state: 'ok', found: `${host}:${port} is free` };
  return {
    name,
    state: 'failed',
    found: `${host}:${port} cannot be taken (${code})`,
    mend: 'Take another one: ifab serve --port 0, or set listenPort.',
  };
};
