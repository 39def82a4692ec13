/** Completion must never say a word about a fabric that answers strangely; a sound one is asked end to end. */
import { createServer } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import type { Environment } from '../config.ts';
import { run } from '../../test/io.ts';
import { problem, serveAnswers } from '../../test/wire.ts';
import type { Answers, Wire } from '../../test/wire.ts';

let wire: Wire | undefined;
afterEach(() => wire?.close());

const complete = async (answers: Answers, ...words: readonly string[]) => {
  wire = await serveAnswers(answers);
  const { code, stdout, stderr } = await run(['__complete', ...words], { env: wire.env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return { stdout, calls: wire.calls };
};
/** A busy machine may need longer than a press of a key may cost: then it is pressed again. */
const offered = (env: Environment, ...words: readonly string[]) =>
  expect.poll(async () => (await run(['__complete', ...words], { env })).stdout);

test('only the plan that is written already is asked for its tasks', async () => {
  const rows = { tasks: [{ taskId: 'shop/a', title: 'A\u001b[2J' }, 7, { taskId: 5 }] };
  const answers = { 'tasks.list': () => rows };
  wire = await serveAnswers(answers);
  await offered(wire.env, 'task', 'show', 'shop/').toBe('shop/a\tA\\u{1b}[2J\n');
  expect(wire.calls[0]).toEqual(['tasks.list', { limit: 200, planId: 'shop' }]);
  await wire.close();
  expect((await complete(answers, 'task', 'show', 'sh')).calls).toEqual([
    ['tasks.list', { limit: 200 }],
  ]);
});

test.each([
  ['a refusal', () => problem('auth.invalid', 'fix-request', 401)],
  ['no list', () => ({ plans: 'many' })],
  ['a list of something else', () => [1, 2]],
])('%s is no candidate', async (_what, answer) => {
  expect((await complete({ 'plans.list': answer }, 'plan', 'show', '')).stdout).toBe('');
});

test('a phase is one of the plan that stands before it', async () => {
  wire = await serveAnswers({
    'plans.show': () => ({ phases: [{ id: 'build', title: 'Build' }] }),
  });
  await offered(wire.env, 'phase', 'approve', 'shop', '').toBe('build\tBuild\n');
  expect(wire.calls[0]).toEqual(['plans.show', { planId: 'shop' }]);
});

test.each([
  [
    ['swarm', 'show', ''],
    'swarms.list',
    { swarms: [{ swarmId: 'red', model: 'sonnet' }, { swarmId: 'free' }] },
    'free\t\nred\tsonnet\n',
    { limit: 200 },
  ],
  [
    ['breaker', 'reset', 'r'],
    'swarms.list',
    {
      swarms: [
        { swarmId: 'red', model: '\u001b[2J' },
        { swarmId: 'blue', model: 'm' },
      ],
    },
    'red\t\\u{1b}[2J\n',
    { limit: 200 },
  ],
  [
    ['budget', 'set', 'swarm:'],
    'budgets.list',
    { accounts: [{ account: 'realm' }, { account: 'swarm:red', parent: 'realm' }] },
    'swarm:red\trealm\n',
    { limit: 200 },
  ],
  [
    ['escalation', 'ack', ''],
    'escalations.list',
    { escalations: [{ escalationId: 'esc_7', summary: 'red is stopped' }] },
    'esc_7\tred is stopped\n',
    { limit: 200, status: 'open' },
  ],
  [
    ['blocker', 'resolve', ''],
    'blockers.list',
    { blockers: [{ blockerId: 'blk_1', title: 'stuck' }] },
    'blk_1\tstuck\n',
    { limit: 200, status: 'open' },
  ],
  [
    ['session', 'close', ''],
    'sessions.list',
    { sessions: [{ sessionId: 'ses_1', agent: 'ada' }] },
    'ses_1\tada\n',
    { limit: 200, status: 'open' },
  ],
])('%j is completed from %s', async (words, operation, answer, text, input) => {
  wire = await serveAnswers({ [operation]: () => answer });
  const { env, calls } = wire;
  const sorted = async () => {
    const { stdout } = await run(['__complete', ...words], { env });
    const lines = stdout.split('\n').filter(Boolean).toSorted();
    return lines.map((line) => `${line}\n`).join('');
  };
  await expect.poll(sorted).toBe(text);
  expect(calls[0]).toEqual([operation, input]);
});

test.each(['swarms.list', 'budgets.list', 'escalations.list'])(
  'a refusal or a strange answer of %s offers nothing and says nothing',
  async (operation) => {
    const list = operation.split('.')[0] ?? '';
    const words = {
      swarms: ['swarm', 'show', ''],
      budgets: ['budget', 'set', ''],
      escalations: ['escalation', 'ack', ''],
    }[list] ?? [''];
    for (const answer of [
      () => problem('auth.forbidden', 'give-up', 403),
      () => ({ [list]: [null, 5, {}] }),
      () => [],
    ]) {
      expect((await complete({ [operation]: answer }, ...words)).stdout).toBe('');
      await wire?.close();
    }
  },
);

test('the fabric of --url is asked, written either way', async () => {
  const answers = { 'plans.list': () => ({ plans: [{ planId: 'here', title: 'H' }] }) };
  wire = await serveAnswers(answers);
  const env = { ...wire.env, IFAB_URL: 'http://127.0.0.1:1' };
  for (const flag of [['--url', wire.url], [`--url=${wire.url}`]]) {
    await offered(env, ...flag, 'plan', 'show', '').toBe('here\tH\n');
  }
  expect(wire.calls.length).toBeGreaterThanOrEqual(2);
});

test.each([
  ['no JSON', 'plans'],
  [
    'more than a shell can use',
    JSON.stringify({ plans: [{ planId: 'shop', title: 'x'.repeat(5 * 1024 * 1024) }] }),
  ],
])('an answer that is %s is none', async (_what, body) => {
  const server = createServer((_request, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const env = { IFAB_URL: `http://127.0.0.1:${port}`, IFAB_TOKEN: 't', HOME: '/nowhere' };
  expect(await run(['__complete', 'plan', 'show', ''], { env })).toEqual({
    code: 0,
    stdout: '',
    stderr: '',
  });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
