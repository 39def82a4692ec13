import { afterEach, beforeEach, expect, test } from 'vitest';
import { json, run } from '../../test/io.ts';
import { COUNTS, serveAnswers, STATUS } from '../../test/wire.ts';
import type { Wire } from '../../test/wire.ts';

let wire: Wire;
let readOnly: boolean;
beforeEach(async () => {
  readOnly = false;
  wire = await serveAnswers({
    'realm.status': () => ({ ...STATUS, readOnly, tasks: { ...COUNTS, total: 2, leased: 1 } }),
    'plans.list': () => ({ plans: [{ planId: 'shop', status: 'active', counts: COUNTS }] }),
    'tasks.list': () => ({
      tasks: [
        {
          taskId: 'shop/a',
          title: 'x'.repeat(70),
          holder: { agent: 'ada', since: 700_000, until: 1_020_000 },
        },
        // Between two calls its lease ended.
        { taskId: 'shop/b', title: 'B\u001b[2J' },
      ],
    }),
    'sessions.list': () => ({
      sessions: [
        {
          sessionId: 'ses_1',
          agent: 'ada',
          liveness: 'working',
          leases: ['shop/a'],
          lastEvidenceAt: 940_000,
        },
      ],
    }),
    'blockers.list': () => ({
      blockers: [
        { blockerId: 'blk_1', taskId: 'shop/a', needs: ['tool:git', 'net'], title: 'no key' },
      ],
    }),
  });
});
afterEach(() => wire.close());

test('a pipe gets one picture, with every table that has rows', async () => {
  const { code, stdout } = await run(['top'], { env: wire.env });
  expect(code).toBe(0);
  expect(stdout).toBe(
    [
      'main  0/2 done, 1 leased  0 sessions  7 entries',
      '',
      'PLAN  STATUS  TASKS',
      'shop  active  0/0 done',
      '',
      'RUNNING  AGENT  FOR  LEASE   TITLE',
      `shop/a   ada    5m   in 20s  ${'x'.repeat(59)}…`,
      'shop/b   —      —    —       B\\u{1b}[2J',
      '',
      'SESSION  AGENT  LIVENESS  LEASES  SEEN',
      'ses_1    ada    working        1  1m ago',
      '',
      'BLOCKER  TASK    NEEDS          TITLE',
      'blk_1    shop/a  tool:git, net  no key',
      '',
    ].join('\n'),
  );
});

test('a program gets the same as JSON', async () => {
  const { stdout } = await run(['top', '--json'], { env: wire.env, terminal: true });
  expect(json(stdout)).toMatchObject({ status: { size: 7 }, plans: [{ planId: 'shop' }] });
});

test('a terminal is drawn over again until Ctrl-C, and is given back as it was', async () => {
  readOnly = true;
  const stop = new AbortController();
  let frames = 0;
  const { code, stdout } = await run(['top', '--every', '200ms'], {
    env: wire.env,
    terminal: true,
    columns: 120,
    signal: stop.signal,
    onStdout: (text) => {
      if (text.startsWith('\u001b[H')) frames += 1;
      if (frames === 2) stop.abort();
    },
  });
  expect(code).toBe(0);
  expect(frames).toBe(2);
  expect(stdout).toContain('READ-ONLY: the disk is full');
  expect(stdout.startsWith('\u001b[?1049h')).toBe(true);
  expect(stdout.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
});
