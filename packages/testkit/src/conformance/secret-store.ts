/**
 * The contract of the secret store port, as tests: one call for each adapter. S1 and S2 stand at the head of fabric's
 * `ports/secret-store.ts`; each test names the law that it holds.
 */
import { Buffer } from 'node:buffer';
import { inspect } from 'node:util';
import type { SecretRef, SecretStore } from '@infrafabric/fabric';
import { describe, expect, onTestFinished, test } from 'vitest';

export interface SecretEntry {
  readonly ref: SecretRef;
  readonly value: Buffer;
}

/** One place where secrets are, and a store that reads it. */
export interface SecretStoreUnderTest {
  readonly store: SecretStore;
  /** Sets a secret as its owner does while the store is open; absent: `fixed` says why there is no way. */
  readonly put?: (entry: SecretEntry) => Promise<void>;
  readonly fixed?: string;
  /** From now on the store may not read; absent: it has no rights of its own that could be taken. */
  readonly deny?: () => Promise<void>;
  /** From now on the store's place is gone; absent: it is in memory. */
  readonly breakDown?: () => Promise<void>;
  /** From now on answers do not come; absent: they are there before anybody can give up. */
  readonly stall?: () => Promise<void>;
  /** Tokens and keys of its own that no failure may name. */
  readonly hidden: readonly string[];
  dispose(): Promise<void>;
}

/** Makes a place that holds these and opens a store over it. */
export type SecretStoreFactory = (entries: readonly SecretEntry[]) => Promise<SecretStoreUnderTest>;

export interface SecretStoreTraits {
  /** Why it holds text and no bytes, where that is so. */
  readonly textOnly?: string;
}

/** The port's limit, by value: a suite that imported it could not tell that it changed. */
const SECRET_BYTES_MAX = 65_536;
const CANARY = Buffer.from('canary-Zk9_4"\\\u00e9-7f3a0b');
const KEY: SecretRef = { path: 'if/prod/sip-kamailio-key', field: 'token' };
const OTHER: SecretRef = { path: 'if/prod/sip-kamailio-key', field: 'old.token' };
const SHORT: SecretRef = { path: 'x', field: 'y' };
/** What a failure may tell. */
const NONE: readonly string[] = [];
const NEVER = new AbortController().signal;
const PARALLEL = 40;

const SECRETS: readonly SecretEntry[] = [
  { ref: KEY, value: CANARY },
  { ref: OTHER, value: Buffer.from('another-3c1d') },
  { ref: SHORT, value: Buffer.from('x') },
];

/** Declares the suite. Call it at the top of an integration test file. */
export function secretStoreConformance(
  name: string,
  create: SecretStoreFactory,
  traits: SecretStoreTraits = {},
): void {
  const start = async (
    entries: readonly SecretEntry[] = SECRETS,
  ): Promise<SecretStoreUnderTest> => {
    const place = await create(entries);
    onTestFinished(() => place.dispose());
    return place;
  };
  describe(`secret store ${name}`, () => {
    describe('S1: a secret is bytes of the caller’s own', () => {
      values(start, traits);
      versions(start);
    });
    describe('S2: a failure is typed and names no value, token or body', () => {
      failures(start);
      interruptions(start);
    });
  });
}

type Start = (entries?: readonly SecretEntry[]) => Promise<SecretStoreUnderTest>;

