/** The read model against the ledger: both follow one log, and they agree to the micro-dollar. */
import { afterEach, expect, test } from 'vitest';
import { leaseOf, taskPhase, DECIDER_VERSION } from '@infrafabric/core';
import { sessionIdFrom } from '@infrafabric/protocol';

import { MemoryLog } from '../adapters/journal-memory/log.ts';
import { openMemoryJournal } from '../adapters/journal-memory/journal.ts';
import type { Submission } from '../engine/call.ts';
import { ManualClock } from '../engine/clock.ts';
import type { BlobStore } from '../engine/ports.ts';
import { LogRecorder } from '../witness/recorder.ts';
import { sampleLogKey } from '../witness/sample-realm.ts';
import { FollowerSet } from './follower-set.ts';
import { memoryDisk } from './memory-disk.ts';
import type { ReportAnswer } from './usage-answers.ts';

const key = sampleLogKey(1);
const open: FollowerSet[] = [];
afterEach(async () => {
  for (const set of open.splice(0)) await set.close();
});

/** Numbers by seed: Mulberry32 (Tommy Ettinger). */
const randomBy = (seed: number): ((below: number) => number) => {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
};

const noBlobs: BlobStore = {
  put: () => Promise.reject(new Error('nothing here is large')),
  get: () => Promise.resolve(undefined),
};

const MODELS = ['claude-haiku-5-5', 'gpt-5.4-mini', 'deepseek-flash', undefined];
const START = Date.UTC(2026, 10, 20);

/** Work of five sessions on two plans whose budgets do not last: claims, costs of every sort, and ends of leases. */
async function spend(seed: number) {
  const random = randomBy(seed);
  const journal = openMemoryJournal({ log: new MemoryLog(key.genesisLeaf) });
  let minted = 0;
  const mint = (op: string): readonly string[] =>
    op === 'sessions.open' ? [sessionIdFrom(new Uint8Array(10).fill((minted += 1)))] : [];
  const recorder = new LogRecorder({ journal, blobs: noBlobs, mint });
  let at = START;
  const record = (call: object) => recorder.record(call as Submission, (at += random(3_000_000)));
  const operator = { cred: 'operator', principal: 'operator' };
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
  const sessions: string[] = [];
  for (const [i, swarm] of ['red', 'red', 'blue', undefined, undefined].entries()) {
    const args = {
      agent: `agent-${i}`,
      ...(swarm === undefined ? {} : { swarm }),
      ...(i === 3 ? { role: 'runner' } : {}),
    };
    const opened = await record({ op: 'sessions.open', args, ...operator });
    const [event] = opened.kind === 'accept' ? opened.events : [];
    if (event?.type === 'session.opened') sessions.push(event.sessionId);
  }
  for (const id of ['shop', 'mill']) {
    const tasks = Array.from({ length: 12 }, (_, i) => ({
      key: `t${i}`,
      title: 't',
      budget: { limitMicroUsd: 400_000 },
    }));
    const plan = { id, tasks, budget: { limitMicroUsd: 2_000_000 } };
    await record({
      op: 'plans.submit',
      args: { plan, digest: `sha256:${'0'.repeat(64)}` },
      ...operator,
    });
  }
  const held: { readonly taskId: string; readonly sessionId: string; readonly fence: object }[] =
    [];
  for (let step = 0; step < 300; step += 1) {
    const sessionId = sessions[random(sessions.length)] ?? '';
    const one = held[random(held.length)];
    if (one === undefined || random(6) === 0) {
      const taskId = `${['shop', 'mill'][random(2)]}/t${random(12)}`;
      const by = { cred: 'session', principal: 'agent', session: sessionId };
      const claimed = await record({
        op: 'tasks.claim',
        args: { sessionId, taskId, leaseMs: 3_600_000 },
        ...by,
      });
      const lease = leaseOf(recorder.world, taskId);
      if (claimed.kind !== 'accept' || lease === undefined) continue;
      held.push({
        taskId,
        sessionId,
        fence: { epoch: lease.epoch, holder: lease.sessionId, n: lease.fence },
      });
      continue;
    }
    const by = { cred: 'session', principal: 'agent', session: one.sessionId };
    const { taskId, fence } = one;
    if (random(12) === 0) {
      held.splice(held.indexOf(one), 1);
      const op = ['tasks.release', 'tasks.fail', 'tasks.complete'][random(3)];
      const reason = op === 'tasks.complete' ? {} : { reason: 'over' };
      await record({ op, args: { taskId, fence, ...reason }, ...by });
      continue;
    }
    const model = MODELS[random(MODELS.length)];
    const cost =
      model === undefined
        ? { microUsd: random(90_000) }
        : {
            model,
            inputTokens: random(200_000),
            outputTokens: random(3_000),
            cachedTokens: random(9_000),
          };
    await record({ op: 'usage.record', args: { taskId, fence, ...cost }, ...by });
  }
  const { size } = await recorder.flush();
  const follow = async (): Promise<FollowerSet> => {
    const set = await FollowerSet.open(
      {
        disk: memoryDisk(),
        dataFolder: '/realm',
        indexPath: ':memory:',
        origin: key.origin,
        logKey: key.logKey,
        reader: {
          read: async (after, limit, upTo) =>
            (await journal.read(after, limit)).filter(({ first }) => first < upTo),
          close: () => undefined,
        },
        readBlob: async () => undefined,
        clock: new ManualClock(),
        onStateHash: () => undefined,
        onFault: (name, cause) => {
          throw new Error(name, { cause });
        },
      },
      size,
    );
    open.push(set);
    await expect.poll(() => set.lag().index).toBe(size);
    return set;
  };
  return { world: recorder.world, follow };
}

