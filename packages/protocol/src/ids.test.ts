import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AgentName,
  BlockerId,
  blockerIdFrom,
  CapabilityId,
  Digest,
  digestFrom,
  EntryIndex,
  entryIndex,
  FencingToken,
  fencingTokenFrom,
  IdempotencyKey,
  PhaseKey,
  PlanId,
  RealmId,
  SessionId,
  sessionIdFrom,
  splitTaskId,
  TaskId,
  taskIdOf,
  TaskKey,
  Timestamp,
  timestamp,
  TraceId,
  traceIdFrom,
} from './ids.ts';

const ROWS = [
  [RealmId, ['main', 'a_b-1', 'x'.repeat(32)], ['', 'A', 'a.b', 'x'.repeat(33)]],
  [PlanId, ['p', '2026-11', 'a.b_c', 'x'.repeat(64)], ['', '-a', '.a', 'P', 'a/b', 'x'.repeat(65)]],
  [PhaseKey, ['one', 'A.1'], ['', '_a', 'a b', 'x'.repeat(65)]],
  [TaskKey, ['a', 'T-1', 'epic:story', 'x'.repeat(96)], ['', ':a', 'a/b', 'a b', 'x'.repeat(97)]],
  [TaskId, ['p/a', 'p.1/A:b'], ['p', '/a', 'p/', 'p/a/b', 'P/a']],
  [AgentName, ['ada', 'team/ada@host'], ['', '@ada', 'a b']],
  [CapabilityId, ['rust', 'lang:c++', 'net:v6'], ['', 'Rust', ':a', 'a:', 'a:b:c', 'a b']],
  [
    Digest,
    [`sha256:${'0a'.repeat(32)}`],
    ['0a'.repeat(32), `sha256:${'0A'.repeat(32)}`, 'sha256:0a'],
  ],
  [TraceId, ['0a'.repeat(16)], ['0a', '0A'.repeat(16)]],
  [
    IdempotencyKey,
    ['12345678', '~'.repeat(128)],
    ['1234567', 'with space', 'é'.repeat(8), '~'.repeat(129)],
  ],
  [
    FencingToken,
    ['a'.repeat(16), 'A.b_c-0'.repeat(3)],
    ['a'.repeat(15), `${'a'.repeat(16)}+`, 'a'.repeat(161)],
  ],
] as const;

describe('ids are parsed at the edge', () => {
  test('each takes its form and nothing else', () => {
    for (const [schema, good, bad] of ROWS) {
      for (const text of good) expect(schema.safeParse(text).success, text).toBe(true);
      for (const text of bad) expect(schema.safeParse(text).success, text).toBe(false);
    }
  });

  test('a refusal says what was expected', () => {
    expect(PlanId.safeParse('No').error?.issues[0]?.message).toMatch(/^is not a plan id \(/);
  });

  test('times and positions are safe integers from nought', () => {
    for (const schema of [Timestamp, EntryIndex]) {
      expect(schema.safeParse(0).success).toBe(true);
      for (const bad of [-1, 0.5, Number.NaN, 2 ** 53, '1'])
        expect(schema.safeParse(bad).success).toBe(false);
    }
    expect(Timestamp.safeParse(8_640_000_000_000_001).success).toBe(false);
    expect([timestamp(5), entryIndex(6)]).toStrictEqual([5, 6]);
  });
});

describe('ids are minted here', () => {
  const random = fc.uint8Array({ minLength: 10, maxLength: 10 });

  test('from ten random bytes, of which every bit counts', () => {
    fc.assert(
      fc.property(random, random, (a, b) => {
        const [session, blocker] = [sessionIdFrom(a), blockerIdFrom(a)];
        expect(SessionId.parse(session)).toBe(session);
        expect(BlockerId.parse(blocker)).toBe(blocker);
        expect(session.slice(4)).toBe(blocker.slice(4));
        expect(sessionIdFrom(b) === session).toBe(a.every((byte, i) => byte === b[i]));
      }),
    );
    fc.assert(
      fc.property(random, fc.nat(79), (bytes, bit) => {
        const other = bytes.slice();
        other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(sessionIdFrom(other)).not.toBe(sessionIdFrom(bytes));
      }),
    );
  });

  test('known bytes give a known id', () => {
    expect(sessionIdFrom(new Uint8Array(10))).toBe('ses_0000000000000000');
    expect(sessionIdFrom(new Uint8Array(10).fill(255))).toBe('ses_zzzzzzzzzzzzzzzz');
    expect(blockerIdFrom(Uint8Array.of(0, 0, 0, 0, 1, 0, 0, 0, 1, 0))).toBe('blk_0000000100000080');
  });

  test('a task id is its plan and its key, and comes apart again', () => {
    const planId = PlanId.parse('p.1');
    const key = TaskKey.parse('a:b');
    expect(TaskId.parse(taskIdOf(planId, key))).toBe('p.1/a:b');
    expect(splitTaskId(taskIdOf(planId, key))).toStrictEqual({ planId, key });
  });

  test('texts that were made elsewhere only get their brand', () => {
    expect(digestFrom('0a'.repeat(32))).toBe(Digest.parse(`sha256:${'0a'.repeat(32)}`));
    expect(traceIdFrom('0a')).toBe('0a');
    expect(fencingTokenFrom('token')).toBe('token');
  });
});
