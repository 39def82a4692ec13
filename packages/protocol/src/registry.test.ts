import { describe, expect, test } from 'vitest';
import {
  ERRORS,
  EXIT_CODES,
  findOperation,
  isErrorCode,
  isOperationName,
  OPERATIONS,
  parseCursor,
  problemOf,
  reject,
} from './index.ts';
import { FeedCursor } from './feed.ts';

describe('the registry', () => {
  test('every operation is a noun and a verb, has a sentence, callers, and errors of the catalogue', () => {
    for (const { name, summary, callers, errors, effect } of OPERATIONS) {
      expect(name).toMatch(/^[a-z]+\.[a-z_]+$/);
      expect(summary, name).toMatch(/^[A-Z].*[.?]$/s);
      expect(callers.length, name).toBeGreaterThan(0);
      expect(callers.includes('realm'), name).toBe(
        callers.length === 1 && effect === 'write' && callers[0] === 'realm',
      );
      for (const code of errors) expect(isErrorCode(code), `${name} ${code}`).toBe(true);
      expect(new Set(errors).size, name).toBe(errors.length);
      expect(findOperation(name)?.name).toBe(name);
      expect(isOperationName(name)).toBe(true);
    }
    expect([findOperation('toString'), isOperationName('tasks.fly')]).toStrictEqual([
      undefined,
      false,
    ]);
  });

  test('an operation takes no member that it does not know', () => {
    for (const { name, input } of OPERATIONS) {
      const { error } = input.safeParse({ noSuchMember: 1 });
      expect(
        error?.issues.some(({ code }) => code === 'unrecognized_keys'),
        name,
      ).toBe(true);
    }
  });
});

describe('errors', () => {
  test('every row has a status, a remedy that the CLI exits by, and a sentence', () => {
    for (const [code, { status, remedy, message }] of Object.entries(ERRORS)) {
      expect(code).toMatch(/^(internal|[a-z]+\.[a-z_]+)$/);
      expect(status, code).toBeGreaterThanOrEqual(400);
      expect(status, code).toBeLessThan(600);
      expect(EXIT_CODES[remedy], code).toBeGreaterThan(1);
      expect(message, code).toMatch(/^[A-Z].*\.$/);
    }
    expect(new Set(Object.values(EXIT_CODES)).size).toBe(4);
    expect([isErrorCode('lease.stale'), isErrorCode('toString')]).toStrictEqual([true, false]);
  });

  test('a rejection becomes problem details, and leaves out what it does not say', () => {
    const rejection = reject('task.leased', 'p/a is leased.');
    expect(rejection).toStrictEqual({
      kind: 'reject',
      code: 'task.leased',
      detail: 'p/a is leased.',
    });
    const problem = {
      type: 'urn:infrafabric:error:task.leased',
      title: 'Another session holds the lease.',
      status: 409,
      code: 'task.leased',
      remedy: 'retry-later',
      detail: 'p/a is leased.',
    };
    expect(problemOf(rejection)).toStrictEqual(problem);
    const more = {
      ...reject('task.leased', 'p/a is leased.', { taskId: 'p/a' }),
      retryAfterMs: 50,
    };
    expect(problemOf(more, 'trace')).toStrictEqual({
      ...problem,
      facts: { taskId: 'p/a' },
      retryAfterMs: 50,
      trace: 'trace',
    });
  });
});

describe('the feed', () => {
  test('a cursor is an entry and an event of it; without one, all of them were seen', () => {
    expect(parseCursor(FeedCursor.parse('12.3'))).toStrictEqual({ index: 12, n: 3 });
    expect(parseCursor(FeedCursor.parse('12'))).toStrictEqual({
      index: 12,
      n: Number.MAX_SAFE_INTEGER,
    });
    for (const bad of ['', '1.', '.1', '-1', '1.2.3', '1'.repeat(17)])
      expect(FeedCursor.safeParse(bad).success, bad).toBe(false);
  });
});
