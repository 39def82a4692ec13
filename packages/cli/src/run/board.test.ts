import { entryIndex, SessionId, timestamp } from '@infrafabric/protocol';
import type { FeedItem } from '@infrafabric/protocol';
import { expect, test } from 'vitest';
import { createTerminal } from '../output/terminal.ts';
import { Board } from './board.ts';
import { frame, redraw } from './view/live-view.ts';
import { noticeText } from './view/line-view.ts';

const plain = createTerminal(false, 80);
const item = (type: string, event: Readonly<Record<string, unknown>>): FeedItem => ({
  cursor: '1.0',
  index: entryIndex(1),
  at: timestamp(1),
  type,
  principal: 'a',
  event,
});

function board(): Board {
  const made = new Board('The plan', (id) => `agent of ${id}`);
  made.begin(['p/a', 'p/b', 'p/c'].map((taskId) => ({ taskId, phase: 'ready' })));
  return made;
}
const leased = (taskId: string, attempt = 1): FeedItem =>
  item('task.leased', { taskId, sessionId: 'ses_1', attempt });

test.each([
  ['task.completed', 'done'],
  ['task.accepted', 'done'],
  ['task.submitted', 'submitted'],
  ['task.released', 'ready'],
  ['task.failed', 'ready'],
  ['task.rejected', 'ready'],
  ['lease.expired', 'ready'],
  ['task.parked', 'parked'],
  ['task.cancelled', 'cancelled'],
] as const)('%s ends the running of a task, which is then %s', (type, phase) => {
  const one = board();
  one.take(leased('p/a'));
  expect(one.running.map(({ taskId, agent }) => [taskId, agent])).toEqual([
    ['p/a', 'agent of ses_1'],
  ]);
  const before = one.count(phase);
  one.take(item(type, { taskId: 'p/a', sessionId: 'ses_1' }));
  expect(one.running).toEqual([]);
  expect(one.count(phase)).toBe(before + 1);
  expect(one.total).toBe(3);
});

test('events that were folded into the first picture already change nothing when they come again', () => {
  const one = new Board('', () => '');
  one.begin([{ taskId: 'p/a', phase: 'done' }]);
  for (const event of [leased('p/a'), item('task.completed', { taskId: 'p/a' })]) one.take(event);
  expect([one.count('done'), one.total, one.running.length]).toEqual([1, 1, 0]);
});

test('a blocker keeps its task running, unless it gives the lease back', () => {
  const one = board();
  one.take(leased('p/a'));
  one.take(item('blocker.raised', { taskId: 'p/a', released: false, title: 't' }));
  expect(one.running).toHaveLength(1);
  one.take(item('blocker.raised', { taskId: 'p/a', released: true, title: 't' }));
  expect([one.running.length, one.count('blocked')]).toEqual([0, 1]);
});

test('the last troubles are kept, and no more of them', () => {
  const one = board();
  for (let at = 0; at < 10; at += 1)
    one.take(item('task.failed', { taskId: 'p/a', reason: `no ${at}` }));
  expect(one.troubles.map(({ detail }) => detail)).toEqual(['no 6', 'no 7', 'no 8', 'no 9']);
});

test('what came from outside cannot act on the terminal', () => {
  const one = new Board('\u001b[2Jtitle', () => 'a\u0007gent');
  one.begin([{ taskId: 'p/a', phase: 'ready' }]);
  one.take(leased('p/a'));
  one.take(item('task.progressed', { taskId: 'p/a', note: 'line\u001b]0;owned\u0007' }));
  one.take(item('task.failed', { taskId: 'p/b', reason: 'x\u202ey\n\u001b[1A' }));
  const lines = frame(one, plain, 200);
  for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  expect(lines.join('\n')).toContain('\\u{1b}]0;owned');
});

