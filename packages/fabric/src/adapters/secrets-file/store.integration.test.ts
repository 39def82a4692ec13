import { secretsIn, secretStoreConformance } from '@infrafabric/testkit';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { SecretRef } from '../../ports/secret-store.ts';
import { secretKeeper } from './keeper.ts';
import { newIdentity, seal, SEALED_BYTES_MAX, unseal, writeIdentities } from './sealed-file.ts';
import type { SecretFiles } from './sealed-file.ts';
import { fileSecrets } from './store.ts';

const NEVER = new AbortController().signal;
const KEY: SecretRef = { path: 'if/prod/sip', field: 'token' };
const VALUE = Buffer.from('canary-5d2e91');

const filesIn = (folder: string): SecretFiles => ({
  file: join(folder, 'secrets.age'),
  key: join(folder, 'keys', 'secrets.key'),
});

secretStoreConformance('file', async (entries) => {
  const folder = mkdtempSync(join(tmpdir(), 'ifab-secrets-'));
  const files = filesIn(folder);
  const keeper = secretKeeper(files);
  for (const { ref, value } of entries) await keeper.put(ref, value, NEVER);
  return {
    store: fileSecrets(files),
    put: async ({ ref, value }) => {
      await keeper.put(ref, value, NEVER);
    },
    deny: async () => chmodSync(files.key, 0o640),
    breakDown: async () => rmSync(files.key),
    hidden: [readFileSync(files.key, 'utf8').split('\n')[1] ?? ''],
    dispose: async () => rmSync(folder, { recursive: true }),
  };
});

let folder = '';
let files = filesIn('');
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ifab-secrets-'));
  files = filesIn(folder);
});
afterEach(() => rmSync(folder, { recursive: true }));

const valueOf = async (ref: SecretRef = KEY): Promise<string> =>
  (await fileSecrets(files).resolve(ref, NEVER)).bytes.toString();

const code = (wanted: string) => expect.objectContaining({ name: 'Fault', code: wanted });

