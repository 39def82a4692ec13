import { Buffer } from 'node:buffer';
import { expect, test } from 'vitest';
import fc from 'fast-check';

import { fillSpills, readLogEntry } from './log-entry.ts';

const LEAF = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';
const entryOf = (outcome: string, call: string): Buffer =>
  Buffer.from(`ifab-log/1 5 ${LEAF} 2026-11-21T08:00:00.140Z 7\n${outcome}\n${call}\n`);
const read = (bytes: Buffer) => readLogEntry(bytes, 0, bytes.length);
const OUTCOME =
  '{"cred":"session","events":[{"type":"task.leased"}],"idem":"i","ids":["ses_1"],"principal":"ada","session":"s","trace":"t"}';

test('an entry is read as it was written, absent members stay absent', () => {
  expect(read(entryOf(OUTCOME, '{"args":{"a":1},"op":"tasks.claim"}'))).toEqual({
    kind: 'entry',
    entry: {
      index: 5,
      at: Date.parse('2026-11-21T08:00:00.140Z'),
      epoch: 7,
      op: 'tasks.claim',
      args: { a: 1 },
      cred: 'session',
      principal: 'ada',
      session: 's',
      trace: 't',
      idem: 'i',
      ids: ['ses_1'],
      events: [{ type: 'task.leased' }],
    },
  });
  const short = read(
    entryOf('{"cred":"realm","events":[],"principal":"realm"}', '{"args":{},"op":"x"}'),
  );
  expect(Object.keys(short.kind === 'entry' ? short.entry : {})).toEqual([
    'index',
    'at',
    'epoch',
    'op',
    'args',
    'cred',
    'principal',
    'ids',
    'events',
  ]);
});

test.each([
  ['outcome', '{"cred":"nobody","events":[],"principal":"p"}', '{"args":{},"op":"x"}'],
  ['outcome', '{"cred":"realm","events":[{}],"principal":"p"}', '{"args":{},"op":"x"}'],
  ['outcome', '{"cred":"realm","events":{},"principal":"p"}', '{"args":{},"op":"x"}'],
  ['outcome', '{"cred":"realm","events":[]}', '{"args":{},"op":"x"}'],
  ['outcome', '[]', '{"args":{},"op":"x"}'],
  ['outcome', 'null', '{"args":{},"op":"x"}'],
  ['outcome', '{', '{"args":{},"op":"x"}'],
  ['call', OUTCOME, '{"args":{}}'],
  ['call', OUTCOME, 'x'],
])('a bad %s is named: %s', (reason, outcome, call) => {
  expect(read(entryOf(outcome, call))).toEqual({ kind: 'bad', reason });
});

test('text that is not UTF-8 is refused', () => {
  const bytes = entryOf(OUTCOME, '{"args":{},"op":"x"}');
  bytes[bytes.indexOf('ada')] = 0xff;
  expect(read(bytes)).toEqual({ kind: 'bad', reason: 'text' });
});

test('a spilled list and spilled arguments are filled from their blobs, or the entry is not there', async () => {
  const bytes = entryOf(
    '{"cred":"realm","events":{"blob":"sha256:e","bytes":2,"count":1},"principal":"p"}',
    '{"args":{"blob":"sha256:a","bytes":2,"count":1},"op":"plans.submit"}',
  );
  const spilled = read(bytes);
  if (spilled.kind !== 'spilled') throw new Error('not spilled');
  const blobs: Record<string, string> = { 'sha256:e': '[{"type":"x"}]', 'sha256:a': '{"plan":1}' };
  const readBlob = (digest: string) =>
    Promise.resolve(digest in blobs ? Buffer.from(blobs[digest] ?? '') : undefined);
  expect(await fillSpills(spilled, readBlob)).toMatchObject({
    args: { plan: 1 },
    events: [{ type: 'x' }],
  });
  delete blobs['sha256:a'];
  expect(await fillSpills(spilled, readBlob)).toBeUndefined();
});

// Property: whatever the bytes, reading ends with an answer. Method: one to four bytes of a good entry are replaced.
test('hostile bytes never throw', () => {
  const good = entryOf(OUTCOME, '{"args":{"a":1},"op":"tasks.claim"}');
  const change = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Buffer.from(good);
      for (const { at, byte } of changes) bytes[at] = byte;
      expect(['entry', 'spilled', 'bad']).toContain(read(bytes).kind);
    }),
  );
});