test('no line of a frame is wider than the terminal, whatever it holds', () => {
  const one = new Board('t'.repeat(300), () => 'agent'.repeat(30));
  one.begin([{ taskId: `p/${'k'.repeat(90)}`, phase: 'ready' }]);
  one.take(leased(`p/${'k'.repeat(90)}`, 3));
  one.take(item('task.progressed', { taskId: `p/${'k'.repeat(90)}`, note: 'n'.repeat(500) }));
  one.take(item('task.failed', { taskId: `p/${'f'.repeat(70)}`, reason: 'r\u001b'.repeat(300) }));
  one.take(item('phase.checked', { phase: 'x'.repeat(60), name: 'y'.repeat(90), ok: false }));
  for (const columns of [60, 80, 120]) {
    for (const line of frame(one, plain, columns))
      expect(Array.from(line).length).toBeLessThanOrEqual(columns);
  }
});

test('a frame that did not change is not written again; one that did writes its lines only', () => {
  const before = ['head', 'one', 'two'];
  expect(redraw(before, before)).toBe('');
  expect(redraw([], before)).toBe('\rhead\u001b[K\n\rone\u001b[K\n\rtwo\u001b[K\n');
  expect(redraw(before, ['head', 'ONE', 'two'])).toBe('\u001b[3A\n\rONE\u001b[K\n\n');
  expect(redraw(before, ['head'])).toBe('\u001b[3A\n\u001b[J');
});

test('a notice is one line', () => {
  const text = noticeText(plain, {
    tone: 'bad',
    what: 'failed',
    taskId: 'p/a',
    detail: 'one\ntwo',
  });
  expect(text).toBe('✗ failed    p/a  one\\u{a}two');
});

test.each([
  ['task.released', { reason: 'gave up' }, 'plain', 'released', 'gave up'],
  ['task.unparked', {}, 'plain', 'unparked', ''],
  ['task.rejected', { reason: 'red' }, 'bad', 'sent back', 'red'],
  ['lease.expired', {}, 'bad', 'expired', 'agent of  did not renew its lease'],
  ['task.leased', { attempt: 1 }, 'plain', 'started', 'agent of '],
  ['blocker.raised', {}, 'bad', 'blocked', ''],
  [
    'write.refused',
    { op: 'tasks.complete', code: 'lease.stale', fence: 2 },
    'bad',
    'refused',
    'tasks.complete: lease.stale, fence 2',
  ],
] as const)('%s of a task says what happened', (type, event, tone, what, detail) => {
  const notice = board().take(item(type, { taskId: 'p/a', ...event }));
  expect(notice).toEqual({ tone, what, taskId: 'p/a', detail });
});

test.each([
  ['phase.opened', {}, 'plain', 'phase opened', 'ship'],
  ['phase.passed', {}, 'good', 'phase passed', 'ship'],
  ['phase.approved', { by: 'op' }, 'good', 'phase approved', 'ship by op'],
  ['phase.checked', { ok: true, name: 'tests' }, 'good', 'phase checked', 'ship: tests'],
  ['phase.checked', { ok: false, name: 'tests' }, 'bad', 'phase checked', 'ship: tests'],
] as const)('%s %j is a notice without a task', (type, event, tone, what, detail) => {
  const notice = board().take(item(type, { phase: 'ship', ...event }));
  expect(notice).toEqual({ tone, what, taskId: undefined, detail });
});

test('events that a person need not see say nothing and change nothing', () => {
  const one = board();
  expect(one.take(item('task.edited', { taskId: 'p/a' }))).toBeUndefined();
  expect(one.take(item('plan.submitted', {}))).toBeUndefined();
  expect(
    one.take(item('task.progressed', { taskId: 'p/a', note: 'nobody runs it' })),
  ).toBeUndefined();
  expect([one.count('ready'), one.running.length, one.troubles.length]).toEqual([3, 0, 0]);
});

test('a lease that names no session is its writer’s', () => {
  const ID = 'ses_0000000000000009';
  const one = board();
  one.take({ ...item('task.leased', { taskId: 'p/a', attempt: 1 }), session: SessionId.parse(ID) });
  expect(one.running.map(({ agent }) => agent)).toEqual([`agent of ${ID}`]);
});
