import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { formsOf } from './forms.ts';
import { REDACTED, scrub, scrubBody, scrubHeaders } from './scrub.ts';
import { unescaped } from './unescaped.ts';

const SECRET = Buffer.from('k3y/with+odd="chars"&é<>\\');

const percentAll = (bytes: Buffer) => bytes.toString('hex').replaceAll(/../g, '%$&');
const jsonAll = (bytes: Buffer) => bytes.toString('hex').replaceAll(/../g, '\\u00$&');

/** Every way in which something may spell the secret, given what stands before it. */
const SPELLINGS: readonly (readonly [string, (secret: Buffer) => Buffer])[] = [
  ['raw', (secret) => secret],
  ['hex', (secret) => Buffer.from(secret.toString('hex'))],
  ['HEX', (secret) => Buffer.from(secret.toString('hex').toUpperCase())],
  ['base64', (secret) => Buffer.from(secret.toString('base64'))],
  ['base64url', (secret) => Buffer.from(secret.toString('base64url'))],
  ['percent', (secret) => Buffer.from(percentAll(secret))],
  ['PERCENT', (secret) => Buffer.from(percentAll(secret).toUpperCase())],
  ['percent twice', (secret) => Buffer.from(percentAll(Buffer.from(percentAll(secret))))],
  ['base64 in percent', (secret) => Buffer.from(encodeURIComponent(secret.toString('base64')))],
  ['base64 in lines', (s) => Buffer.from(s.toString('base64').replaceAll(/.{5}/g, '$&\r\n'))],
  ['base64 in JSON lines', (s) => Buffer.from(s.toString('base64').replaceAll(/.{5}/g, '$&\\n'))],
];