describe('the files', () => {
  test('both are made with the first secret, for their owner alone, and hold no value that can be read', async () => {
    await secretKeeper(files).put(KEY, VALUE, NEVER);
    for (const path of [files.file, files.key, `${files.file}.lock`])
      expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o700);
    expect(readFileSync(files.file, 'latin1')).toMatch(/^age-encryption\.org\/v1\n-> X25519 /);
    expect(readFileSync(files.file).includes(VALUE)).toBe(false);
    expect(readFileSync(files.file).includes(VALUE.toString('base64'))).toBe(false);
  });

  test('without a file there is no secret, and nothing to list, remove or rotate', async () => {
    await expect(valueOf()).rejects.toEqual(code('secret.not_found'));
    const keeper = secretKeeper(files);
    expect(await keeper.list(NEVER)).toEqual([]);
    expect(await keeper.remove(KEY, NEVER)).toBe(false);
    await expect(keeper.rotateKey(NEVER)).rejects.toEqual(code('secret.not_found'));
    expect(existsSync(files.file)).toBe(false);
  });

  test('no temporary file is left, whatever was done', async () => {
    const keeper = secretKeeper(files);
    await keeper.put(KEY, VALUE, NEVER);
    await keeper.put(KEY, VALUE, NEVER);
    await keeper.rotateKey(NEVER);
    await keeper.remove(KEY, NEVER);
    expect(readdirSync(folder).toSorted()).toEqual(['keys', 'secrets.age', 'secrets.age.lock']);
    expect(readdirSync(join(folder, 'keys'))).toEqual(['secrets.key']);
  });

  const modes: readonly (readonly [string, number, 'key' | 'file'])[] = [
    ['a key that its group may read', 0o640, 'key'],
    ['a key that everybody may read', 0o604, 'key'],
    ['a key that its group may write', 0o620, 'key'],
    ['secrets that everybody may write', 0o602, 'file'],
  ];
  test.each(modes)('%s is refused, by readers and by writers', async (_, mode, which) => {
    const keeper = secretKeeper(files);
    await keeper.put(KEY, VALUE, NEVER);
    chmodSync(files[which], mode);
    await expect(valueOf()).rejects.toEqual(code('secret.denied'));
    await expect(keeper.put(KEY, VALUE, NEVER)).rejects.toEqual(code('secret.denied'));
    chmodSync(files[which], 0o600);
    expect(await valueOf()).toBe(VALUE.toString());
  });

  // Only root can give a file to somebody else.
  test.runIf(process.geteuid?.() === 0)('a key of another user is refused', async () => {
    await secretKeeper(files).put(KEY, VALUE, NEVER);
    execFileSync('chown', ['65534', files.key]);
    await expect(valueOf()).rejects.toEqual(code('secret.denied'));
  });

  const damages: readonly (readonly [string, string, () => void | Promise<void>])[] = [
    ['a changed byte', 'secret.unavailable', () => flip(files.file, -3)],
    ['a changed head', 'secret.unavailable', () => flip(files.file, 40)],
    [
      'a torn end',
      'secret.unavailable',
      () => writeFileSync(files.file, readFileSync(files.file).subarray(0, -9)),
    ],
    ['an empty file', 'secret.unavailable', () => writeFileSync(files.file, '')],
    [
      'a folder in its place',
      'secret.invalid',
      () => {
        rmSync(files.file);
        mkdirSync(files.file, { mode: 0o700 });
      },
    ],
    [
      'more bytes than it may have',
      'secret.invalid',
      () => writeFileSync(files.file, Buffer.alloc(SEALED_BYTES_MAX + 1)),
    ],
    [
      'a key of another file',
      'secret.unavailable',
      async () => {
        await writeIdentities(files.key, [await newIdentity()]);
      },
    ],
    ['a key that is none', 'secret.invalid', () => writeFileSync(files.key, 'AGE-SECRET-KEY-1\n')],
    [
      'a damaged key',
      'secret.unavailable',
      () => writeFileSync(files.key, `${OTHER_IDENTITY.slice(0, -1)}Q\n`),
    ],
    ['an empty key', 'secret.invalid', () => writeFileSync(files.key, '\n# nothing\n')],
    [
      'too many keys',
      'secret.invalid',
      () => writeFileSync(files.key, `${OTHER_IDENTITY}\n`.repeat(9)),
    ],
    ['no key', 'secret.unavailable', () => rmSync(files.key)],
  ];
  test.each(damages)(
    '%s is refused as %s, and by no writer overwritten',
    async (_, wanted, damage) => {
      const keeper = secretKeeper(files);
      await keeper.put(KEY, VALUE, NEVER);
      const identity = readFileSync(files.key, 'utf8').split('\n')[1] ?? '';
      await damage();
      const told = [identity, OTHER_IDENTITY, VALUE.toString()];
      for (const act of [() => valueOf(), () => keeper.put(KEY, VALUE, NEVER)]) {
        const cause: unknown = await act().catch((fault: unknown) => fault);
        expect(cause).toEqual(code(wanted));
        expect(secretsIn(cause, told)).toEqual([]);
      }
      await expect(keeper.rotateKey(NEVER)).rejects.toEqual(code(wanted));
    },
  );

  const documents: readonly string[] = [
    'no json',
    '[]',
    '{"format":"ifab-secrets/2","revision":1,"secrets":{}}',
    '{"format":"ifab-secrets/1","secrets":{}}',
    '{"format":"ifab-secrets/1","revision":1}',
    '{"format":"ifab-secrets/1","revision":1,"secrets":[]}',
    '{"format":"ifab-secrets/1","revision":-1,"secrets":{}}',
    '{"format":"ifab-secrets/1","revision":1,"secrets":{"../x":{"y":{"version":1,"value":""}}}}',
    '{"format":"ifab-secrets/1","revision":1,"secrets":{"x":{"y":{"version":2,"value":""}}}}',
    '{"format":"ifab-secrets/1","revision":1,"secrets":{"x":{"y":{"version":1}}}}',
    '{"format":"ifab-secrets/1","revision":1,"secrets":{"x":{"y":{"version":1,"value":7}}}}',
    '{"format":"ifab-secrets/1","revision":1,"secrets":{"if/prod/sip":{"token":{"version":1,"value":"YQ"}}}}',
  ];
  test.each(documents)('a file that holds %s is no file of secrets', async (text) => {
    const identity = await newIdentity();
    await writeIdentities(files.key, [identity]);
    writeFileSync(files.file, await seal(Buffer.from(text), identity, files.file), { mode: 0o600 });
    await expect(valueOf()).rejects.toEqual(code('secret.invalid'));
  });

  test('a key that is a link to a mounted secret is followed, and its own mode counts', async () => {
    await secretKeeper(files).put(KEY, VALUE, NEVER);
    const mounted = join(folder, 'mounted.key');
    renameSync(files.key, mounted);
    symlinkSync(mounted, files.key);
    expect(await valueOf()).toBe(VALUE.toString());
    chmodSync(mounted, 0o644);
    await expect(valueOf()).rejects.toEqual(code('secret.denied'));
  });
});

/** Of the right form, with a checksum that is wrong. */
const OTHER_IDENTITY =
  'AGE-SECRET-KEY-1ZQKQ6XTHTJZQ8M7L9YQ3Z0Y2Y8C6Y5K5J4J3H2G1F0E9D8C7B6A5S4QF0X0L';

