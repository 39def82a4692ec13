import { canonicalJson, checkCanonicalLine, parseEntry, type JsonValue } from '@infrafabric/tlog';
import { sessionIdFrom, TaskId, traceIdFrom } from '@infrafabric/protocol';
import type { DomainEvent } from '@infrafabric/core';
import fc from 'fast-check';
import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';

import { OpenBatch } from './batch.ts';
import { memoryBlobs } from './blob-folder.ts';
import type { Call, Committed } from './call.ts';
import { canonicalText, NotCanonical } from './canonical.ts';
import { readFrame } from './entry-reader.ts';
import { callText, eventText } from './entry-text.ts';
import { entryWriter } from './entry-writer.ts';

const LEAF = hash('sha256', 'x', 'base64');
const SESSION = sessionIdFrom(Buffer.alloc(10, 3));
const TASK = TaskId.parse('gastown/backup-0123');
const writer = entryWriter();

const id = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/);
const count = fc.nat();
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const taskId = fc.tuple(id, id).map(([plan, key]) => `${plan}/${key}`);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

/** As a decider builds it: absent members are absent. */
const dense = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;

describe('entry text', () => {
  // Property: each event type that is concatenated, against the canonical writer of tlog.
  test('concatenated events are the canonical ones', () => {
    const fence = fc.record({ fence: count, sessionId: id, taskId });
    const event = fc.oneof(
      fence.chain((base) =>
        fc
          .record({ attempt: count, leaseMs: count })
          .map((more) => ({ ...base, ...more, type: 'task.leased' })),
      ),
      fence.chain((base) =>
        fc
          .record({
            releases: optional(fc.array(taskId)),
            evidence: optional(fc.record({ summary: text })),
          })
          .map((more) => dense({ ...base, ...more, type: 'task.completed' })),
      ),
      fence.chain((base) =>
        fc
          .record({ reason: optional(text) })
          .map((more) => dense({ ...base, ...more, type: 'task.released' })),
      ),
    );
    fc.assert(
      fc.property(event, (one) => {
        expect(eventText(one as DomainEvent)).toBe(canonicalJson(one as JsonValue));
      }),
    );
  });

  // Property: each call that is concatenated, against the canonical writer of tlog.
  test('concatenated calls are the canonical ones', () => {
    const fence = fc.record({ epoch: count, holder: id, n: count });
    const args = fc.oneof(
      fc.record({
        op: fc.constant('tasks.claim'),
        args: fc.record({ sessionId: id, taskId, leaseMs: optional(count) }),
      }),
      fc.record({
        op: fc.constant('tasks.next'),
        args: fc.record({
          sessionId: id,
          count: optional(count),
          leaseMs: optional(count),
          planId: optional(id),
        }),
      }),
      fc.record({
        op: fc.constant('tasks.complete'),
        args: fc.record({
          taskId,
          fence,
          next: optional(fc.boolean()),
          evidence: optional(fc.record({ summary: text })),
        }),
      }),
      fc.record({
        op: fc.constant('tasks.release'),
        args: fc.record({ taskId, fence, reason: optional(text) }),
      }),
    );
    fc.assert(
      fc.property(args, (call) => {
        const value = { args: dense(call.args), op: call.op } as unknown as JsonValue;
        expect(callText(call as unknown as Call)).toBe(canonicalJson(value));
      }),
    );
  });

  // Property: any JSON of integers and well-formed strings, against tlog's writer.
  test('canonical text is that of tlog', () => {
    const value = fc.letrec<{ node: JsonValue }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        text,
        fc.maxSafeInteger().filter((n) => !Object.is(n, -0)),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('node'), { maxLength: 4 }),
        fc.dictionary(
          text.filter((key) => !/^\d+$/.test(key) && key !== '__proto__'),
          tie('node'),
          { maxKeys: 4 },
        ),
      ),
    })).node;
    fc.assert(
      fc.property(value, (one) => {
        expect(canonicalText(one)).toBe(canonicalJson(one));
      }),
    );
  });

  test.each([
    ['a lone surrogate', '\ud800'],
    ['a fraction', 0.5],
    ['minus zero', -0],
    ['an index-like key', { 0: 1 }],
    ['a bigint', 1n],
  ])('%s has no canonical text', (_what, value) => {
    expect(() => canonicalText([value])).toThrow(NotCanonical);
  });
});

const claim = (): Committed => ({
  kind: 'committed',
  index: 123_456,
  at: Date.UTC(2026, 10, 21, 8, 0, 0, 140),
  epoch: 7,
  op: 'tasks.claim',
  args: { leaseMs: 30_000, sessionId: SESSION, taskId: TASK },
  cred: 'session',
  principal: 'agent-7.swarm-a',
  session: SESSION,
  idem: 'dEroXUGxtYmvtGGKRP8O3g',
  trace: traceIdFrom('4bf92f3577b34da6a3ce929d0e0e4736'),
  ids: [],
  events: [
    {
      attempt: 1,
      fence: 1,
      leaseMs: 30_000,
      sessionId: SESSION,
      taskId: TASK,
      type: 'task.leased',
    },
  ],
});

