/** Costs asked across the thread of a realm's folder: its index is a file, and its answers are copies. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { leaseOf, DECIDER_VERSION } from '@infrafabric/core';
import { sessionIdFrom } from '@infrafabric/protocol';
import { afterEach, expect, test } from 'vitest';

import { NODE_PORTS, openFileJournal } from '../adapters/journal-file/journal.ts';
import type { Submission } from '../engine/call.ts';
import { systemClock } from '../engine/clock.ts';
import { LogRecorder } from '../witness/recorder.ts';
import { sampleLogKey } from '../witness/sample-realm.ts';
import { FollowerThread } from './follower-thread.ts';

const folders: string[] = [];
const threads: FollowerThread[] = [];
afterEach(async () => {
  for (const thread of threads.splice(0)) await thread.ask('close', undefined);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const key = sampleLogKey(3);
const START = Date.UTC(2026, 10, 20);
const SESSION = sessionIdFrom(new Uint8Array(10));

/** A folder whose journal holds three costs of one task, a minute apart; answers how many entries it has. */
const writeFolder = async (folder: string): Promise<number> => {
  const journal = await openFileJournal(
    { folder, genesisLeaf: key.genesisLeaf, durability: 'os' },
    NODE_PORTS,
  );
  const blobs = { put: () => Promise.reject(new Error('none')), get: async () => undefined };
  const mint = (op: string): readonly string[] => (op === 'sessions.open' ? [SESSION] : []);
  const recorder = new LogRecorder({ journal, blobs, mint });
  let at = START;
  const record = async (call: object): Promise<void> => {
    const decision = await recorder.record(call as Submission, (at += 60_000));
    expect(decision.kind).toBe('accept');
  };
  const opening = {
    release: '0',
    decider: DECIDER_VERSION,
    cutBytes: 0,
    cause: 'start',
    node: 'n',
  };
  await record({
    op: 'realm.open',
    args: { ...opening, origin: key.origin },
    cred: 'realm',
    principal: 'realm',
  });
  const operator = { cred: 'operator', principal: 'operator' };
  await record({ op: 'sessions.open', args: { agent: 'ada' }, ...operator });
  const plan = { id: 'shop', tasks: [{ key: 'a', title: 'A' }] };
  await record({
    op: 'plans.submit',
    args: { plan, digest: `sha256:${'0'.repeat(64)}` },
    ...operator,
  });
  const taskId = 'shop/a';
  const by = { cred: 'session', principal: 'ada', session: SESSION };
  await record({ op: 'tasks.claim', args: { sessionId: SESSION, taskId }, ...by });
  const lease = leaseOf(recorder.world, taskId);
  const fence = { epoch: lease?.epoch, holder: lease?.sessionId, n: lease?.fence };
  for (const microUsd of [1, 20, 300]) {
    await record({ op: 'usage.record', args: { taskId, fence, microUsd }, ...by });
  }
  const { size } = await recorder.flush();
  await journal.close();
  return size;
};

const startThread = (folder: string, size: number): FollowerThread => {
  const thread = new FollowerThread({
    dataFolder: folder,
    origin: key.origin,
    logKey: key.logKey,
    size,
    clock: systemClock,
    onStateHash: () => undefined,
    onFault: () => undefined,
  });
  threads.push(thread);
  return thread;
};

test('costs are summed in the thread, also from an index of the form before', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ifab-costs-'));
  folders.push(folder);
  const size = await writeFolder(folder);
  const first = startThread(folder, size);
  const asked = { by: ['task'] } as const;
  const report = await first.ask('costsReport', asked);
  expect(report).toMatchObject({
    rows: [{ group: { task: 'shop/a' }, microUsd: 321, reportedMicroUsd: 321, records: 3 }],
    total: { microUsd: 321, firstIndex: 4, lastIndex: 6 },
    indexedTo: size,
  });
  expect(await first.ask('costsHistory', { bucket: 'hour' })).toMatchObject({
    rows: [{ from: START, microUsd: 321 }],
  });
  expect(await first.ask('costsEntries', { limit: 2 })).toMatchObject({
    entries: [
      { index: 4, microUsd: 1 },
      { index: 5, microUsd: 20 },
    ],
  });
  expect(await first.ask('costsEntries', { after: 'x' })).toMatchObject({
    code: 'request.invalid',
  });
  const lately = { planId: 'shop', since: START + 6.5 * 60_000 };
  expect(await first.ask('costsBurn', lately)).toMatchObject({ microUsd: 300, records: 1 });
  threads.length = 0;
  await first.ask('close', undefined);

  const old = new DatabaseSync(join(folder, 'index.sqlite'));
  old.exec("DROP TABLE usage; UPDATE place SET form = 'ifab-index/1'");
  old.close();
  const second = startThread(folder, size);
  expect(await second.ask('costsReport', asked)).toEqual(report);
});
