import { expect, test } from 'vitest';

import type { Notice } from '../../ports/notifier.ts';
import { consoleNotifier } from './console.ts';

const NOTICE: Notice = {
  id: 'esc_12',
  realm: 'main',
  origin: 'test.local/ifab/main',
  at: 1_700_000_000_000,
  severity: 'high',
  kind: 'breaker',
  subject: 'session-4',
  summary: 'Three failures in a row.',
  details: { failures: 3 },
  acknowledge: 'ifab escalation ack esc_12',
  index: 12,
};
const NEVER = new AbortController().signal;

const written = async (format: 'line' | 'json', notice: Notice): Promise<string> => {
  let text = '';
  const write = (more: string): void => void (text += more);
  await consoleNotifier({ name: 'console', format, write }).deliver(notice, NEVER);
  return text;
};

test('a notice is one line that says what happened and what to type', async () => {
  expect(await written('line', NOTICE)).toBe(
    '2023-11-14T22:13:20.000Z HIGH breaker session-4 in main: Three failures in a row. (seen it: ifab escalation ack esc_12)\n',
  );
});

test('as JSON it is the whole notice', async () => {
  const line = await written('json', NOTICE);
  expect(line.indexOf('\n')).toBe(line.length - 1);
  expect(JSON.parse(line)).toEqual({
    event: 'escalation.notice',
    time: '2023-11-14T22:13:20.000Z',
    ...NOTICE,
  });
});

/** Clears a screen, forges a second line, turns text around, hides text, and is half a character. */
const HOSTILE = 'a\u001b[2Jb\nHIGH forged\u009b1m\u202ereverse\u200bz\u{e0041}\ud800\u2028end';

test('texts from outside stay on their line and move no terminal', async () => {
  const line = await written('line', { ...NOTICE, summary: HOSTILE });
  expect(line).toContain(
    'a\\u{1b}[2Jb\\u{a}HIGH forged\\u{9b}1m\\u{202e}reverse\\u{200b}z\\u{e0041}\\u{d800}\\u{2028}end',
  );
  const json = await written('json', { ...NOTICE, summary: HOSTILE });
  expect(json.trimEnd()).toMatch(/^[\u0020-\u007e]+$/);
  expect(JSON.parse(json)).toMatchObject({ summary: HOSTILE });
});

test('a standard error that takes nothing is transient', async () => {
  const notifier = consoleNotifier({
    name: 'console',
    format: 'line',
    write: () => {
      throw new Error('EPIPE');
    },
  });
  await expect(notifier.deliver(NOTICE, NEVER)).rejects.toMatchObject({ transient: true });
});