const report = (
  set: FollowerSet,
  by: 'plan' | 'swarm' | 'task' | 'session' | 'model' | 'day',
): ReportAnswer => {
  const answer = set.usage.report({ by: [by], limit: 1_000 });
  if ('kind' in answer) throw new Error(answer.detail);
  return answer;
};

test.each([1, 2, 3, 4, 5])(
  'sums of records are the accounts of the ledger, seed %i',
  async (seed) => {
    const { world, follow } = await spend(seed);
    const set = await follow();
    const { accounts } = world.governor;
    let compared = 0;
    const { total } = report(set, 'plan');
    const realm = accounts.get('realm');
    expect(total.records).toBeGreaterThan(50);
    // A run in which nothing goes over its budget, or nothing is only reported, would prove little.
    expect(total.overrunMicroUsd).toBeGreaterThan(0);
    expect(Math.min(total.measuredMicroUsd, total.reportedMicroUsd)).toBeGreaterThan(0);
    expect([total.chargedMicroUsd, total.overrunMicroUsd]).toEqual([realm?.spent, realm?.overrun]);
    for (const kind of ['plan', 'swarm', 'task', 'session'] as const) {
      for (const { group, chargedMicroUsd, overrunMicroUsd } of report(set, kind).rows) {
        if (group[kind] === '') continue;
        const account = accounts.get(`${kind}:${group[kind]}`);
        if (account === undefined) {
          // A finished task's account is closed; what it spent stands in those above, and in the records.
          expect([kind, taskPhase(world, group[kind] ?? '')]).toEqual(['task', 'done']);
          continue;
        }
        compared += 1;
        expect([kind, group, chargedMicroUsd, overrunMicroUsd]).toEqual([
          kind,
          group,
          account.spent,
          account.overrun,
        ]);
      }
    }
    expect(compared).toBeGreaterThan(10);
    const models = report(set, 'model').rows.map(({ group, microUsd }) => [
      group['model'],
      microUsd,
    ]);
    expect(new Map(models as [string, number][])).toEqual(world.optimise.spent);
  },
);

test('every row can be followed to entries of the log that say the same', async () => {
  const { follow } = await spend(7);
  const set = await follow();
  for (const row of report(set, 'task').rows) {
    const found = set.usage.entries({ taskId: row.group['task'], limit: 1_000 });
    if ('kind' in found) throw new Error(found.detail);
    expect(found.entries.length).toBe(row.records);
    expect([found.entries[0]?.index, found.entries.at(-1)?.index]).toEqual([
      row.firstIndex,
      row.lastIndex,
    ]);
    let sum = 0;
    for (const { index, microUsd, at } of found.entries) {
      const { entries } = await set.queries.query({ from: index, to: index });
      const [entry] = entries;
      expect([entry?.operation, entry?.at]).toEqual(['usage.record', at]);
      expect(entry?.events).toContainEqual(
        expect.objectContaining({ type: 'usage.recorded', microUsd }),
      );
      sum += microUsd;
    }
    expect(sum).toBe(row.microUsd);
  }
});

test('followers that take the log anew answer the same', async () => {
  const { follow } = await spend(8);
  const [one, other] = [await follow(), await follow()];
  for (const by of ['session', 'model', 'day'] as const)
    expect(report(one, by)).toEqual(report(other, by));
  expect(one.usage.history({ bucket: 'hour' })).toEqual(other.usage.history({ bucket: 'hour' }));
});
