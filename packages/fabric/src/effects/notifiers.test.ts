import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import type { Notice } from '../ports/notifier.ts';
import { maskedNotify, NotifyConfig, NOTIFY_DEFAULT } from './notify-config.ts';
import { notifiersOf } from './notifiers.ts';

const WEBHOOK = { kind: 'webhook', url: 'https://hooks.example.org/a', secretFile: 'keys/hook' };

test('a configuration is completed with safe defaults', () => {
  const config = [{ kind: 'console' }, { kind: 'file', path: 'notices.jsonl' }, WEBHOOK];
  expect(NotifyConfig.parse(config)).toEqual([
    { kind: 'console', name: 'console', format: 'auto' },
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
  const notifiers = notifiersOf(config, { dataDir, version: '0.1.0', write, isTerminal: true });
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

test('without configuration a person reads lines and a collector JSON', async () => {
  expect(NotifyConfig.parse([{ kind: 'console' }])).toEqual(NOTIFY_DEFAULT);
  const texts: string[] = [];
  const write = (text: string): void => void texts.push(text);
  for (const isTerminal of [true, false]) {
    const parts = { dataDir: '/', version: '0.1.0', write, isTerminal };
    const [notifier] = notifiersOf(NOTIFY_DEFAULT, parts);
    await notifier?.deliver(NOTICE, new AbortController().signal);
  }
  const [line = '', json = ''] = texts;
  expect(line).toMatch(/^1970-01-01T00:00:00.000Z WARN budget/);
  expect(JSON.parse(json)).toMatchObject({ event: 'escalation.notice', id: 'esc_1' });
});

test('of a webhook’s URL a log shows where it goes, and no credential in it', () => {
  const config = NotifyConfig.parse([
    { kind: 'console' },
    { ...WEBHOOK, url: 'https://hooks.example.org:8443/T0KEN/x?key=T0KEN#T0KEN' },
  ]);
  const shown = maskedNotify(config);
  expect(shown[1]).toMatchObject({ url: 'https://hooks.example.org:8443/…' });
  expect(JSON.stringify(shown)).not.toContain('T0KEN');
  expect(shown[0]).toEqual(config[0]);
});

test('a webhook that can never be called is found when the fabric starts', () => {
  const config = NotifyConfig.parse([{ ...WEBHOOK, url: 'https://169.254.169.254/' }]);
  const parts = { dataDir: '/', version: '0.1.0', write: () => undefined, isTerminal: false };
  expect(() => notifiersOf(config, parts)).toThrow(/link-local/);
});
