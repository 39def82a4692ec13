/**
 * The world outside a runner, as somebody who breaks out would like to find it: a file to read, a folder that anyone may
 * write to, listeners of every kind, a parent and a neighbour that take signals. It sees what reached it.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentCanary } from './config.ts';

/** What a breach runner is told, so that no attempt fails for want of knowledge. */
export interface Outside {
  /** Which attempt of its table; empty where that is said otherwise. */
  readonly attempt: string;
  readonly secretFile: string;
  readonly dropFolder: string;
  readonly victimFile: string;
  readonly tcpPort: number;
  readonly udpPort: number;
  readonly unixPath: string;
  readonly abstractName: string;
  readonly parentPid: number;
  readonly victimPid: number;
  readonly libraries: readonly string[];
  readonly birthMark: string;
}

export interface OutsideWorld {
  /** What to tell; the neighbour's pid is set by who starts one. */
  readonly told: Omit<Outside, 'victimPid' | 'libraries' | 'attempt'>;
  /** Bytes that only a file and the parent's environment hold: in what a runner says they prove that it read them. */
  readonly nonces: { readonly file: string; readonly environment: string };
  /** What came through since the last look, in words; empty: nothing did. */
  touched(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const VICTIM_TEXT = 'as it was';

const counting = async (server: Server, listen: () => void, count: () => void): Promise<void> => {
  server.on('connection', (socket) => {
    count();
    socket.on('error', () => {});
    socket.destroy();
  });
  const listening = once(server, 'listening');
  listen();
  await listening;
};

/** Stands it up: a folder under the temporary one, listeners on loopback, handlers of two signals. */
export const openOutside = async (): Promise<OutsideWorld> => {
  const folder = await mkdtemp(join(tmpdir(), 'ifab-outside-'));
  // Everybody may pass, read and write: what denies is the jail, not a mode.
  await chmod(folder, 0o755);
  const file = randomBytes(16).toString('hex');
  const secretFile = join(folder, 'secret.env');
  const dropFolder = join(folder, 'drop');
  const victimFile = join(folder, 'victim');
  await writeFile(secretFile, `SECRET=${file}\n`, { mode: 0o644 });
  await writeFile(victimFile, VICTIM_TEXT);
  await chmod(victimFile, 0o666);
  await mkdir(dropFolder);
  await chmod(dropFolder, 0o777);

  const seen = new Map<string, number>();
  const count = (what: string) => (): void => {
    seen.set(what, (seen.get(what) ?? 0) + 1);
  };
  const tcp = createServer();
  await counting(tcp, () => tcp.listen(0, '127.0.0.1'), count('a TCP connection'));
  const unix = createServer();
  const unixPath = join(folder, 'socket');
  await counting(unix, () => unix.listen(unixPath), count('a unix connection'));
  await chmod(unixPath, 0o777);
  const abstract = createServer();
  const abstractName = `ifab-outside-${randomBytes(6).toString('hex')}`;
  await counting(
    abstract,
    () => abstract.listen(`\0${abstractName}`),
    count('an abstract unix connection'),
  );
  const udp = createSocket('udp4');
  udp.on('message', count('a datagram'));
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  const onUser2 = count('SIGUSR2 at the parent');
  const onUser1 = count('SIGUSR1 at the parent');
  process.on('SIGUSR2', onUser2).on('SIGUSR1', onUser1);

  const address = tcp.address();
  return {
    told: {
      secretFile,
      dropFolder,
      victimFile,
      tcpPort: typeof address === 'object' && address !== null ? address.port : 0,
      udpPort: udp.address().port,
      unixPath,
      abstractName,
      parentPid: process.pid,
      birthMark: `born-${randomBytes(6).toString('hex')}`,
    },
    nonces: { file, environment: environmentCanary() },
    async touched() {
      const found = [...seen].map(([what, times]) => `${what} × ${times}`);
      seen.clear();
      const dropped = await readdir(dropFolder);
      for (const name of dropped) {
        found.push(`a file ${name}`);
        await rm(join(dropFolder, name), { recursive: true, force: true });
      }
      const victim = await readFile(victimFile, 'utf8').catch(() => 'gone');
      const mode = await stat(victimFile).then(
        ({ mode: bits }) => bits & 0o777,
        () => 0,
      );
      if (victim !== VICTIM_TEXT || mode !== 0o666) {
        found.push('a changed file');
        await writeFile(victimFile, VICTIM_TEXT);
        await chmod(victimFile, 0o666);
      }
      return found;
    },
    async close() {
      process.off('SIGUSR2', onUser2).off('SIGUSR1', onUser1);
      udp.close();
      for (const server of [tcp, unix, abstract]) server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};
