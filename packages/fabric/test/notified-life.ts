/**
 * One life of a process that raises escalations in a real log and tells a real file of them, until somebody kills it.
 * Started by a test: `node notified-life.ts FOLDER raise|drain`. Says `raised <id>` when an escalation is durable, and in
 * `drain` one line `all <ids…>` when it has told of everything that the log holds.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseCursor } from '@infrafabric/protocol';
import { genesisLeaf } from '@infrafabric/tlog';

import { openFileJournal } from '../src/adapters/journal-file/journal.ts';
import { fileNotifier } from '../src/adapters/notify-file/file.ts';
import { silentLog } from '../src/engine/ports.ts';
import { cursorFolder } from '../src/effects/cursors.ts';
import { startNotifications } from '../src/effects/notifications.ts';
import { nodePrimitives } from '../src/followers/node-crypto.ts';
import { EscalationLog, other } from './escalation-log.ts';

const [folder = '', mode = ''] = process.argv.slice(2);
const POLL_MS = 5;
const LOOKS_MAX = 10_000;
const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

mkdirSync(folder, { recursive: true });
const journal = await openFileJournal({
  folder: join(folder, 'data'),
  genesisLeaf: genesisLeaf(nodePrimitives.sha256, { origin: 'test', vkey: 'test' }),
});
const escalations = new EscalationLog(journal);
if (escalations.figures().size === 0) await escalations.append([other()]);
const cursors = cursorFolder(join(folder, 'notify'));
const notifications = await startNotifications({
  fabric: escalations,
  notifiers: [
    fileNotifier({ name: 'file', path: join(folder, 'notices'), bytesMax: 20_000, keep: 1_000 }),
  ],
  cursors,
  log: silentLog,
});

if (mode === 'raise') {
  // Ends by a kill.
  for (;;) {
    const id = `esc_${escalations.figures().size}`;
    await escalations.raise(id);
    process.stdout.write(`raised ${id}\n`);
    if (escalations.figures().size % 8 === 0) await pause(POLL_MS);
  }
}

const ids: string[] = [];
const { size } = escalations.figures();
const stop = new AbortController();
if (size > 1) {
  for await (const item of escalations.feed({ after: '0' }, stop.signal)) {
    ids.push(String(item.event['escalationId']));
    if (item.index === size - 1) break;
  }
}
// Everything is told of when the cursor stands at the end: it never passes a notice that is not delivered.
for (let looks = 0; ; looks += 1) {
  const progress = await cursors.load('file');
  if (typeof progress === 'object' && parseCursor(progress.cursor).index >= size - 1) break;
  if (looks > LOOKS_MAX) throw new Error('it never ends');
  await pause(POLL_MS);
}
await notifications.stop();
await escalations.close();
process.stdout.write(`all ${ids.join(' ')}\n`);
