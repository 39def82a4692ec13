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