describe('case 70: every spelling of a secret is found', () => {
  test.each(SPELLINGS)('%s', (_name, spell) => {
    for (const [before, after] of [
      ['', ''],
      ['{"a":"', '"}'],
      ['key=', '&b=1'],
    ] as const) {
      const text = Buffer.concat([Buffer.from(before), spell(SECRET), Buffer.from(after)]);
      const { bytes, isEchoed } = scrub(text, formsOf(SECRET));
      expect(isEchoed).toBe(true);
      const left = bytes.toString('latin1');
      expect(left.startsWith(`${before}${REDACTED}`)).toBe(true);
      // Of base64 the padding may stay.
      expect(left.slice(before.length + REDACTED.length).replace(/^[=\r\n%3D\\n]*/, '')).toBe(
        after,
      );
    }
  });

  test('as JSON and HTML write its characters', () => {
    const secret = Buffer.from('k3y/with+odd="chars"&<>\\\'');
    const text = secret.toString();
    const html = text
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      .replaceAll("'", '&#39;');
    for (const each of [
      JSON.stringify(text),
      JSON.stringify(text).replaceAll('/', '\\/'),
      JSON.stringify(JSON.stringify(text)),
      jsonAll(secret),
      secret.toString('hex').replaceAll(/../g, '\\x$&'),
      html,
      html.replaceAll('&#39;', '&apos;'),
      secret.toString('hex').replaceAll(/../g, '&#x$&;'),
      JSON.stringify(html),
    ]) {
      const { bytes } = scrub(Buffer.from(each), formsOf(secret));
      expect(bytes.toString().replaceAll(/["\\]/g, ''), each).toBe(REDACTED);
    }
  });

  test('in UTF-16, of both orders', () => {
    const secret = Buffer.from('plain-ascii-secret');
    const little = Buffer.from(secret.toString(), 'utf16le');
    const big = Buffer.from(little).swap16();
    expect(scrub(little, formsOf(secret)).bytes.toString()).toBe(REDACTED);
    expect(scrub(big, formsOf(secret)).bytes.toString()).toBe(REDACTED);
  });
});

// Property: base64 of anything around the secret shows none of its whole bytes. Method: random neighbours, both alphabets.
test('base64 at any place in a longer text', () => {
  const around = fc.uint8Array({ maxLength: 40 });
  const secret = fc.uint8Array({ minLength: 8, maxLength: 40 });
  fc.assert(
    fc.property(around, secret, around, fc.constantFrom('base64', 'base64url'), (a, s, z, form) => {
      const alphabet = form === 'base64' ? 'base64' : 'base64url';
      const text = Buffer.from(Buffer.concat([a, s, z]).toString(alphabet));
      const { bytes, isEchoed } = scrub(text, formsOf(Buffer.from(s)));
      expect(isEchoed).toBe(true);
      // Of the secret's digits none is left but the two at its ends at most, and those share their bits.
      expect(bytes.length).toBeLessThanOrEqual(
        text.length - Math.floor((s.length * 8) / 6) + 1 + REDACTED.length,
      );
    }),
    { numRuns: 1_000 },
  );
});

test('a secret is found on every border of a window, and cut out once', async () => {
  const secret = Buffer.from('border-secret-0123456789');
  const spelled = Buffer.from(jsonAll(secret));
  const window = 256 * 1024;
  for (const back of [0, 1, 7, spelled.length - 1, spelled.length]) {
    const body = Buffer.alloc(2 * window, 0x2e);
    spelled.copy(body, window - back);
    const { bytes, isEchoed } = await scrubBody(body, formsOf(secret));
    expect(isEchoed).toBe(true);
    expect(bytes.length).toBe(body.length - spelled.length + REDACTED.length);
    expect(bytes.includes(REDACTED)).toBe(true);
  }
});

test('others have their turn while a large body is searched', async () => {
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  turn();
  await scrubBody(Buffer.alloc(4 * 1024 * 1024, '%41'), formsOf(SECRET));
  isOver = true;
  expect(turns).toBeGreaterThan(10);
});

test('a body that is nothing but echoes goes as a whole', async () => {
  const secret = Buffer.from('echo-secret');
  const body = Buffer.alloc(secret.length * 20_000, secret);
  expect((await scrubBody(body, formsOf(secret))).bytes.toString()).toBe(REDACTED);
});

test('what holds no secret stays the very bytes that came', async () => {
  const body = Buffer.from('{"almost":"k3y/with+odd=","%41":"&amp;\\u0041"}\r\n');
  const scrubbed = await scrubBody(body, formsOf(SECRET));
  expect(scrubbed).toEqual({ bytes: body, isEchoed: false });
  expect(scrubbed.bytes).toBe(body);
});

test('headers lose the secret by value, and whole where their name holds it', () => {
  const forms = formsOf(Buffer.from('header-secret'));
  expect(
    scrubHeaders(
      [
        ['a', 'x header-secret y'],
        ['x-header-secret', '1'],
        ['b', 'é stays'],
      ],
      forms,
    ),
  ).toEqual({
    headers: [
      ['a', `x ${REDACTED} y`],
      ['b', 'é stays'],
    ],
    isEchoed: true,
  });
  expect(scrubHeaders([['a', 'b']], forms).isEchoed).toBe(false);
});

test('a secret beyond ASCII is found as it came, and as a server reads and writes it', () => {
  const secret = Buffer.from('pässwörd-€');
  const latin = secret.toString('latin1');
  for (const each of [secret, Buffer.from(latin), Buffer.from(percentAll(secret))])
    expect(scrub(each, formsOf(secret)).bytes.toString()).toBe(REDACTED);
});

test('forms are zeros once they are wiped, and the secret itself is not theirs to wipe', () => {
  const secret = Buffer.from('wiped-secret');
  const forms = formsOf(secret);
  forms.wipe();
  for (const form of [...forms.exact, ...forms.anyCase])
    expect(form.every((byte) => byte === 0)).toBe(true);
  expect(secret.toString()).toBe('wiped-secret');
});

describe('escapes are undone where they are escapes', () => {
  test.each([
    ['%41%4a', 'AJ'],
    ['%4', '%4'],
    ['%zz%', '%zz%'],
    ['\\u0041\\x4a\\/\\"\\\\', 'AJ/"\\'],
    ['\\u00e9\\u20ac', '\xe9\xe2\x82\xac'],
    ['\\ud83d', '?'],
    ['\\u004\\q\\', '\\u004\\q\\'],
    ['a\r\nb\\r\\nc', 'abc'],
    ['&amp;&LT;&gt;&quot;&apos;&#65;&#x4A;', '&<>"\'AJ'],
    ['&nbsp;&#;&#x;&#xzz;&amp &', '&nbsp;&#;&#x;&#xzz;&amp &'],
    ['&#9999999;', '?'],
    ['&alpha;&glyph;', '&alpha;&glyph;'],
  ])('%j', (text, expected) => {
    const view = unescaped(Buffer.from(text));
    expect(view?.bytes.toString('latin1')).toBe(expected);
  });

  test('what has none has no view', () => {
    expect(unescaped(Buffer.from('plain text'))).toBeUndefined();
    expect(unescaped(Buffer.alloc(0))).toBeUndefined();
  });

  // Property: the places are in order, inside of the original, and one more than the bytes. Method: pieces of escapes.
  test('each byte of a view knows where it began', () => {
    const piece = fc.constantFrom('%', '41', '\\', 'u', '00', '&', '#', 'x', ';', 'amp', '\n', 'z');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const original = Buffer.from(pieces.join(''));
        const view = unescaped(original);
        if (view === undefined) return;
        expect(view.starts).toHaveLength(view.bytes.length + 1);
        expect(view.starts.at(-1)).toBe(original.length);
        for (const [at, start] of view.starts.entries())
          expect(start).toBeGreaterThanOrEqual(view.starts[at - 1] ?? 0);
      }),
      { numRuns: 2_000 },
    );
  });
});