const drafted = (entry: Committed) => {
  const draft = writer(entry, LEAF, callText(entry as unknown as Call));
  if (draft.kind === 'reject') throw new Error(draft.code);
  return draft;
};

describe('entries', () => {
  test('a claim’s entry is at most 560 bytes and parses by the log’s grammar', () => {
    const draft = drafted(claim());
    const bytes = Buffer.from(draft.text);
    expect(bytes.length).toBeLessThanOrEqual(560);
    const parsed = parseEntry(bytes);
    if (parsed.kind !== 'entry') throw new Error(parsed.reason);
    expect(parsed.entry).toMatchObject({
      index: 123_456,
      previousLeaf: LEAF,
      epoch: 7,
      atMs: claim().at,
    });
    expect(checkCanonicalLine(parsed.entry.outcome).kind).toBe('canonical');
    expect(checkCanonicalLine(parsed.entry.call).kind).toBe('canonical');
  });

  const roundTrip = async (entry: Committed) => {
    const blobs = memoryBlobs();
    const batch = new OpenBatch();
    const first = { ...entry, index: 0 };
    const leaf = batch.add(drafted(first), first, blobs);
    const frame = {
      first: 0,
      count: 1,
      epoch: 7,
      previousLeaf: LEAF,
      entries: Buffer.from(batch.bytes),
    };
    const [stored] = await readFrame(frame, { size: 0, leaf: LEAF, epoch: 0 }, blobs);
    expect(stored?.leaf).toBe(leaf);
    expect(stored?.entry).toEqual(first);
    return { bytes: batch.bytes.length, call: stored?.call ?? '' };
  };

  test('what was written is read back', async () => {
    expect((await roundTrip(claim())).call).toBe(callText(claim() as unknown as Call));
  });

  test('arguments that break an entry are spilled and read back', async () => {
    const args = { component: 'x', operation: 'y', params: { p: 'ä€😀"\\\n'.repeat(20_000) } };
    const { bytes, call } = await roundTrip({ ...claim(), op: 'witness.record', args });
    expect(bytes).toBeLessThan(1_000);
    expect(call).toMatch(
      /^{"args":{"blob":"sha256:[0-9a-f]{64}","bytes":\d+,"count":1},"op":"witness.record"}$/,
    );
  });

  test('events that break an entry are spilled, and both where one is not enough', async () => {
    const events = Array.from({ length: 700 }, (_, i) => ({
      attempt: 1,
      fence: 1,
      leaseMs: 30_000,
      sessionId: SESSION,
      taskId: `plan/task-${i}`,
      type: 'task.leased' as const,
    }));
    await roundTrip({ ...claim(), events });
    const args = { params: { p: 'x'.repeat(66_000) } };
    expect(
      (await roundTrip({ ...claim(), op: 'witness.record', args, events })).bytes,
    ).toBeLessThan(1_000);
  });

  test('one piece above SPILL_BYTES_MAX is refused', () => {
    const args = { p: 'x'.repeat(17 * 1024 * 1024) };
    const entry: Committed = { ...claim(), op: 'witness.record', args };
    expect(writer(entry, LEAF, callText(entry as unknown as Call))).toMatchObject({
      code: 'request.too_large',
    });
  });

  test('a frame that does not continue the chain is damage', async () => {
    const blobs = memoryBlobs();
    const batch = new OpenBatch();
    const entry = { ...claim(), index: 0 };
    batch.add(drafted(entry), entry, blobs);
    const frame = {
      first: 0,
      count: 1,
      epoch: 7,
      previousLeaf: LEAF,
      entries: Buffer.from(batch.bytes),
    };
    const read = (change: object, head: object = {}) =>
      readFrame({ ...frame, ...change }, { size: 0, leaf: LEAF, epoch: 0, ...head }, blobs);
    await expect(read({}, { leaf: hash('sha256', 'y', 'base64') })).rejects.toThrow(/log.damaged/);
    await expect(read({}, { epoch: 8 })).rejects.toThrow(/log.damaged/);
    await expect(read({ first: 1 }, { size: 1 })).rejects.toThrow(/says that it is 0/);
    await expect(read({ epoch: 8 })).rejects.toThrow(/another epoch/);
    await expect(read({ previousLeaf: 'z' }, { leaf: 'z' })).rejects.toThrow(
      /another previous leaf/,
    );
  });
});
