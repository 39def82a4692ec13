/** A whole fabric in this process: data folder, engine, witness, HTTP, WebSocket, MCP; others find it by serve.json. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  cursorFolder,
  mountMcp,
  notifiersOf,
  openFolderFabric,
  startHttp,
  startNotifications,
} from '@infrafabric/fabric';
import type { Config, Fault, LeadingFabric, Log, WitnessFollower } from '@infrafabric/fabric';
import type { Sink } from '../io.ts';
import { VERSION } from '../version.ts';
import { removeServeFile, writeServeFile } from './serve-file.ts';
import type { ServeFile } from './serve-file.ts';
import { operatorTokenPath } from './target.ts';

export interface StartOptions {
  readonly config: Config & { readonly dataDir: string };
  readonly log: Log;
  /** Where people are told of escalations that are configured for the console. */
  readonly stderr: Pick<Sink, 'write' | 'isTerminal'>;
  /** The journal cannot be written safely any more: the process must end with exit code 75. */
  readonly onFatal: (fault: Fault) => void;
}

export interface RunningFabric {
  readonly url: string;
  readonly origin: string;
  readonly dataDir: string;
  readonly tokenPath: string;
  readonly operatorToken: string;
  /** The folder was made by this start. */
  readonly isNew: boolean;
  readonly fabric: LeadingFabric;
  /** Takes no more, answers what it took, closes the journal. */
  close(): Promise<void>;
}

/**
 * Opens the folder and listens. Rejects with a Fault (`log.locked` names the process that leads, `log.damaged`,
 * `config.invalid`) or with the system's error where the address cannot be had; then nothing is left open.
 */
export const startFabric = async ({
  config,
  log,
  stderr,
  onFatal,
}: StartOptions): Promise<RunningFabric> => {
  const { dataDir, realm, journal } = config;
  if (journal.kind !== 'file') throw new Error('defect: only the file journal has a folder');
  const isNew = !existsSync(operatorTokenPath(dataDir));
  // A notifier that cannot be made fails the start before anything is open.
  const notifiers = notifiersFor(config, stderr);
  const { fabric, data, witness } = await openFolderFabric({
    folder: dataDir,
    realm,
    version: VERSION,
    durability: journal.durability,
    log,
    onFatal,
  });
  const cursors = cursorFolder(join(dataDir, 'state', 'notify'));
  let stopNotifying = async (): Promise<void> => undefined;
  try {
    const notifications = await startNotifications({ fabric, notifiers, cursors, log });
    stopNotifying = async () => notifications.stop();
    const mcp = mountMcp(fabric, { log });
    const http = await startHttp({
      fabric,
      witness: tilesOf(witness),
      blobs: data.blobs,
      log,
      host: config.listenHost,
      port: config.listenPort,
      allowedHosts: config.allowedHosts,
      allowedOrigins: config.allowedOrigins,
      mounts: [mcp],
    });
    writeServeFile(dataDir, serveFile(http.url, realm));
    return {
      url: http.url,
      origin: fabric.origin,
      dataDir,
      tokenPath: operatorTokenPath(dataDir),
      operatorToken: data.operatorToken,
      isNew,
      fabric,
      close: async () => {
        // Others must not find what no longer answers; then callers, then the journal.
        removeServeFile(dataDir, process.pid);
        await Promise.all([mcp.close(), http.close()]);
        await stopNotifying();
        await fabric.close();
      },
    };
  } catch (cause) {
    await stopNotifying();
    await fabric.close();
    throw cause;
  }
};

const notifiersFor = (
  { notify, dataDir }: StartOptions['config'],
  stderr: StartOptions['stderr'],
): ReturnType<typeof notifiersOf> =>
  notifiersOf(notify, {
    dataDir,
    version: VERSION,
    write: (text) => {
      stderr.write(text);
    },
    isTerminal: stderr.isTerminal,
  });

const serveFile = (url: string, realm: string): ServeFile => ({
  pid: process.pid,
  url,
  realm,
  version: VERSION,
  startedAt: new Date().toISOString(),
});

/** What everybody may read of the log's proof. */
const tilesOf = (witness: WitnessFollower) => ({
  checkpoint: async (): Promise<string | undefined> => {
    const newest = await witness.reads.checkpoint();
    return 'kind' in newest ? undefined : newest.checkpoint;
  },
  tile: async (path: string): Promise<Uint8Array | undefined> => witness.tile(path),
});
