import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { genesisLeaf } from '@infrafabric/tlog';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { EscalationLog, other } from '../../test/escalation-log.ts';
import { openFileJournal } from '../adapters/journal-file/journal.ts';
import { ManualClock } from '../engine/clock.ts';
import { silentLog } from '../engine/ports.ts';
import { nodePrimitives } from '../followers/node-crypto.ts';
import { cursorFolder } from './cursors.ts';
import { startNotifications } from './notifications.ts';
import { NotifyConfig } from './notify-config.ts';
import { notifiersOf } from './notifiers.ts';
import { RETRY_MS, STOP_MS_MAX } from './retry.ts';

let folder = '';
let answers: (number | 'none')[] = [];
let ids: string[] = [];
let server = createServer();

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-receiver-'));
  const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}\n`;
  writeFileSync(join(folder, 'secret'), secret, { mode: 0o600 });
  [answers, ids] = [[], []];
  server = createServer((request, response) => {
    ids.push(String(request.headers['webhook-id']));
    request.resume();
    const answer = answers.shift() ?? 204;
    if (answer !== 'none') response.writeHead(answer).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});
afterEach(async () => {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  rmSync(folder, { recursive: true });
});

/** A real log, real cursors and a real receiver; only the time between attempts is not waited for. */
const life = async () => {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  const host = `127.0.0.1:${address.port}`;
  const journal = await openFileJournal({
    folder: join(folder, 'data'),
    genesisLeaf: genesisLeaf(nodePrimitives.sha256, { origin: 'test', vkey: 'test' }),
  });
  const escalations = new EscalationLog(journal);
  if (escalations.figures().size === 0) await escalations.append([other()]);
  const config = NotifyConfig.parse([
    { kind: 'webhook', url: `http://${host}/`, secretFile: 'secret', allowHosts: [host] },
  ]);
  const clock = new ManualClock();
  const retries: number[] = [];
  const running = await startNotifications({
    fabric: escalations,
    notifiers: notifiersOf(config, {
      dataDir: folder,
      version: '0.1.0',
      write: () => undefined,
      isTerminal: false,
    }),
    cursors: cursorFolder(join(folder, 'notify')),
    clock,
    log: { ...silentLog, warn: ({ retryMs }) => void retries.push(Number(retryMs)) },
  });
  return { escalations, clock, retries, running };
};

test('a receiver that is away twice has the notice at the third attempt, under one id', async () => {
  const { escalations, clock, retries, running } = await life();
  answers = [503, 429];
  await escalations.raise('esc_1');
  for (const attempt of [1, 2]) {
    // Only once the next attempt has its time does the clock move.
    await expect.poll(() => retries.length).toBe(attempt);
    expect(ids).toHaveLength(attempt);
    clock.advance(RETRY_MS * attempt);
  }
  await expect.poll(() => running.figures()).toMatchObject([{ delivered: 1, waiting: 0 }]);
  expect(ids).toHaveLength(3);
  expect(new Set(ids).size).toBe(1);
  await running.stop();
  await escalations.close();
});

test('a stop ends a delivery under way in time, and the next start delivers it', async () => {
  const first = await life();
  answers = ['none'];
  await first.escalations.raise('esc_1');
  await expect.poll(() => ids.length).toBe(1);
  const startedAt = performance.now();
  await first.running.stop();
  expect(performance.now() - startedAt).toBeLessThan(STOP_MS_MAX);
  await first.escalations.close();

  const second = await life();
  await expect.poll(() => second.running.figures()).toMatchObject([{ delivered: 1 }]);
  expect(ids).toHaveLength(2);
  expect(new Set(ids).size).toBe(1);
  await second.running.stop();
  await second.escalations.close();
});
