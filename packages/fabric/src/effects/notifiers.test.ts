import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Notice } from '../ports/notifier.ts';
import { NotifyConfig } from './notify-config.ts';
import { notifiersOf } from './notifiers.ts';

const WEBHOOK = { kind: 'webhook', url: 'https://hooks.example.org/a', secretFile: 'keys/hook' };

test('a configuration is completed with safe defaults', () => {
  const config = [{ kind: 'console' }, { kind: 'file', path: 'notices.jsonl' }, WEBHOOK];
  expect(NotifyConfig.parse(config)).toEqual([
    { kind: 'console', name: 'console', format: 'line' },
    { kind: 'file', name: 'file', path: 'notices.jsonl', bytesMax: 16_777_216, keep: 4 },
    { ...WEBHOOK, name: 'webhook', allowHosts: [], timeoutMs: 10_000 },
  ]);
});

test.each([
  ['two of one name', [{ kind: 'console' }, { kind: 'console', format: 'json' }]],
  ['a name that is no file name', [{ kind: 'console', name: '../x' }]],
  ['an unknown kind', [{ kind: 'pager' }]],
  ['an unknown key', [{ ...WEBHOOK, followRedirects: true }]],
  ['a secret in the configuration', [{ ...WEBHOOK, secret: 'whsec_' }]],
  ['another scheme', [{ ...WEBHOOK, url: 'file:///etc/passwd' }]],
  ['an allowed host without its port', [{ ...WEBHOOK, allowHosts: ['localhost'] }]],
  ['no time limit', [{ ...WEBHOOK, timeoutMs: 0 }]],
  ['a file of no size', [{ kind: 'file', path: 'a', bytesMax: 1 }]],
  [
    'more than anybody follows',
    Array.from({ length: 17 }, (_, n) => ({ kind: 'console', name: `c${n}` })),
  ],
])('%s is refused', (_what, config) => {
  expect(NotifyConfig.safeParse(config).success).toBe(false);
});

const NOTICE: Notice = {
  id: 'esc_1',
  realm: 'main',
  origin: 'test.local/ifab/main',
  at: 0,
  severity: 'warn',
  kind: 'budget',
  subject: 'plan:p',
  summary: 'Half of it is spent.',
  details: {},
  acknowledge: 'ifab escalation ack esc_1',
  index: 1,
};

test('notifiers are made as configured; relative paths are of the data folder', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'ifab-notifiers-'));
  let text = '';
  const write = (more: string): void => void (text += more);
  const config = NotifyConfig.parse([
    { kind: 'console' },
    { kind: 'file', name: 'for-the-record', path: 'notices.jsonl' },
    WEBHOOK,
  ]);
  const notifiers = notifiersOf(config, { dataDir, version: '0.1.0', write });
  expect(notifiers.map(({ name }) => name)).toEqual(['console', 'for-the-record', 'webhook']);
  const [console_, file, webhook] = notifiers;
  const { signal } = new AbortController();
  await console_?.deliver(NOTICE, signal);
  await file?.deliver(NOTICE, signal);
  expect(text).toContain('WARN budget plan:p');
  expect(readFileSync(join(dataDir, 'notices.jsonl'), 'utf8')).toContain('"id":"esc_1"');
  // Refused for its secret, before anything is asked or sent.
  await expect(webhook?.deliver(NOTICE, signal)).rejects.toMatchObject({
    detail: `the secret of the webhook cannot be read: ${join(dataDir, 'keys/hook')}`,
  });
  rmSync(dataDir, { recursive: true });
});

test('a webhook that can never be called is found when the fabric starts', () => {
  const config = NotifyConfig.parse([{ ...WEBHOOK, url: 'https://169.254.169.254/' }]);
  const parts = { dataDir: '/', version: '0.1.0', write: () => undefined };
  expect(() => notifiersOf(config, parts)).toThrow(/link-local/);
});
