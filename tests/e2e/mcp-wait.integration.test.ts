import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectClient, operate, serveMcp, stdioCommand, submitPlan } from './mcp-fabric.ts';
import type { AnyClient, McpFabric } from './mcp-fabric.ts';

let served: McpFabric;
beforeAll(async () => {
  served = await serveMcp();
});
afterAll(() => served.close());

const register = async (client: AnyClient, agent: string): Promise<string> => {
  const { content } = await client.call('register_session', { agent });
  return String(content['sessionId']);
};

const waiting = async (): Promise<number> => {
  const status = await operate<{ sessions: { waiting: number } }>(served, 'realm.status', {});
  return status.sessions.waiting;
};

/** Polls because the other side of a socket is told in its own time; fails after twenty seconds. */
const until = async (holds: () => Promise<boolean>): Promise<void> => {
  const end = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it never held');
    await pause(10);
  }
};

const CLIENTS = [
  ['modern', 'http'],
  ['legacy', 'http'],
  ['modern', 'stdio'],
  ['legacy', 'stdio'],
] as const;

describe.concurrent.each(CLIENTS)('%s client over %s', (generation, where) => {
  const plan = `wait-${generation}-${where}`;

  test('a wait tells every five seconds that it lives, ends in time and may be asked again', async () => {
    const client = await connectClient(generation, where, served);
    await submitPlan(served, [], plan);
    const sessionId = await register(client, `waits-${plan}`);
    const told: unknown[] = [];
    const startedAt = performance.now();
    const ask = { sessionId, planId: plan, idempotencyKey: 'first' };
    const nothing = await client.call(
      'next_task',
      { ...ask, waitMs: 5_500 },
      { onprogress: (progress) => told.push(progress) },
    );
    const tookMs = performance.now() - startedAt;
    expect(nothing.content).toMatchObject({ taskId: null });
    expect(tookMs).toBeGreaterThanOrEqual(5_400);
    expect(tookMs).toBeLessThan(20_000);
    expect(told).toEqual([expect.objectContaining({ progress: 5, total: 6 })]);

    await operate(served, 'plans.edit', { planId: plan, add: [{ key: 'late', title: 'Late' }] });
    const got = await client.call('next_task', { ...ask, waitMs: 0 });
    expect(got.content).toMatchObject({ taskId: `${plan}/late`, attempt: 1 });
    // The answer may have been lost on the way: the same key tells it again, another wait too.
    const again = await client.call('next_task', { ...ask, waitMs: 0 });
    expect(again.content['fencingToken']).toBe(got.content['fencingToken']);
    const resumed = await client.call('next_task', { sessionId, planId: plan, waitMs: 0 });
    expect(resumed.content).toMatchObject({
      fencingToken: got.content['fencingToken'],
      resumed: true,
    });
    await client.close();
  });
});

// One after another: the count of those who wait is the whole fabric's.
describe.each(CLIENTS)('%s client over %s', (generation, where) => {
  const plan = `race-${generation}-${where}`;

  test('a wait that is cancelled while a task comes loses no lease, whoever was first', async () => {
    const client = await connectClient(generation, where, served);
    await submitPlan(served, [], `${plan}-race`);
    for (let round = 0; round < 12; round += 1) {
      const sessionId = await register(client, `race-${plan}-${round}`);
      const gone = new AbortController();
      const ask = { sessionId, planId: `${plan}-race` };
      const cut = client.call('next_task', { ...ask, waitMs: 20_000 }, { signal: gone.signal });
      const settled = cut.then(
        () => 'answered',
        () => 'cut',
      );
      await until(async () => (await waiting()) > 0);
      const add = [{ key: `t${round}`, title: 'Race' }];
      const edit = operate(served, 'plans.edit', { planId: `${plan}-race`, add });
      // Before, together with and after the decision, as the rounds go by.
      if (round % 3 === 0) await edit;
      if (round % 3 === 1) await pause(round / 4);
      gone.abort();
      await edit;
      await settled;
      const { content } = await client.call('next_task', { ...ask, waitMs: 2_000 });
      expect(content).toMatchObject({ taskId: `${plan}-race/t${round}`, attempt: 1 });
      const shown = await operate<{ fence: number; holder: { sessionId: string } }>(
        served,
        'tasks.show',
        { taskId: content['taskId'] },
      );
      expect(shown).toMatchObject({ fence: 1, holder: { sessionId } });
    }
    await client.close();
  });
});