/** Enough to fall into each of the writes of a rotation, which takes some 10 ms. */
const LIVES = 12;
const KILL_STEP_MS = 3;
/** Rotates and sets until it is killed. */
const WRITER = `
  import { secretKeeper } from ${JSON.stringify(new URL('keeper.ts', import.meta.url).href)};
  const keeper = secretKeeper(JSON.parse(process.env.FILES));
  const never = new AbortController().signal;
  await keeper.rotateKey(never);
  console.log('begun');
  for (let i = 0; ; i += 1) {
    await keeper.rotateKey(never);
    await keeper.put({ path: 'other', field: 'f' + i % 9 }, Buffer.from('other'), never);
  }
`;

const flip = (path: string, at: number): void => {
  const bytes = readFileSync(path);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  writeFileSync(path, bytes);
};

describe('the keeper', () => {
  test('versions grow over the whole file: a secret that comes back has a version it never had', async () => {
    const keeper = secretKeeper(files);
    expect(await keeper.put(KEY, VALUE, NEVER)).toBe('1');
    expect(await keeper.remove(KEY, NEVER)).toBe(true);
    expect(await keeper.remove(KEY, NEVER)).toBe(false);
    expect(await keeper.put(KEY, VALUE, NEVER)).toBe('3');
    expect(await keeper.put({ path: 'a', field: 'b' }, VALUE, NEVER)).toBe('4');
    expect(await keeper.list(NEVER)).toEqual([
      { ref: 'vault://a#b', version: '4' },
      { ref: 'vault://if/prod/sip#token', version: '3' },
    ]);
  });

  test('writers wait for each other: of many at once none is lost', async () => {
    const writers = Array.from({ length: 8 }, (_, i) =>
      secretKeeper(files).put({ path: 'p', field: `f${i}` }, Buffer.from(`v${i}`), NEVER),
    );
    expect((await Promise.all(writers)).toSorted()).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
      '8',
    ]);
    expect(await valueOf({ path: 'p', field: 'f5' })).toBe('v5');
  });

  test('a writer that waits for another gives up when its signal aborts', async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const keeper = secretKeeper(files);
    await keeper.put(KEY, VALUE, NEVER);
    const holder = new DatabaseSync(`${files.file}.lock`);
    holder.exec('BEGIN EXCLUSIVE');
    const stop = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => stop.abort(reason), 60);
    await expect(keeper.remove(KEY, stop.signal)).rejects.toBe(reason);
    holder.close();
    expect(await keeper.remove(KEY, NEVER)).toBe(true);
  });

  test('empty and oversized values, and references that are none, are refused and change nothing', async () => {
    const keeper = secretKeeper(files);
    for (const [ref, value] of [
      [KEY, Buffer.alloc(0)],
      [KEY, Buffer.alloc(65_537)],
      [{ path: '../x', field: 'y' }, VALUE],
    ] as const) {
      await expect(keeper.put(ref, value, NEVER)).rejects.toEqual(code('secret.invalid'));
    }
    await expect(keeper.remove({ path: '', field: '' }, NEVER)).rejects.toEqual(
      code('secret.invalid'),
    );
    expect(existsSync(files.file)).toBe(false);
  });

  test('the value that was put stays the caller’s', async () => {
    const value = Buffer.from(VALUE);
    await secretKeeper(files).put(KEY, value, NEVER);
    expect(value).toEqual(VALUE);
    value.fill(0);
    expect(await valueOf()).toBe(VALUE.toString());
  });

  test('a folder that cannot be written is unavailable', async () => {
    writeFileSync(join(folder, 'plain'), '');
    const nowhere = filesIn(join(folder, 'plain'));
    await expect(secretKeeper(nowhere).put(KEY, VALUE, NEVER)).rejects.toEqual(
      code('secret.unavailable'),
    );
  });
});

