/** The edges of a leader's phases, as the simulator found them. */
import { expect, test } from 'vitest';

import { scriptedFaults, type AppendFault } from '../adapters/journal-memory/faults.ts';
import { Fault } from '../fault.ts';
import type { Journal } from '../ports/journal.ts';
import { ManualClock } from './clock.ts';
import type { Principal } from './fabric.ts';
import { FULL_PROBE_MS, SETTLE_MS_MAX } from './limits.ts';
import { createMemoryRealm, memoryOptions, openMemoryFabric } from './open-memory.ts';
import { openFabric, type LeadingFabric } from './open.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };

const ticks = async (count = 20): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

const openSession = (fabric: LeadingFabric, agent: string, idempotencyKey = agent) =>
  fabric.call('sessions.open', { agent }, { principal: OPERATOR, idempotencyKey });

test('a full disk that is slow too is asked by one probe at a time', async () => {
  const gate = Promise.withResolvers<void>();
  const script: AppendFault[] = [
    { kind: 'none' },
    { kind: 'full' },
    { kind: 'full' },
    { kind: 'slow', until: gate.promise },
  ];
  const clock = new ManualClock();
  const fatal: Fault[] = [];
  const fabric = await openMemoryFabric(createMemoryRealm(), {
    clock,
    faults: scriptedFaults(script),
    onFatal: (fault) => fatal.push(fault),
  });
  expect(await openSession(fabric, 'ada')).toMatchObject({ code: 'log.full' });
  await ticks();
  clock.advance(FULL_PROBE_MS);
  const probing = openSession(fabric, 'bob');
  await ticks();
  clock.advance(FULL_PROBE_MS);
  expect(await openSession(fabric, 'cyd')).toMatchObject({ code: 'log.full' });
  gate.resolve();
  expect(await probing).toMatchObject({ kind: 'ok' });
  expect(fatal).toEqual([]);
  expect(await openSession(fabric, 'cyd')).toMatchObject({ kind: 'ok' });
  await fabric.close();
});

test('what is committed while the leader stops is answered as committed', async () => {
  const realm = createMemoryRealm();
  const fabric = await openMemoryFabric(realm, { clock: new ManualClock() });
  const { size } = realm.log.head;
  const answer = openSession(fabric, 'ada');
  await fabric.close();
  expect(realm.log.head.size).toBe(size + 1);
  expect(await answer).toMatchObject({ kind: 'ok', index: size });
  expect(await openSession(fabric, 'bob')).toMatchObject({ code: 'fabric.stopping' });
  const read = fabric.call('plans.list', {}, { principal: OPERATOR });
  expect(await read).toMatchObject({ code: 'fabric.stopping' });
});

test('what is in the log is not refused because no leader serves: its key finds it later', async () => {
  const realm = createMemoryRealm();
  const script: AppendFault[] = [{ kind: 'none' }, { kind: 'unknown', applied: 'yes' }];
  let otherwise: AppendFault = { kind: 'none' };
  const clock = new ManualClock();
  const fabric = await openMemoryFabric(realm, {
    clock,
    faults: { next: () => script.shift() ?? otherwise },
  });
  const { size } = realm.log.head;
  otherwise = { kind: 'unavailable' };
  const answer = openSession(fabric, 'ada');
  await ticks();
  expect(realm.log.head.size).toBe(size + 1);
  for (let ms = 0; ms < SETTLE_MS_MAX; ms += 500) {
    clock.advance(500);
    await ticks(3);
  }
  expect(await answer).toMatchObject({ code: 'log.outcome_unknown' });
  otherwise = { kind: 'none' };
  const later = openSession(fabric, 'ada');
  clock.advance(SETTLE_MS_MAX);
  await ticks();
  expect(await later).toMatchObject({ kind: 'ok', index: size });
  await fabric.close();
});

test('a journal that no waiting repairs ends the process instead of being tried for ever', async () => {
  const realm = createMemoryRealm();
  const options = memoryOptions(realm);
  let broken = false;
  const journal: Journal = {
    ...options.journal,
    durability: 'memory',
    head: () => options.journal.head(),
    append: (at, batch) =>
      broken
        ? Promise.reject(
            new Fault('log.outcome_unknown', { transient: false, detail: 'a frame in part' }),
          )
        : options.journal.append(at, batch),
    read: (after, limit) => options.journal.read(after, limit),
    close: () => options.journal.close(),
  };
  const fatal: string[] = [];
  const clock = new ManualClock();
  const fabric = await openFabric({
    ...options,
    journal,
    clock,
    onFatal: ({ detail }) => fatal.push(detail),
  });
  broken = true;
  const answer = openSession(fabric, 'ada');
  await ticks();
  expect(fatal).toEqual(['a frame in part']);
  // Whether it is in the log is not known, and the answer says so.
  expect(await answer).toMatchObject({ code: 'log.outcome_unknown' });
  await fabric.close();
});
