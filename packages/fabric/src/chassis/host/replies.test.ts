import { expect, test } from 'vitest';
import { readHttpCall, readLoaded, readProbed, readReady, readVerdict } from './replies.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (value: unknown): Uint8Array => bytes(JSON.stringify(value));

test('a ready runner names its versions; anything else is not ready', () => {
  expect(readReady(json({ node: '24.21.0', v8: '13.6', more: 1 }))).toEqual({
    node: '24.21.0',
    v8: '13.6',
  });
  for (const text of ['', '{', '[]', 'null', '"ready"', '{"node":1,"v8":2}', '{"node":"x"}'])
    expect(readReady(bytes(text))).toBeUndefined();
  expect(readReady(Uint8Array.of(0xff, 0xfe))).toBeUndefined();
});

test('what was loaded is said with its exports, or with its reason', () => {
  expect(readLoaded(json({ ok: true, exports: ['run', 7, 'a\u001b[31mb'] }))).toEqual({
    ok: true,
    exports: ['run', 'ab'],
  });
  expect(readLoaded(json({ ok: false, reason: 'no\nway' }))).toEqual({
    ok: false,
    reason: 'no way',
  });
  expect(readLoaded(json({ ok: false }))).toEqual({ ok: false, reason: 'no reason given' });
  for (const value of [{}, { ok: 'true' }, []]) expect(readLoaded(json(value))).toBeUndefined();
});

test('a verdict is read whole or not at all', () => {
  const yes = { ok: true, memoryPages: 1, functions: 2, imports: ['a.b'], exports: [] };
  expect(readVerdict(json(yes))).toEqual(yes);
  expect(readVerdict(json({ ...yes, memoryPages: -1 }))).toBeUndefined();
  expect(readVerdict(json({ ...yes, functions: 1e308 }))).toBeUndefined();
  expect(readVerdict(json({ ok: false, code: 'too-many', reason: 'why', offset: 8 }))).toEqual({
    ok: false,
    code: 'too-many',
    reason: 'why',
    offset: 8,
  });
  expect(readVerdict(json({ ok: false }))).toEqual({
    ok: false,
    code: 'module.refused',
    reason: 'no reason given',
  });
});

test('a probe’s attempts are known ones, and what is not denied was allowed', () => {
  const attempts = [
    { name: 'read', outcome: 'denied', detail: 'EPERM' },
    { name: 'socket', outcome: 'maybe' },
    { name: 'fly', outcome: 'denied' },
    'exec',
  ];
  expect(readProbed(json({ attempts }))).toEqual({
    attempts: [
      { name: 'read', outcome: 'denied', detail: 'EPERM' },
      { name: 'socket', outcome: 'allowed', detail: '' },
    ],
  });
  expect(readProbed(json({ attempts: 'all' }))).toBeUndefined();
});

test('case 58: names of a prototype in a request are names', () => {
  const call = readHttpCall(
    bytes(
      '{"url":"https://a/","__proto__":{"alias":"x"},"headers":{"__proto__":"p","constructor":"c"}}',
    ),
  );
  expect(call).toMatchObject({ url: 'https://a/' });
  expect(Object.hasOwn(call ?? {}, 'alias')).toBe(false);
  const headers = call?.headers ?? {};
  expect(Object.getPrototypeOf(headers)).toBeNull();
  expect(Object.entries(headers)).toEqual([
    ['__proto__', 'p'],
    ['constructor', 'c'],
  ]);
});

test('case 57: depth, large numbers and lone surrogates are no request, and no failure either', () => {
  expect(readHttpCall(bytes('['.repeat(100_001)))).toBeUndefined();
  expect(
    readHttpCall(bytes(`{"url":"u","headers":${'['.repeat(100_001)}${']'.repeat(100_001)}}`)),
  ).toBeUndefined();
  expect(readHttpCall(bytes('{"url":1e308}'))).toBeUndefined();
  expect(readHttpCall(bytes('{"url":"\\ud800"}'))?.url).toBe('\ud800');
});

test('a request has text where text belongs, and as many headers as a request may have', () => {
  const whole = { url: 'u', alias: 'a', method: 'POST', body: 'eA==', headers: { accept: 'x' } };
  expect(readHttpCall(json(whole))).toEqual(whole);
  expect(readHttpCall(json({ url: 'u', alias: null }))).toEqual({ url: 'u', headers: {} });
  for (const wrong of [
    { alias: 1 },
    { method: {} },
    { body: [] },
    { headers: { a: 1 } },
    { headers: [] },
    { url: 2 },
  ])
    expect(readHttpCall(json({ url: 'u', ...wrong }))).toBeUndefined();
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`h${at}`, 'x']));
  expect(readHttpCall(json({ url: 'u', headers: many }))).toBeUndefined();
});

test('case 57: what has more parts than any message is refused before anything is made of it', () => {
  const half = 4 * 1024 * 1024 - 20;
  const deep = bytes(`{"ok":true,"exports":${'['.repeat(half)}${']'.repeat(half)}}`);
  const wide = bytes(`{"ok":true,"exports":[${'0,'.repeat(half)}0]}`);
  const before = process.memoryUsage().rss;
  expect(readLoaded(deep)).toBeUndefined();
  expect(readLoaded(wide)).toBeUndefined();
  expect(readHttpCall(bytes(`{"url":"u","headers":${'{"a":'.repeat(9_000)}`))).toBeUndefined();
  // Read as JSON the first alone took 330 MiB.
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
});

test('brackets and commas within a text are text, whatever stands before its quotes', () => {
  const text = `${'[{,'.repeat(10_000)}\\"\\\\`;
  expect(readHttpCall(json({ url: text }))).toMatchObject({ url: text });
  const names = Array.from({ length: 1_000 }, (_, at) => `name,${at}\\`);
  const verdict = { ok: true, memoryPages: 1, functions: 2, imports: names, exports: names };
  expect(readVerdict(json(verdict))).toEqual(verdict);
});
