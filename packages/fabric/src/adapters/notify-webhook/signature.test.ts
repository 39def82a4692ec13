import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

import { readSecrets, signatureOf } from './signature.ts';

const folder = mkdtempSync(join(tmpdir(), 'ifab-secret-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let files = 0;
const fileOf = (text: string, mode = 0o600): string => {
  files += 1;
  const path = join(folder, `${files}`);
  writeFileSync(path, text, { mode });
  return path;
};

const KNOWN = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

test('signs as the published example of the scheme', async () => {
  // From the documentation of the scheme's reference libraries.
  const signed = {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestampS: 1_614_265_330,
    body: '{"test": 2432232314}',
  };
  const secrets = await readSecrets(fileOf(`${KNOWN}\n`));
  expect(signatureOf(secrets, signed)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('two secrets sign side by side while one replaces the other', async () => {
  const other = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
  const signed = { id: 'esc_1', timestampS: 1, body: '{}' };
  const both = signatureOf(await readSecrets(fileOf(`${other}\n\n  ${KNOWN}  `)), signed);
  const one = signatureOf(await readSecrets(fileOf(KNOWN)), signed);
  expect(both.split(' ')).toHaveLength(2);
  expect(both.split(' ')[1]).toBe(one);
});

test.each([
  ['an empty file', ''],
  ['no prefix', Buffer.alloc(32).toString('base64')],
  ['too short', `whsec_${Buffer.alloc(23).toString('base64')}`],
  ['too long', `whsec_${Buffer.alloc(65).toString('base64')}`],
  ['one good line and one bad', `${KNOWN}\nhunter2`],
  ['five secrets', `${KNOWN}\n`.repeat(5)],
  ['a large file', `${KNOWN}\n`.repeat(200)],
])('%s is no secret, and the refusal does not repeat it', async (_what, text) => {
  const refusal = readSecrets(fileOf(text));
  await expect(refusal).rejects.toMatchObject({ code: 'config.invalid', transient: false });
  await expect(refusal).rejects.not.toThrow(/hunter2|MfKQ/);
});

test('a file that others may read is refused, and so are a folder and nothing', async () => {
  const open = readSecrets(fileOf(KNOWN, 0o644));
  await expect(open).rejects.toThrow('chmod 600');
  await expect(readSecrets(folder)).rejects.toMatchObject({ transient: false });
  await expect(readSecrets(join(folder, 'none'))).rejects.toMatchObject({ transient: false });
});
