/** `ifab secret`: real files, real encryption, a server that answers as Vault does. */
import { createServer } from 'node:http';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { json, run } from '../../test/io.ts';
import type { Ran, RunOptions } from '../../test/io.ts';

const REF = 'vault://if/prod/sip-kamailio-key#token';
const CANARY = 'canary-51f0aa';
const TOKEN = 'hvs.canary-token';

let dataDir = '';
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ifab-secret-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const secret = (words: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  run(['secret', ...words, '--data-dir', dataDir], {
    ...options,
    env: { XDG_CONFIG_HOME: '/nowhere', ...options.env },
  });

const said = ({ stdout, stderr }: Ran): string => stdout + stderr;

describe('set', () => {
  test('keeps what comes on standard input, without the line break at its end, and tells nothing of it', async () => {
    const ran = await secret(['set', REF], { stdin: `${CANARY}\n` });
    expect(ran).toEqual({
      code: 0,
      stdout: `set ${REF}: version 1, 13 bytes\n`,
      stderr: 'the line break at the end was left out (--exact keeps it)\n',
    });
    const check = await secret(['check', REF, '--json']);
    expect(json(check.stdout)).toEqual({
      ref: REF,
      ok: true,
      store: 'file',
      place: 'secrets.age',
      version: '1',
      bytes: 13,
      fit: 'fits',
    });
    expect(said(check)).not.toContain(CANARY);
  });

  test.each<[string, string | Buffer, readonly string[], number]>([
    ['CR LF at the end is one line break', 'ab\r\n', [], 2],
    ['one line break is left out, not two', 'ab\n\n', [], 3],
    ['--exact keeps it', 'ab\n', ['--exact'], 3],
    ['bytes are kept as they are', Buffer.from([0, 255, 128]), [], 3],
    ['the largest value has its line break left out', `${'a'.repeat(65_536)}\r\n`, [], 65_536],
  ])('%s', async (_, stdin, more, bytes) => {
    const ran = await secret(['set', REF, ...more, '--json'], { stdin });
    expect(json(ran.stdout)).toEqual({ ref: REF, bytes, version: '1' });
  });

  test('asks a person at the terminal, and shows the question alone', async () => {
    const ran = await secret(['set', REF], { terminal: true, answers: [CANARY] });
    expect(ran.code).toBe(0);
    expect(ran.stderr).toBe('Value (it is not shown): ');
    expect(said(ran)).not.toContain(CANARY);
    expect((await secret(['check', REF])).stdout).toContain('bytes');
  });

  test('sets again with a new version', async () => {
    await secret(['set', REF], { stdin: 'one' });
    expect((await secret(['set', REF], { stdin: 'two' })).stdout).toContain('version 2');
  });

  test('--dry-run changes nothing', async () => {
    const ran = await secret(['set', REF, '--dry-run'], { stdin: CANARY });
    expect(ran.stdout).toBe(`dry run: it would set ${REF}, 13 bytes\n`);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test.each<[string, readonly string[], RunOptions, string]>([
    ['a value as an argument', [REF, CANARY], {}, 'cli.usage'],
    ['no value', [REF], { stdin: '' }, 'cli.input'],
    ['a line break alone', [REF], { stdin: '\n' }, 'cli.input'],
    ['too large a value', [REF], { stdin: 'a'.repeat(65_537) }, 'cli.input'],
    ['nobody to ask', [REF, '--no-input'], { terminal: true }, 'cli.usage'],
    ['no reference', [], { stdin: 'a' }, 'cli.usage'],
    ['a reference without a field', ['vault://if/prod'], { stdin: 'a' }, 'cli.usage'],
    ['a reference that climbs', ['vault://../x#y'], { stdin: 'a' }, 'cli.usage'],
    ['another scheme', ['https://x#y'], { stdin: 'a' }, 'cli.usage'],
  ])('refuses %s, and sets nothing', async (_, words, options, code) => {
    const ran = await secret(['set', ...words, '--json'], options);
    expect(ran.code).toBe(2);
    expect(json(ran.stderr)).toMatchObject({ code });
    expect(existsSync(join(dataDir, 'secrets.age'))).toBe(false);
  });
});

describe('list, remove, rotate-key', () => {
  test('an empty list says how it begins', async () => {
    const ran = await secret(['list']);
    expect(ran).toMatchObject({ code: 0, stderr: '' });
    expect(ran.stdout).toContain('ifab secret set');
    expect(json((await secret(['list', '--json'])).stdout)).toEqual({ secrets: [] });
  });

  test('a list has references and versions, never values', async () => {
    await secret(['set', REF], { stdin: CANARY });
    await secret(['set', 'vault://a#b'], { stdin: CANARY });
    const ran = await secret(['list']);
    expect(ran.stdout).toMatch(
      /^REFERENCE +VERSION\nvault:\/\/a#b +2\nvault:\/\/if\/prod\S+ +1\n$/,
    );
    expect(json((await secret(['list', '--json'])).stdout)).toEqual({
      secrets: [
        { ref: 'vault://a#b', version: '2' },
        { ref: REF, version: '1' },
      ],
    });
  });

  test('remove asks first, takes the secret away, and says where there was none', async () => {
    await secret(['set', REF], { stdin: CANARY });
    expect(json((await secret(['remove', REF, '--json'])).stderr)).toMatchObject({
      code: 'cli.confirm',
    });
    expect((await secret(['remove', REF, '--dry-run'])).stdout).toContain('would remove');
    expect((await secret(['remove', REF], { terminal: true, answers: ['n'] })).code).toBe(2);
    expect((await secret(['remove', REF], { terminal: true, answers: ['y'] })).code).toBe(0);
    const again = await secret(['remove', REF, '--yes', '--json']);
    expect(again.code).toBe(2);
    expect(json(again.stderr)).toMatchObject({ code: 'secret.not_found' });
    expect((await secret(['check', REF])).code).toBe(2);
  });

  test('rotate-key makes a new key that opens the secrets', async () => {
    await secret(['set', REF], { stdin: CANARY });
    const key = join(dataDir, 'keys', 'secrets.key');
    const before = readFileSync(key, 'utf8');
    expect((await secret(['rotate-key', '--dry-run'])).stdout).toContain('(secrets: 1)');
    expect((await secret(['rotate-key'])).code).toBe(2);
    expect(readFileSync(key, 'utf8')).toBe(before);
    expect((await secret(['rotate-key', '--yes'])).code).toBe(0);
    expect(readFileSync(key, 'utf8')).not.toBe(before);
    expect((await secret(['check', REF])).code).toBe(0);
  });

  test('a key that others may read is refused, with what mends it', async () => {
    await secret(['set', REF], { stdin: CANARY });
    chmodSync(join(dataDir, 'keys', 'secrets.key'), 0o644);
    for (const words of [['list'], ['check', REF]]) {
      const ran = await secret([...words, '--json']);
      expect(ran.code).toBe(3);
      expect(json(ran.stderr)).toMatchObject({ code: 'secret.denied' });
      expect(ran.stderr).toContain('chmod 600');
    }
  });
});

describe('check says what the broker would', () => {
  test.each<[string, string, string, number, string]>([
    ['seven bytes', '7-bytes', 'too-short', 1, 'refuses it: it has fewer than 8 bytes'],
    [
      'more than 8 KiB',
      'k'.repeat(8_193),
      'too-long',
      1,
      'refuses it: it has more than 8,192 bytes',
    ],
    ['a line break inside', 'line one\nline two', 'no-header', 0, 'a header cannot carry it'],
    ['a space at its beginning', ` ${CANARY}`, 'no-header', 0, 'a header cannot carry it'],
    ['a space at its end', `${CANARY} `, 'no-header', 0, 'a header cannot carry it'],
  ])('of %s', async (_, stdin, fit, code, words) => {
    await secret(['set', REF, '--exact'], { stdin });
    const ran = await secret(['check', REF]);
    expect(ran).toMatchObject({ code, stdout: expect.stringContaining(words) });
    expect(said(ran)).not.toContain(stdin.trim());
    const told = await secret(['check', REF, '--json']);
    expect(told.code).toBe(code);
    expect(json(told.stdout)).toMatchObject({ ok: code === 0, fit });
  });
});

describe('other stores', () => {
  const vault = (url: string): string =>
    JSON.stringify({ kind: 'vault', url, auth: { kind: 'token', tokenFile: 'vault.token' } });

  /** A key-value engine with one secret. */
  const startVault = async (): Promise<{ readonly url: string; readonly seal: () => void }> => {
    let isSealed = false;
    const server = createServer(({ url, headers }, response) => {
      const isMet = url === '/v1/secret/data/if/prod/sip-kamailio-key';
      const status = isSealed ? 503 : headers['x-vault-token'] === TOKEN && isMet ? 200 : 403;
      const data = { data: { token: CANARY }, metadata: { version: 4 } };
      response.writeHead(status).end(JSON.stringify(status === 200 ? { data } : { errors: [] }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.close();
    });
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return {
      url: `http://127.0.0.1:${port}`,
      seal: () => {
        isSealed = true;
      },
    };
  };

  test('check resolves in the configured one', async () => {
    const { url, seal } = await startVault();
    writeFileSync(join(dataDir, 'vault.token'), TOKEN, { mode: 0o600 });
    const env = { IFAB_SECRETS: vault(url) };
    const ran = await secret(['check', REF], { env });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('secret/data/if/prod/sip-kamailio-key, field token');
    expect(ran.stdout).toMatch(/^version +4$/m);
    expect(said(ran)).not.toContain(CANARY);
    seal();
    const sealed = await secret(['check', REF, '--json'], { env });
    expect(sealed.code).toBe(75);
    expect(json(sealed.stderr)).toMatchObject({ code: 'secret.unavailable' });
    expect(said(sealed)).not.toContain(TOKEN);
  });

  test('check finds a variable, and leaves it to who comes after', async () => {
    const env = { IFAB_SECRETS: 'env', IFAB_SECRET_IF_PROD_SIP_KAMAILIO_KEY_TOKEN: CANARY };
    const ran = await secret(['check', REF], { env });
    expect(ran.code).toBe(0);
    expect(ran.stdout).toContain('IFAB_SECRET_IF_PROD_SIP_KAMAILIO_KEY_TOKEN');
    expect(said(ran)).not.toContain(CANARY);
    expect((await secret(['check', REF], { env })).code).toBe(0);
  });

  test.each([
    ['env', 'the variable IFAB_SECRET_IF_PROD_SIP_KAMAILIO_KEY_TOKEN'],
    ['systemd', 'the credential if+prod+sip-kamailio-key+token'],
    [vault('https://vault.example'), 'secret/data/if/prod/sip-kamailio-key'],
  ])('what is kept in %s is set there: set names the place', async (kind, place) => {
    const env = { IFAB_SECRETS: kind };
    const ran = await secret(['set', REF], { env, stdin: CANARY });
    expect(ran.code).toBe(2);
    expect(ran.stderr).toContain(place);
    expect(said(ran)).not.toContain(CANARY);
    for (const words of [['list'], ['remove', REF, '--yes'], ['rotate-key', '--yes']]) {
      expect(json((await secret([...words, '--json'], { env })).stderr)).toMatchObject({
        code: 'cli.not_available',
      });
    }
  });
});
