import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectClient, operate, serveMcp, submitPlan } from './mcp-fabric.ts';
import type { AnyClient, McpFabric } from './mcp-fabric.ts';

let served: McpFabric;

beforeAll(async () => {
  served = await serveMcp();
});
afterAll(() => served.close());

const CLIENTS = [
  ['modern', 'http'],
  ['legacy', 'http'],
  ['modern', 'stdio'],
  ['legacy', 'stdio'],
] as const;

const fine = async (client: AnyClient, tool: string, args: Record<string, unknown> = {}) => {
  const { isError, content, text } = await client.call(tool, args);
  expect(isError, text).toBe(false);
  expect(JSON.parse(text)).toEqual(content);
  return content;
};

async function labelOf(sessionId: string): Promise<unknown> {
  const found = new AbortController();
  const filter = { after: '0', types: ['session.opened'] };
  for await (const item of served.fabric.feed(filter, found.signal)) {
    if (item.event['sessionId'] === sessionId) return item.event['label'];
  }
  return 'no such session';
}

describe.each(CLIENTS)('%s client over %s', (generation, where) => {
  let client: AnyClient;
  const plan = `${generation}-${where}`;

  beforeAll(async () => {
    await submitPlan(
      served,
      ['one', 'two', 'three'].map((key) => ({
        key,
        title: `Do ${key}`,
        description: 'With care.',
      })),
      plan,
    );
    client = await connectClient(generation, where, served);
  });
  afterAll(() => client.close());

  test('an agent lives a whole life: register, take, report, ask, submit, release, fail, look', async () => {
    const { sessionId } = await fine(client, 'register_session', {
      agent: `ada-${plan}`,
      capabilities: ['ts:node'],
      idempotencyKey: 'start',
    });
    expect(sessionId).toMatch(/^ses_/);

    // Provenance: what the client calls itself, where its era and transport tell it to us.
    const named = generation === 'modern' || where === 'stdio';
    expect(await labelOf(String(sessionId))).toBe(named ? 'test-agent 9.9.9' : undefined);

    const first = await fine(client, 'next_task', { sessionId, planId: plan });
    expect(first).toMatchObject({
      taskId: `${plan}/one`,
      attempt: 1,
      leaseMs: 600_000,
      task: {
        saidBy: `the author of plan ${plan}`,
        data: { title: 'Do one', description: 'With care.' },
      },
    });
    const held = { taskId: first['taskId'], fencingToken: first['fencingToken'] };

    const reported = await fine(client, 'report_progress', {
      ...held,
      sessionId,
      note: 'Half of it.',
      percent: 50,
    });
    expect(Date.parse(String(reported['leaseExpiresAt']))).toBeGreaterThan(Date.now() + 590_000);

    const asked = await fine(client, 'ask_question', { ...held, question: 'Which colour?' });
    await operate(served, 'blockers.resolve', {
      blockerId: asked['blockerId'],
      resolution: 'Green.',
    });
    const answer = await fine(client, 'show_status', { blockerId: asked['blockerId'] });
    expect(answer).toMatchObject({
      status: 'resolved',
      title: { saidBy: `session ${String(sessionId)}`, data: 'Which colour?' },
      resolution: { saidBy: 'who resolved it', data: 'Green.' },
    });

    const done = await fine(client, 'submit_task', {
      ...held,
      evidence: { summary: 'Done in green.', exitCode: 0 },
    });
    expect(done).toMatchObject({ taskId: `${plan}/one`, phase: 'done' });

    const second = await fine(client, 'claim_task', { sessionId, taskId: `${plan}/two` });
    const other = { taskId: second['taskId'], fencingToken: second['fencingToken'] };
    const blocked = await fine(client, 'report_blocker', {
      ...other,
      kind: 'access',
      title: 'No key to the door.',
    });
    await fine(client, 'resolve_blocker', {
      blockerId: blocked['blockerId'],
      sessionId,
      resolution: 'Found it.',
    });
    expect(await fine(client, 'release_task', { ...other, reason: 'Late.' })).toMatchObject({
      phase: 'ready',
    });

    const third = await fine(client, 'next_task', { sessionId, planId: plan });
    const failed = await fine(client, 'fail_task', {
      taskId: third['taskId'],
      fencingToken: third['fencingToken'],
      reason: 'It does not build.',
    });
    expect(failed['phase']).toBe('ready');

    const status = await fine(client, 'show_status', { planId: plan });
    expect(status).toMatchObject({ planId: plan, counts: { total: 3, done: 1, ready: 2 } });
    const mine = await fine(client, 'show_status', { sessionId });
    expect(mine).toMatchObject({ agent: `ada-${plan}`, leases: [], status: 'open' });
  });

  test('a blocked agent is told who helps; the helper is told whom, for how much, and pays for it', async () => {
    const money = `${plan}-money`;
    await submitPlan(served, [{ key: 'wall', title: 'A wall' }], money);
    const swarmId = `sip-${plan}`;
    const profile = { swarmId, capabilities: ['integration:sip'], costPerHourMicroUsd: 1_000_000 };
    await operate(served, 'swarms.register', { profile });
    const stuck = await fine(client, 'register_session', { agent: `stuck-${plan}` });
    const helper = await fine(client, 'register_session', {
      agent: `help-${plan}`,
      swarm: swarmId,
    });
    const wall = await fine(client, 'next_task', { sessionId: stuck['sessionId'], planId: money });
    const waiting = fine(client, 'next_task', { sessionId: helper['sessionId'], planId: money });
    await expect.poll(() => served.fabric.figures().tickets).toBe(1);
    const blocker = await fine(client, 'report_blocker', {
      taskId: wall['taskId'],
      fencingToken: wall['fencingToken'],
      kind: 'capability',
      title: 'Calls do not come through.',
      needs: ['integration:sip'],
    });
    const { blockerId } = blocker;
    expect(blocker).toMatchObject({
      helpers: [{ agent: `help-${plan}`, swarmId, needs: ['integration:sip'] }],
    });
    const help = await waiting;
    expect(help).toMatchObject({
      scope: { helps: blockerId, limitMicroUsd: 10_000_000, reservedMicroUsd: 10_000_000 },
      task: { saidBy: `who raised ${String(blockerId)}, and the author of plan ${money}` },
    });
    const held = {
      sessionId: helper['sessionId'],
      taskId: help['taskId'],
      fencingToken: help['fencingToken'],
    };
    const report = { ...held, usage: { microUsd: 2_500_000 }, idempotencyKey: 'cost' };
    const told = await fine(client, 'report_progress', report);
    expect(told).toMatchObject({
      usage: { microUsd: 2_500_000, overrunMicroUsd: 0, leftMicroUsd: expect.any(Number) },
    });
    // The same intention is charged once.
    expect(await fine(client, 'report_progress', report)).toMatchObject({ usage: told['usage'] });
    const { accounts } = await operate<{
      accounts: { account: string; spentMicroUsd: number }[];
    }>(served, 'budgets.list', { kind: 'swarm' });
    expect(accounts.find(({ account }) => account === `swarm:${swarmId}`)).toMatchObject({
      spentMicroUsd: 2_500_000,
    });
    const refused = await client.call('report_progress', {
      ...held,
      usage: { model: 'nobody-knows-it', inputTokens: 1 },
    });
    expect(refused).toMatchObject({ isError: true, content: { code: 'price.unknown' } });
    expect(await fine(client, 'show_status', { blockerId })).toMatchObject({
      help: [{ taskId: help['taskId'], phase: 'leased', sessionId: helper['sessionId'] }],
    });
    const { sessionId: _id, ...done } = held;
    await fine(client, 'submit_task', { ...done, evidence: { summary: 'Calls come through.' } });
    // Its only side is done: the blocker is lifted, and whoever says so again is told that it is.
    expect(await fine(client, 'show_status', { blockerId })).toMatchObject({ status: 'resolved' });
    const again = { blockerId, sessionId: stuck['sessionId'], resolution: 'Taken in.' };
    expect(await client.call('resolve_blocker', again)).toMatchObject({
      isError: true,
      content: { code: 'blocker.resolved' },
    });
  });

  test('a tool that does not exist is an error of the protocol, and the connection goes on', async () => {
    await expect(client.unknown()).rejects.toMatchObject({ code: -32_602 });
    expect(await client.tools()).toHaveLength(12);
  });

  test('several calls of one turn are answered each', async () => {
    const answers = await Promise.all(
      ['plans', 'blockers', 'sessions'].map((list) => fine(client, 'show_status', { list })),
    );
    expect(answers.map((answer) => Object.keys(answer).at(-1))).toEqual([
      'plans',
      'blockers',
      'sessions',
    ]);
  });
});