describe('a new identity', () => {
  test('opens what the old one opened; the old one opens the new file no more', async () => {
    const keeper = secretKeeper(files);
    await keeper.put(KEY, VALUE, NEVER);
    const before = { key: readFileSync(files.key), sealed: readFileSync(files.file) };
    await keeper.rotateKey(NEVER);
    expect(await valueOf()).toBe(VALUE.toString());
    expect(await keeper.list(NEVER)).toEqual([{ ref: 'vault://if/prod/sip#token', version: '1' }]);
    writeFileSync(files.key, before.key);
    await expect(valueOf()).rejects.toEqual(code('secret.unavailable'));
    writeFileSync(files.file, before.sealed);
    expect(await valueOf()).toBe(VALUE.toString());
  });

  test('a rotation that a crash cut short at any write leaves secrets that can be read and rotated', async () => {
    const keeper = secretKeeper(files);
    await keeper.put(KEY, VALUE, NEVER);
    const old = readFileSync(files.key, 'utf8').split('\n')[1] ?? '';
    const next = await newIdentity();
    const sealed = readFileSync(files.file);
    const resealed = await seal(await unseal(sealed, [old], files.file), next, files.file);
    // After the first write, and after the second.
    for (const bytes of [sealed, resealed]) {
      await writeIdentities(files.key, [next, old]);
      writeFileSync(files.file, bytes);
      expect(await valueOf()).toBe(VALUE.toString());
      await keeper.rotateKey(NEVER);
      expect(await valueOf()).toBe(VALUE.toString());
      expect(readFileSync(files.key, 'utf8').match(/^AGE-SECRET/gm)).toHaveLength(1);
    }
  });

  test('a writer that is killed at any moment leaves secrets that can be read, and changed again', async () => {
    const keeper = secretKeeper(files);
    await keeper.put(KEY, VALUE, NEVER);
    for (let life = 0; life < LIVES; life += 1) {
      const child = spawn(process.execPath, [...process.execArgv, '-e', WRITER], {
        env: { ...process.env, FILES: JSON.stringify(files) },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      await pause(life * KILL_STEP_MS);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(await valueOf()).toBe(VALUE.toString());
    }
    await keeper.rotateKey(NEVER);
    expect(await valueOf()).toBe(VALUE.toString());
  });

  test('readers beside it never fail', async () => {
    const keeper = secretKeeper(files);
    await keeper.put(KEY, VALUE, NEVER);
    const stop = new AbortController();
    const rotations = (async () => {
      for (let i = 0; i < 6; i += 1) await keeper.rotateKey(NEVER);
      stop.abort();
    })();
    let reads = 0;
    while (!stop.signal.aborted) {
      expect(await valueOf()).toBe(VALUE.toString());
      reads += 1;
    }
    await rotations;
    expect(reads).toBeGreaterThan(6);
  });
});

const hasAge = spawnSync('age', ['--version']).status === 0;

// Debian's age is an implementation of its own (Go): scripts/setup.ts installs it, so in CI its absence is a failure.
describe.skipIf(!hasAge && process.env['CI'] === undefined)('age of Debian', () => {
  test('opens our file with our key', async () => {
    const keeper = secretKeeper(files);
    await keeper.put(KEY, VALUE, NEVER);
    await keeper.put({ path: 'a', field: 'b' }, Buffer.alloc(65_536, 0xff), NEVER);
    for (let round = 0; round < 2; round += 1) {
      const text = execFileSync('age', ['-d', '-i', files.key, files.file], { encoding: 'utf8' });
      expect(JSON.parse(text)).toEqual({
        format: 'ifab-secrets/1',
        revision: 2,
        secrets: {
          a: { b: { version: 2, value: Buffer.alloc(65_536, 0xff).toString('base64') } },
          'if/prod/sip': { token: { version: 1, value: VALUE.toString('base64') } },
        },
      });
      await keeper.rotateKey(NEVER);
    }
  });

  test('makes a key and a file that we read and change', async () => {
    mkdirSync(join(folder, 'keys'), { mode: 0o700 });
    execFileSync('age-keygen', ['-o', files.key], { stdio: 'ignore' });
    const recipient = execFileSync('age-keygen', ['-y', files.key], { encoding: 'utf8' }).trim();
    const text = JSON.stringify(
      {
        secrets: { 'if/prod/sip': { token: { value: VALUE.toString('base64'), version: 4 } } },
        revision: 9,
        format: 'ifab-secrets/1',
      },
      undefined,
      2,
    );
    execFileSync('age', ['-r', recipient, '-o', files.file], { input: text });
    chmodSync(files.file, 0o600);
    expect(await fileSecrets(files).resolve(KEY, NEVER)).toEqual({ bytes: VALUE, version: '4' });
    expect(await secretKeeper(files).put({ path: 'a', field: 'b' }, VALUE, NEVER)).toBe('10');
    expect(await valueOf()).toBe(VALUE.toString());
  });

  test('a file with several recipients is read by each of them', async () => {
    await secretKeeper(files).put(KEY, VALUE, NEVER);
    const plain = execFileSync('age', ['-d', '-i', files.key, files.file]);
    const ours = execFileSync('age-keygen', ['-y', files.key], { encoding: 'utf8' }).trim();
    const kept = join(folder, 'kept.key');
    execFileSync('age-keygen', ['-o', kept], { stdio: 'ignore' });
    const theirs = execFileSync('age-keygen', ['-y', kept], { encoding: 'utf8' }).trim();
    rmSync(files.file);
    execFileSync('age', ['-r', theirs, '-r', ours, '-o', files.file], { input: plain });
    chmodSync(files.file, 0o600);
    expect(await valueOf()).toBe(VALUE.toString());
  });
});