function values(start: Start, { textOnly }: SecretStoreTraits): void {
  test('each reference resolves to its own bytes', async () => {
    const { store } = await start();
    for (const { ref, value } of SECRETS) {
      expect((await store.resolve(ref, NEVER)).bytes, ref.field).toEqual(value);
    }
  });

  test('zeroing what came changes neither the next answer nor an earlier one', async () => {
    const { store } = await start();
    const first = await store.resolve(KEY, NEVER);
    const second = await store.resolve(KEY, NEVER);
    expect(first.bytes.buffer).not.toBe(second.bytes.buffer);
    first.bytes.fill(0);
    expect(second.bytes).toEqual(CANARY);
    expect((await store.resolve(KEY, NEVER)).bytes).toEqual(CANARY);
  });

  test('the memory of an answer holds nothing else: it is not of a pool', async () => {
    const { store } = await start();
    const { bytes } = await store.resolve(KEY, NEVER);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
  });

  test('a secret of the largest size comes back byte for byte', async () => {
    const unit = textOnly === undefined ? Buffer.from([0, 10, 13, 0xff, 0x80, 0x22, 0x5c]) : CANARY;
    const value = Buffer.alloc(SECRET_BYTES_MAX, unit);
    // A text ends between characters.
    if (textOnly !== undefined) value.fill('.', SECRET_BYTES_MAX - unit.length);
    const { store } = await start([{ ref: KEY, value }]);
    expect((await store.resolve(KEY, NEVER)).bytes.equals(value)).toBe(true);
  });

  test('every byte from 0 to 255 comes back', async (context) => {
    if (textOnly !== undefined) {
      context.skip(textOnly);
      return;
    }
    const value = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const { store } = await start([{ ref: KEY, value }]);
    expect((await store.resolve(KEY, NEVER)).bytes).toEqual(value);
  });

  test('a secret above the limit is refused, where it is set or where it is asked for', async () => {
    const value = Buffer.alloc(SECRET_BYTES_MAX + 1, 'a');
    const answer = (async () => {
      const { store } = await start([{ ref: KEY, value }]);
      return store.resolve(KEY, NEVER);
    })();
    await expect(answer).rejects.toMatchObject({ name: 'Fault', code: 'secret.invalid' });
  });

  test('many at once get what they asked for', async () => {
    const { store } = await start();
    const asked = Array.from({ length: PARALLEL }, (_, i) => SECRETS[i % SECRETS.length]);
    const answers = await Promise.all(
      asked.map(async (entry) => (await store.resolve(entry?.ref ?? KEY, NEVER)).bytes),
    );
    expect(answers).toEqual(asked.map((entry) => entry?.value));
  });
}

function versions(start: Start): void {
  test('a version stays while nobody changes the secret', async () => {
    const { store } = await start();
    const first = await store.resolve(KEY, NEVER);
    expect(first.version).toMatch(/^[\x21-\x7e]{1,100}$/);
    expect((await store.resolve(KEY, NEVER)).version).toBe(first.version);
  });

  test('a new value has a new version, and so has the same value set again', async (context) => {
    const { store, put, fixed } = await start();
    if (put === undefined) {
      context.skip(fixed ?? 'there is no way to set a secret');
      return;
    }
    const seen = [(await store.resolve(KEY, NEVER)).version];
    for (const value of [
      Buffer.from('rotated-1'),
      Buffer.from('rotated-2'),
      Buffer.from('rotated-2'),
    ]) {
      await put({ ref: KEY, value });
      const { bytes, version } = await store.resolve(KEY, NEVER);
      expect(bytes).toEqual(value);
      expect(seen).not.toContain(version);
      seen.push(version);
    }
    expect((await store.resolve(SHORT, NEVER)).bytes.toString()).toBe('x');
  });
}

