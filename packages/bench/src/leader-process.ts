/**
 * A leader in a process of its own: file journal, witness beside it, HTTP and WebSocket on a free port of this machine.
 * Arguments: folder, and where a profile of this thread goes, which one SIGUSR2 begins and the next ends.
 * Prints `ready <port> <operator token>`.
 */
import { writeSync } from 'node:fs';
import { openFolderFabric, silentLog, startHttp } from '@infrafabric/fabric';
import { RealmId } from '@infrafabric/protocol';

import { startProfile } from './cpu-profile.ts';

const [folder = '', profilePath = ''] = process.argv.slice(2);
const STDOUT = 1;
/** EX_TEMPFAIL of sysexits(3): a supervisor would start another one. */
const EXIT_FATAL = 75;

const { fabric, data, witness } = await openFolderFabric({
  folder,
  realm: RealmId.parse('bench'),
  version: '0.1.0',
  onFatal: () => process.exit(EXIT_FATAL),
});
const http = await startHttp({
  fabric,
  blobs: data.blobs,
  log: silentLog,
  port: 0,
  witness: {
    checkpoint: () => Promise.resolve(undefined),
    tile: (path) => witness.tile(path),
  },
});
let profiling: Promise<((path: string) => Promise<void>) | undefined> = Promise.resolve(undefined);
process.on('SIGUSR2', () => {
  profiling = profiling.then(async (end) => {
    if (end === undefined) return startProfile();
    await end(profilePath);
    return undefined;
  });
});
process.once('SIGTERM', () => {
  void profiling
    .then(() => http.close())
    .then(() => fabric.close())
    .then(() => process.exit(0));
});
writeSync(STDOUT, `ready ${http.port} ${data.operatorToken}\n`);
