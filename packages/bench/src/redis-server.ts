/** A redis-server of one's own: a free port, an empty folder, every write synced before its answer. */
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';

import { startReady, type Child } from './child.ts';

export interface RedisServer {
  readonly port: number;
  end(): Promise<void>;
}

export type AppendFsync = 'always' | 'everysec';

/** `redis-server --version`, or undefined where there is none. */
export function redisVersion(): string | undefined {
  const { status, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return status === 0 ? /v=([\d.]+)/.exec(stdout)?.[1] : undefined;
}

/** Starts one; its files go into `folder`. */
export async function startRedis(folder: string, appendFsync: AppendFsync): Promise<RedisServer> {
  const port = await freePort();
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: appendFsync,
    // A rewrite in the middle of a round would be measured as BullMQ.
    'auto-aof-rewrite-percentage': '0',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const child: Child = await startReady('redis-server', args, /Ready to accept connections(.*)$/);
  return { port, end: () => child.end() };
}

/** A port that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
