/** A fabric that contradicts itself is caught; a sound one is asked end to end. */
import { afterEach, expect, test } from 'vitest';
import { json, run } from '../../test/io.ts';
import { COUNTS, serveAnswers, STATUS } from '../../test/wire.ts';
import type { Answers, Wire } from '../../test/wire.ts';

let wire: Wire | undefined;
afterEach(() => wire?.close());

const ask = async (words: readonly string[], answers: Answers) => {
  wire = await serveAnswers({ 'realm.status': () => STATUS, ...answers });
  return run([...words, '--mode=falsify'], { env: wire.env });
};
const LISTS: Answers = {
  'tasks.list': () => ({ tasks: [] }),
  'plans.list': () => ({ plans: [] }),
  'sessions.list': () => ({ sessions: [] }),
  'blockers.list': () => ({ blockers: [] }),
};

test('counts are counted again, over all pages of every listing', async () => {
  const pages: Answers = {
    'realm.status': () => ({
      ...STATUS,
      tasks: { ...COUNTS, total: 2, ready: 1, done: 1 },
      sessions: { open: 2, waiting: 0 },
      plans: 2,
      blockersOpen: 1,
    }),
    'tasks.list': ({ after }) =>
      after === undefined
        ? { tasks: [{ phase: 'done' }], next: 'p/a' }
        : { tasks: [{ phase: 'ready' }] },
    'plans.list': ({ after }) =>
      after === undefined ? { plans: [{}], next: 'p' } : { plans: [{}] },
    'sessions.list': ({ after }) =>
      after === undefined ? { sessions: [{}], next: 's' } : { sessions: [{}] },
    'blockers.list': () => ({ blockers: [{}] }),
  };
  const { code, stdout } = await ask(['status', '--json'], pages);
  expect(code).toBe(0);
  expect(json(stdout)).toMatchObject({ mode: 'falsify', size: 7, holds: true });
});

test('a status that counts otherwise than the listings is refuted, and exits 1', async () => {
  const { code, stdout } = await ask(['status'], {
    ...LISTS,
    'tasks.list': () => ({ tasks: [{ phase: 'done' }] }),
    'sessions.list': () => ({ sessions: [{}] }),
  });
  expect(code).toBe(1);
  expect(stdout).toContain('Tried to disprove it at 7 entries:');
  expect(stdout).toContain('REFUTED  tasks: 0 (counted 1)');
  expect(stdout).toContain('REFUTED  tasks done: 0 (counted 1)');
  expect(stdout).toContain('REFUTED  sessions open: 0 (counted 1)');
  expect(stdout).toContain('holds    plans: 0 (counted 0)');
});

test('a realm that never stands still cannot be compared with itself', async () => {
  let size = 0;
  const { code, stderr } = await ask(['status'], {
    ...LISTS,
    'realm.status': () => ({ ...STATUS, size: (size += 1) }),
  });
  expect(code).toBe(75);
  expect(stderr).toContain('did not stand still in 5 rounds');
});

const explained = (
  task: Readonly<Record<string, unknown>>,
  reasons: readonly Readonly<Record<string, unknown>>[],
): Answers => ({
  'tasks.explain': () => ({ taskId: 'p/a', phase: 'waiting', reasons }),
  'tasks.show': ({ taskId }) =>
    taskId === 'p/a'
      ? { taskId, phase: 'waiting', dependsOn: [], ...task }
      : { taskId, phase: 'done' },
});
const UNFINISHED = { dependsOn: [{ taskId: 'p/b', phase: 'ready' }] };

test.each([
  [
    'a dependency that is done holds nothing back',
    {},
    [{ code: 'dependency', task: 'p/z' }],
    'p/z is not done (done)',
  ],
  ['a lease has a holder', {}, [{ code: 'leased' }], 'a session holds it (no holder)'],
  [
    'the holder is the one that is named',
    { holder: { sessionId: 'ses_1' } },
    [{ code: 'leased', session: 'ses_2' }],
    'ses_2 holds it (ses_1)',
  ],
  [
    'what is ready waits for nothing',
    UNFINISHED,
    [{ code: 'ready' }],
    'nothing stands in its way (not done: p/b)',
  ],
  [
    'what is ready has no holder',
    { holder: { sessionId: 'ses_1' } },
    [{ code: 'ready' }],
    'nothing stands in its way (all dependencies are done)',
  ],
  [
    'what waits names a dependency that is unfinished',
    UNFINISHED,
    [{ code: 'dependency', task: 'p/z' }],
    'an unfinished dependency is among the reasons (p/b)',
  ],
  ['the phase is the task’s', { phase: 'done' }, [], 'phase is waiting (tasks.show says done)'],
])('refuted: %s', async (_law, task, reasons, found) => {
  const { code, stdout } = await ask(['task', 'explain', 'p/a'], explained(task, reasons));
  expect(code).toBe(1);
  expect(stdout).toContain(`REFUTED  ${found}`);
});

test('reasons that nothing else speaks of are left out, and a right answer holds', async () => {
  const reasons = [{ code: 'paused' }, { code: 'dependency', task: 'p/b' }];
  const { code, stdout } = await ask(['task', 'explain', 'p/a', '--json'], {
    ...explained(UNFINISHED, reasons),
    'tasks.show': ({ taskId }) =>
      taskId === 'p/a'
        ? { taskId, phase: 'waiting', ...UNFINISHED }
        : { taskId, phase: 'ready', dependsOn: [] },
  });
  expect(code).toBe(0);
  expect(json(stdout)).toMatchObject({
    holds: true,
    attempts: [
      { claim: 'phase is waiting', holds: true },
      { claim: 'p/b is not done', holds: true, found: 'ready' },
      { claim: 'an unfinished dependency is among the reasons', holds: true },
    ],
  });
});
