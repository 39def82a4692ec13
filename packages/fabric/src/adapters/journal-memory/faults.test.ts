import { TEST_GENESIS_LEAF, appendNext, batchOf, textEntries } from '@infrafabric/testkit';
import { expect, test } from 'vitest';

import { scriptedFaults, type AppendFault } from './faults.ts';
import { openMemoryJournal, type MemoryJournal } from './journal.ts';
import { MemoryLog } from './log.ts';

const batch = (word: string) => batchOf(textEntries(word, 2));
const next = (journal: MemoryJournal, word: string) => journal.append(journal.head(), batch(word));

function start(...script: readonly AppendFault[]) {
  const log = new MemoryLog(TEST_GENESIS_LEAF);
  return { log, journal: openMemoryJournal({ log, faults: scriptedFaults(script) }) };
}

test('unavailable and full: not in the log, and the next append is', async () => {
  const { journal } = start({ kind: 'unavailable' }, { kind: 'full' });
  await expect(next(journal, 'one')).rejects.toMatchObject({ code: 'log.unavailable' });
  await expect(next(journal, 'two')).rejects.toMatchObject({ code: 'log.full', transient: true });
  expect((await next(journal, 'three')).head.size).toBe(2);
});

test('unknown, applied: the frame is in, and the writer that believes it is not conflicts', async () => {
  const { log, journal } = start({ kind: 'unknown', applied: 'yes' });
  await expect(next(journal, 'one')).rejects.toMatchObject({ code: 'log.outcome_unknown' });
  expect(journal.head().size).toBe(0);
  expect(await next(journal, 'one')).toEqual({ kind: 'conflict', head: log.head });
  expect(log.head.size).toBe(2);
  expect(openMemoryJournal({ log }).head()).toEqual(log.head);
});

test('unknown, not applied: the log is as it was', async () => {
  const { log, journal } = start({ kind: 'unknown', applied: 'no' });
  await expect(next(journal, 'one')).rejects.toMatchObject({ code: 'log.outcome_unknown' });
  expect(log.deliverLate()).toBe(0);
  expect((await next(journal, 'one')).kind).toBe('appended');
});

test('unknown, late: it arrives where nobody was faster, and is refused where somebody was', async () => {
  const first = start({ kind: 'unknown', applied: 'late' });
  await expect(next(first.journal, 'late')).rejects.toMatchObject({ code: 'log.outcome_unknown' });
  expect(first.log.head.size).toBe(0);
  expect(first.log.deliverLate()).toBe(1);
  expect(first.log.head.size).toBe(2);

  const second = start({ kind: 'unknown', applied: 'late' });
  await expect(next(second.journal, 'late')).rejects.toMatchObject({ code: 'log.outcome_unknown' });
  await appendNext(openMemoryJournal({ log: second.log }), batch('faster'));
  expect(second.log.deliverLate()).toBe(0);
  expect(second.log.head.size).toBe(2);
});

test('torn: the frame is not in, and this journal answers no more', async () => {
  const { log, journal } = start({ kind: 'torn' });
  await expect(next(journal, 'one')).rejects.toMatchObject({ code: 'log.outcome_unknown' });
  await expect(next(journal, 'two')).rejects.toMatchObject({ code: 'log.unavailable' });
  expect((await next(openMemoryJournal({ log }), 'three')).kind).toBe('appended');
});

test('lost: acknowledged, shown, and gone at the next opening with all that stood on it', async () => {
  const { log, journal } = start({ kind: 'none' }, { kind: 'lost' });
  await appendNext(journal, batch('kept'));
  await appendNext(journal, batch('lost'));
  await appendNext(journal, batch('after'));
  expect(log.head.size).toBe(6);
  expect(openMemoryJournal({ log }).head().size).toBe(2);
});

test('slow: another writer may be faster, and then it is a conflict', async () => {
  const gate = Promise.withResolvers<void>();
  const { log, journal } = start({ kind: 'slow', until: gate.promise });
  const slow = next(journal, 'slow');
  const fast = openMemoryJournal({ log });
  await appendNext(fast, batch('fast'));
  gate.resolve();
  expect(await slow).toEqual({ kind: 'conflict', head: fast.head() });
});

test('a rollback shows the earlier log to whoever opens it next', async () => {
  const { log, journal } = start();
  const head = await appendNext(journal, batch('one'));
  await appendNext(journal, batch('two'));
  log.rollBack(1);
  expect(openMemoryJournal({ log }).head()).toEqual(head);
});
