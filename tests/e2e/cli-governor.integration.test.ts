/** Swarms, money, breakers, policy and help by commands alone, against a real fabric on a real folder. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { json, run as runWith } from '../../packages/cli/test/io.ts';
import type { Ran, RunOptions } from '../../packages/cli/test/io.ts';

const root = mkdtempSync(join(tmpdir(), 'ifab-cli-governor-'));
const env = {
  HOME: root,
  XDG_STATE_HOME: join(root, 'state'),
  XDG_CONFIG_HOME: join(root, 'config'),
  IFAB_LISTEN_PORT: '0',
  IFAB_NOTIFY: '[]',
};
const run = (words: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  runWith(words, { cwd: root, columns: 120, ...options, env: { ...env, ...options.env } });
/** The answer of a command that must succeed. */
const answer = async <T = Record<string, unknown>>(...words: readonly string[]): Promise<T> => {
  const { code, stdout, stderr } = await run([...words, '--json']);
  expect(stderr, words.join(' ')).toBe('');
  expect(code, words.join(' ')).toBe(0);
  return Object(json(stdout)) as T;
};
/** The code of the refusal of a command that must be refused, and how it exits. */
const refusal = async (...words: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await run([...words, '--json']);
  expect(stdout, words.join(' ')).toBe('');
  return `${code} ${String((Object(json(stderr)) as { code: unknown }).code)}`;
};
const text = async (...words: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await run(words);
  expect({ code, stderr }, words.join(' ')).toEqual({ code: 0, stderr: '' });
  return stdout;
};

const stop = new AbortController();
let ended: Promise<Ran>;
beforeAll(async () => {
  const up = Promise.withResolvers<void>();
  ended = run(['serve', '--json'], { signal: stop.signal, onStdout: () => up.resolve() });
  await Promise.race([
    up.promise,
    ended.then(({ stderr }): never => {
      throw new Error(stderr);
    }),
  ]);
  const file = join(root, 'shop.json');
  const tasks = [
    {
      key: 'calls',
      title: 'Calls',
      needs: ['integration:sip'],
      budget: { limitMicroUsd: 3_000_000 },
    },
    {
      key: 'more',
      title: 'More calls',
      needs: ['integration:sip'],
      budget: { limitMicroUsd: 3_000_000 },
    },
    { key: 'wall', title: 'A wall' },
  ];
  writeFileSync(file, JSON.stringify({ id: 'shop', tasks }));
});
afterAll(async () => {
  stop.abort();
  const { code, stderr } = await ended;
  if (code !== 0) throw new Error(`the fabric did not drain: ${stderr}`);
  rmSync(root, { recursive: true });
});

const profile = (swarmId: string, capability: string, costPerHourMicroUsd: number): string =>
  JSON.stringify({ swarmId, capabilities: [capability], costPerHourMicroUsd });

