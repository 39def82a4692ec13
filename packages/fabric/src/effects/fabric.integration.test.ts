import { RealmId } from '@infrafabric/protocol';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

import type { Principal } from '../engine/fabric.ts';
import { openFolderFabric } from '../engine/open-folder.ts';
import type { LeadingFabric } from '../engine/open.ts';
import { silentLog } from '../engine/ports.ts';
import type { Notice } from '../ports/notifier.ts';
import { cursorFolder } from './cursors.ts';
import { startNotifications, type Notifications } from './notifications.ts';
import { NotifyConfig } from './notify-config.ts';
import { notifiersOf } from './notifiers.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-notify-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

interface Served {
  readonly fabric: LeadingFabric;
  readonly running: Notifications;
  readonly close: () => Promise<void>;
}

const serve = async (): Promise<Served> => {
  const dataDir = join(folder, 'realm');
  const realm = RealmId.parse('main');
  const { fabric } = await openFolderFabric({ folder: dataDir, realm, version: '0.1.0' });
  const running = await startNotifications({
    fabric,
    notifiers: notifiersOf(NotifyConfig.parse([{ kind: 'file', path: 'notices.jsonl' }]), {
      dataDir,
      version: '0.1.0',
      write: () => undefined,
      isTerminal: false,
    }),
    cursors: cursorFolder(join(dataDir, 'state', 'notify')),
    log: silentLog,
  });
  const close = async (): Promise<void> => {
    await running.stop();
    await fabric.close();
  };
  return { fabric, running, close };
};

const call = async (fabric: LeadingFabric, op: string, input: object): Promise<unknown> => {
  const reply = await fabric.call(op, input, { principal: OPERATOR });
  if (reply.kind !== 'ok') throw new Error(`${reply.code}: ${reply.detail}`);
  return reply.output;
};

const trip = async (fabric: LeadingFabric, swarmId: string): Promise<void> => {
  const capabilities = ['architecture:security'];
  await call(fabric, 'swarms.register', {
    profile: { swarmId, capabilities, costPerHourMicroUsd: 0 },
  });
  await call(fabric, 'breakers.trip', { swarmId, reason: 'It burns money.' });
};

const notices = (): readonly Notice[] =>
  readFileSync(join(folder, 'realm', 'notices.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Notice);

test('a breaker that trips reaches a person once, however often the fabric starts', async () => {
  const first = await serve();
  await trip(first.fabric, 'session-4');
  await expect.poll(() => first.running.figures()).toMatchObject([{ delivered: 1 }]);
  const [notice] = notices();
  expect(notice).toMatchObject({ kind: 'breaker', severity: 'high', realm: 'main' });
  expect(notice?.subject).toContain('session-4');
  expect(notice?.origin).toBe(first.fabric.origin);
  // What the notice says to type is what the fabric takes.
  expect(notice?.acknowledge).toBe(`ifab escalation ack ${String(notice?.id)}`);
  await call(first.fabric, 'escalations.acknowledge', { escalationId: notice?.id });
  await first.close();

  const second = await serve();
  await trip(second.fabric, 'session-5');
  await expect.poll(() => second.running.figures()).toMatchObject([{ delivered: 1 }]);
  await second.close();
  expect(notices()).toHaveLength(2);
  expect(notices()[1]?.subject).toContain('session-5');
});
