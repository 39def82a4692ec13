/**
 * The leader of the race: a fabric over a data folder, on one port, that may be killed at any instant.
 * Arguments: folder, port. Prints `ready <port>` when it serves.
 */
import { writeSync } from 'node:fs';
import { openFolderFabric } from '@infrafabric/fabric';
import { RealmId } from '@infrafabric/protocol';
import { startHttp } from '../../packages/fabric/src/surfaces/http/start-http.ts';

const [folder = '', port = '0'] = process.argv.slice(2);
const STDOUT = 1;
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const { fabric, data } = await openFolderFabric({
  folder,
  realm: RealmId.parse('race'),
  version: '0.0.0',
  onFatal: () => process.exit(75),
});
const http = await startHttp({
  fabric,
  blobs: data.blobs,
  log: silent,
  port: Number(port),
  witness: { checkpoint: () => Promise.resolve(undefined), tile: () => Promise.resolve(undefined) },
});
process.once('SIGTERM', () => {
  void http
    .close()
    .then(() => fabric.close())
    .then(() => process.exit(0));
});
writeSync(STDOUT, `ready ${http.port}\n`);