describe('in the order in which an operator comes by it', () => {
  let sessionId = '';
  let fencingToken = '';

  test('swarms are registered, listed and shown; a near name of a capability is refused', async () => {
    const red = profile('red', 'integration:sip', 1_000_000);
    expect(await answer('swarm', 'register', '--profile', red)).toMatchObject({ changed: true });
    expect(await text('swarm', 'register', '--profile', red)).toContain('nothing changed');
    const sipp = profile('blue', 'integration:sipp', 1_000_000);
    expect(await refusal('swarm', 'register', '--profile', sipp)).toBe('2 capability.unknown');
    expect(await text('swarm', 'list')).toMatch(/red +closed/u);
    expect(await text('swarm', 'show', 'red')).toContain('integration:sip');
    expect(await text('capability', 'list')).toContain('integration:sip');
  });

  test('a plan is previewed, submitted and matched', async () => {
    await answer('plan', 'submit', join(root, 'shop.json'));
    expect(await text('plan', 'preview', 'shop')).toMatch(/at worst +\$/u);
    const match = await text('match', 'explain', 'shop/calls');
    expect(match).toMatch(/chosen +red/u);
    expect(match).toMatch(/red +chosen +100 %/u);
  });

  test('a budget that does not reach is a refusal that names the account; raised it reaches', async () => {
    expect(await text('budget', 'set', 'realm', '5')).toContain('realm may spend $5.00');
    ({ sessionId } = await answer<{ sessionId: string }>(
      'session',
      'open',
      'ada',
      '--swarm',
      'red',
      '--leases-max',
      '2',
    ));
    ({ fencingToken } = await answer<{ fencingToken: string }>(
      'task',
      'claim',
      'shop/calls',
      '--session',
      sessionId,
    ));
    const { code, stderr } = await run(['task', 'claim', 'shop/more', '--session', sessionId]);
    expect(code).toBe(3);
    expect(stderr).toContain('budget.exceeded');
    expect(stderr).toContain('realm has $2.00 left of $5.00');
    expect(stderr).toContain('ifab budget set realm');
    expect(await refusal('budget', 'set', 'realm', '2.99')).toBe('2 budget.too_low');
    expect(await refusal('budget', 'set', 'swarm:red', '6')).toBe('2 budget.too_wide');
    expect(await text('budget', 'list')).toMatch(/realm +\$5\.00 +\$3\.00/u);
    await answer('budget', 'set', 'realm', '50');
  });

  test('a cost is charged to the lease; what nobody has a price for is refused until it has', async () => {
    const held = ['shop/calls', '--fencing-token', fencingToken];
    expect(await answer('usage', 'record', ...held, '--usd', '1.25')).toMatchObject({
      microUsd: 1_250_000,
    });
    const local = [
      'usage',
      'record',
      ...held,
      '--model',
      'local-llama',
      '--input-tokens',
      '1000000',
    ];
    expect(await refusal(...local)).toBe('2 price.unknown');
    await answer(
      'price',
      'set',
      'local-llama',
      '--input',
      '0.25',
      '--output',
      '1',
      '--source',
      'ours',
    );
    expect(await text(...local)).toContain('$0.25 are charged to shop/calls');
    expect(await text('price', 'list')).toMatch(/local-llama +this realm/u);
    expect(await answer('budget', 'list', '--kind', 'swarm')).toMatchObject({
      accounts: [{ account: 'swarm:red', spentMicroUsd: 1_500_000 }],
    });
  });

  test('a breaker is tripped, told of, reset with a reason, and seen', async () => {
    expect(await text('breaker', 'trip', 'red', '--reason', 'wrong branch')).toContain(
      'ifab breaker reset red --reason TEXT',
    );
    expect(await refusal('task', 'next', '--session', sessionId)).toBe('3 swarm.suspended');
    expect(await text('breaker', 'list', '--state', 'open')).toMatch(/red +open .*wrong branch/u);
    const { escalations } = await answer<{ escalations: { escalationId: string }[] }>(
      'escalation',
      'list',
      '--status',
      'open',
    );
    const [{ escalationId } = { escalationId: '' }] = escalations;
    expect(await text('escalation', 'ack', escalationId, '--note', 'seen')).toContain(
      'acknowledged',
    );
    expect(await text('escalation', 'list', '--status', 'open')).toBe(
      'Nothing waits for a person.\n',
    );
    expect(await refusal('escalation', 'ack', 'esc_999999')).toBe('2 escalation.not_found');
    expect((await run(['breaker', 'reset', 'red'])).stderr).toContain('--reason is missing');
    expect(
      await text('breaker', 'reset', 'red', '--reason', 'prompt mended', '--limit', '40'),
    ).toContain('may spend $40.00');
    expect(await refusal('breaker', 'reset', 'red', '--reason', 'again')).toBe('3 breaker.closed');
    // The lease that it holds is the probe: its success lets the swarm go on.
    await answer('task', 'complete', 'shop/calls', '--fencing-token', fencingToken);
    expect(await text('breaker', 'list')).toMatch(/red +closed/u);
  });

  test('who waits and can help is leased help at once; what nobody has a person is told of', async () => {
    const wall = await answer<{ sessionId: string }>('session', 'open', 'bob');
    const { fencingToken: token } = await answer<{ fencingToken: string }>(
      'task',
      'claim',
      'shop/wall',
      '--session',
      wall.sessionId,
    );
    await answer('task', 'park', 'shop/more', '--reason', 'not now');
    const waiting = run(['task', 'next', '--session', sessionId, '--wait', '25s', '--json']);
    await expect
      .poll(async () => (await answer<{ sessions: object }>('status')).sessions)
      .toMatchObject({ waiting: 1 });
    const raised = await text(
      'blocker',
      'raise',
      'shop/wall',
      '--fencing-token',
      token,
      '--kind',
      'capability',
      '--title',
      'No calls',
      '--needs',
      'integration:sip,integration:h323',
    );
    expect(raised).toMatch(/helper +red for integration:sip, up to \$/u);
    expect(raised).toMatch(/nobody has +integration:h323/u);
    expect(raised).toMatch(/told to a person +esc_\d+/u);
    const { stdout } = await waiting;
    expect(json(stdout)).toMatchObject({ grants: [{ scope: { helps: expect.any(String) } }] });
    expect(await text('blocker', 'list', '--status', 'open')).toMatch(
      /capability +open +.* 0\/1 +No calls/u,
    );
  });

  test('swarms, accounts and escalations complete', async () => {
    const offers = async (...words: readonly string[]): Promise<readonly string[]> =>
      (await run(['__complete', ...words])).stdout
        .split('\n')
        .map((line) => line.split('\t')[0] ?? '')
        .filter(Boolean);
    await expect.poll(() => offers('swarm', 'show', '')).toEqual(['red']);
    await expect.poll(() => offers('budget', 'set', 'swarm:')).toEqual(['swarm:red']);
    await expect
      .poll(async () =>
        (await offers('escalation', 'ack', '')).every((id) => id.startsWith('esc_')),
      )
      .toBe(true);
  });

  test('a plan that may cost more than is taken unasked wants a word', async () => {
    const file = join(root, 'dear.json');
    const task = { title: 't', budget: { limitMicroUsd: 10_000_000 } };
    const tasks = Array.from({ length: 6 }, (_, i) => ({ key: `t${i}`, ...task }));
    writeFileSync(file, JSON.stringify({ id: 'dear', tasks }));
    const { code, stderr } = await run(['plan', 'submit', file]);
    expect(code).toBe(2);
    expect(stderr).toContain('budget.unconfirmed');
    expect(stderr).toContain('--confirm 60');
    expect((await run(['run', file, '--simulate', '--work-ms', '0'])).code).toBe(2);
    expect(await refusal('plan', 'submit', file, '--confirm', '59')).toBe('2 budget.unconfirmed');
    const at = await run(['plan', 'submit', file], { terminal: true, answers: ['y'] });
    expect(at.stderr).toContain('The plan may cost $60.00. Take it? [y/N] ');
    expect(at.code).toBe(0);
  });
});