test('an agent that is killed in a wait leaves no ticket behind, in either era', async () => {
  const client = await connectClient('modern', 'http', served);
  await submitPlan(served, [], 'killed');
  await until(async () => (await waiting()) === 0);
  for (const version of ['2026-07-28', '2025-11-25']) {
    const sessionId = await register(client, `killed-${version}`);
    const gone = new AbortController();
    const args = { sessionId, planId: 'killed', waitMs: 25_000 };
    const answer = fetch(`${served.url}/mcp`, {
      method: 'POST',
      signal: gone.signal,
      headers: callHeaders(version),
      body: JSON.stringify(callBody(version, 'next_task', args)),
    }).then((response) => response.text());
    answer.catch(() => undefined);
    await until(async () => (await waiting()) === 1);
    gone.abort();
    await until(async () => (await waiting()) === 0);
    expect(await waiting()).toBe(0);
  }
  await client.close();
});

const callHeaders = (version: string): Record<string, string> => ({
  authorization: `Bearer ${served.token}`,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'mcp-protocol-version': version,
  ...(version === '2026-07-28' ? { 'mcp-method': 'tools/call', 'mcp-name': 'next_task' } : {}),
});

const callBody = (version: string, name: string, args: object) => ({
  jsonrpc: '2.0',
  id: 7,
  method: 'tools/call',
  params: {
    name,
    arguments: args,
    ...(version === '2026-07-28'
      ? {
          _meta: {
            'io.modelcontextprotocol/protocolVersion': version,
            'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        }
      : {}),
  },
});

describe('the stdio server', () => {
  const start = async () => {
    const { command, args, env } = stdioCommand(served);
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    const lines: Record<string, unknown>[] = [];
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop() ?? '';
      // Whatever stands on standard output is the protocol: anything else fails here.
      lines.push(...parts.map((line) => JSON.parse(line) as Record<string, unknown>));
    });
    const send = (message: object): void => void child.stdin.write(`${JSON.stringify(message)}\n`);
    const answerTo = async (id: number): Promise<Record<string, unknown>> => {
      await until(async () => lines.some((line) => line['id'] === id));
      return lines.find((line) => line['id'] === id) ?? {};
    };
    const ask = async (id: number, method: string, params: object) => {
      send({ jsonrpc: '2.0', id, method, params });
      return answerTo(id);
    };
    const protocolVersion = '2024-11-05';
    const clientInfo = { name: 'cline-like', version: '3' };
    const hello = await ask(1, 'initialize', { protocolVersion, capabilities: {}, clientInfo });
    send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return { child, send, ask, hello };
  };

  const tool = (name: string, args: object) => ({ name, arguments: args });
  const contentOf = (answer: Record<string, unknown>): Record<string, unknown> =>
    (answer['result'] as { structuredContent: Record<string, unknown> }).structuredContent;

  test('it speaks 2024-11-05, and a cancellation that comes too late releases nothing', async () => {
    const { child, send, ask, hello } = await start();
    expect(hello['result']).toMatchObject({ protocolVersion: '2024-11-05' });
    await submitPlan(served, [{ key: 'a', title: 'A' }], 'late-cancel');
    const registered = await ask(2, 'tools/call', tool('register_session', { agent: 'late' }));
    const { sessionId } = contentOf(registered);
    const ours = { sessionId, planId: 'late-cancel' };
    const got = contentOf(await ask(3, 'tools/call', tool('next_task', ours)));
    const cancelled = (requestId: number) =>
      send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } });
    for (const id of [2, 3, 99]) cancelled(id);
    const { taskId, fencingToken } = got;
    const kept = contentOf(
      await ask(4, 'tools/call', tool('report_progress', { sessionId, taskId, fencingToken })),
    );
    expect(kept).toMatchObject({ taskId: 'late-cancel/a' });
    await ask(5, 'tools/call', tool('submit_task', { taskId, fencingToken }));
    cancelled(5);
    const shown = contentOf(await ask(6, 'tools/call', tool('show_status', { taskId })));
    expect(shown['phase']).toBe('done');
    expect((await ask(7, 'no/such', {}))['error']).toMatchObject({ code: -32_601 });
    child.stdin.end();
    await once(child, 'exit');
  });

  test.each(['SIGINT', 'SIGTERM', 'end of input'])(
    'it ends at once on %s, also in the middle of a wait',
    async (how) => {
      const { child, send, ask } = await start();
      const agent = `ends-${how.replaceAll(' ', '-')}`;
      const registered = await ask(2, 'tools/call', tool('register_session', { agent }));
      const { sessionId } = contentOf(registered);
      await submitPlan(served, [], agent.toLowerCase());
      const args = { sessionId, planId: agent.toLowerCase(), waitMs: 25_000 };
      send({ jsonrpc: '2.0', id: 3, method: 'tools/call', params: tool('next_task', args) });
      await until(async () => (await waiting()) > 0);
      const startedAt = performance.now();
      if (how === 'end of input') child.stdin.end();
      else child.kill(how as NodeJS.Signals);
      const [code] = (await once(child, 'exit')) as [number | null];
      // The wait alone would take 25 s.
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      expect(code).toBe(0);
      await until(async () => (await waiting()) === 0);
    },
  );
});