function failures(start: Start): void {
  const absent: readonly (readonly [string, SecretRef])[] = [
    ['path', { path: 'if/prod/none', field: 'token' }],
    ['field', { ...KEY, field: 'none' }],
    ['path that begins like one', { ...KEY, path: `${KEY.path}/more` }],
    ['path that is the beginning of one', { ...KEY, path: 'if/prod' }],
    ['name that every object has', { path: 'constructor', field: '__proto__' }],
  ];
  test.each(absent)('an unknown %s is not found', async (_, ref) => {
    const place = await start();
    expect(await faultOf(place, ref)).toMatchObject({
      name: 'Fault',
      code: 'secret.not_found',
      transient: false,
      leaks: NONE,
    });
  });

  const climbing: readonly SecretRef[] = [
    { path: '../if/prod/sip-kamailio-key', field: 'token' },
    { path: 'if/../if/prod/sip-kamailio-key', field: 'token' },
    { path: '/if/prod/sip-kamailio-key', field: 'token' },
    { path: 'if//prod', field: 'token' },
    { path: 'if/prod/', field: 'token' },
    { path: '', field: 'token' },
    { path: 'if/prod/sip-kamailio-key#token', field: 'x' },
    { path: 'if/prod%2fsip-kamailio-key', field: 'token' },
    { path: 'if\\prod', field: 'token' },
    { path: 'if/prod\u0000', field: 'token' },
    { path: 'if/prod/sip-kamailio-key?version=1', field: 'token' },
    { path: 'x', field: '../y' },
    { path: 'x', field: '' },
    { path: 'x', field: 'y\r\nX-Vault-Token: z' },
    { path: 'x'.repeat(600), field: 'y' },
  ];
  test.each(climbing)('a reference that is none is not followed: %j', async (ref) => {
    const place = await start();
    expect(await faultOf(place, ref)).toMatchObject({
      name: 'Fault',
      code: 'secret.invalid',
      transient: false,
      leaks: NONE,
    });
  });

  test('what may not be read is denied', async (context) => {
    const place = await start();
    if (place.deny === undefined) {
      context.skip('it has no rights of its own that could be taken');
      return;
    }
    await place.deny();
    expect(await faultOf(place, KEY)).toMatchObject({
      name: 'Fault',
      code: 'secret.denied',
      transient: false,
      leaks: NONE,
    });
  });

  test('what cannot be reached is unavailable', async (context) => {
    const place = await start();
    if (place.breakDown === undefined) {
      context.skip('it is in memory: there is nothing to be reached');
      return;
    }
    await place.store.resolve(KEY, NEVER);
    await place.breakDown();
    expect(await faultOf(place, KEY)).toMatchObject({
      name: 'Fault',
      code: 'secret.unavailable',
      leaks: NONE,
    });
  });
}

function interruptions(start: Start): void {
  test('a signal that aborted before gets its reason, and no secret', async () => {
    const { store } = await start();
    const reason = new Error('the lease ended');
    await expect(store.resolve(KEY, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect((await store.resolve(KEY, NEVER)).bytes).toEqual(CANARY);
  });

  test('a signal that aborts while the answer is waited for gets its reason', async (context) => {
    const { store, stall } = await start();
    if (stall === undefined) {
      context.skip('answers are there before anybody can give up');
      return;
    }
    await stall();
    const stop = new AbortController();
    const answer = store.resolve(KEY, stop.signal);
    const reason = new Error('the lease ended');
    setTimeout(() => stop.abort(reason), 20);
    await expect(answer).rejects.toBe(reason);
  });

  test('a closed store gives nothing, and closes once more', async () => {
    const place = await start();
    await place.store.close();
    expect(await faultOf(place, KEY)).toMatchObject({
      name: 'Fault',
      code: 'secret.unavailable',
      leaks: NONE,
    });
    await place.store.close();
  });
}

interface SeenFault {
  readonly name: unknown;
  readonly code: unknown;
  readonly transient: unknown;
  readonly leaks: readonly string[];
}

/** How the store refuses, and which secrets its refusal tells. */
async function faultOf(
  { store, hidden }: SecretStoreUnderTest,
  ref: SecretRef,
): Promise<SeenFault> {
  try {
    const { version } = await store.resolve(ref, NEVER);
    return { name: 'a secret', code: version, transient: undefined, leaks: [] };
  } catch (cause) {
    const { name, code, transient } = Object(cause);
    const secrets = [...SECRETS.map(({ value }) => value.toString()), ...hidden];
    return { name, code, transient, leaks: secretsIn(cause, secrets) };
  }
}

/** Shorter texts are found anywhere by chance. */
const CHARS_MIN = 4;

/**
 * Which of the secrets an error tells: itself, its causes and all their properties are searched, for secrets as they are and
 * in the forms they travel in.
 */
export function secretsIn(cause: unknown, secrets: readonly string[]): readonly string[] {
  const said = inspect(cause, {
    depth: Infinity,
    showHidden: true,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
    breakLength: Infinity,
  });
  return secrets.filter((secret) => {
    const bytes = Buffer.from(secret);
    const forms = [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      ...(['base64', 'base64url', 'hex'] as const).map((form) => bytes.toString(form)),
    ];
    return secret.length >= CHARS_MIN && forms.some((form) => said.includes(form));
  });
}
