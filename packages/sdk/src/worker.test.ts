import type { ServerResponse } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { ok, problem, proxy, scriptedFabric } from '../test/scripted-fabric.ts';
import type { Asked, Reply, ScriptedFabric } from '../test/scripted-fabric.ts';
import { connect } from './client.ts';
import type { Client } from './client.ts';
import { LeaseLostError } from './errors.ts';
import type { Lease } from './lease.ts';
import { worker } from './worker.ts';
import type { Worker, WorkerEvent, WorkerOptions } from './worker.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

const CLOSE = '/v1/sessions.close';
const HEARTBEAT = '/v1/sessions.heartbeat';
const NEXT = '/v1/tasks.next';

interface Started {
  readonly fabric: ScriptedFabric;
  readonly client: Client;
}

async function start(heartbeatMs = 60_000): Promise<Started> {
  const fabric = await scriptedFabric();
  ending.push(() => fabric.close());
  fabric.reply('/v1/realm.status', ok({}));
  fabric.reply('/v1/sessions.open', ok({ sessionId: 's1', token: 'ifs1.first', heartbeatMs }));
  fabric.reply(CLOSE, ok({}));
  fabric.reply('/v1/tasks.renew', ({ input }, response) => {
    const leases = input?.['leases'];
    ok({ renewed: Array.isArray(leases) ? leases : [], lost: [] })(asked(input), response);
  });
  const client = await connect({ url: fabric.url, token: 'ifo1.x', transport: 'http' });
  ending.push(() => client.close());
  return { fabric, client };
}

const asked = (input: Asked['input']): Asked => ({
  path: '',
  query: new URLSearchParams(),
  headers: {},
  input,
});

const grant = (taskId: string, leaseMs = 60_000): object => ({
  taskId,
  fencingToken: `fence-of-${taskId}`,
  leaseMs,
  task: { key: taskId, title: taskId },
});
const hangs: Reply = () => undefined;
const sentTo = (fabric: ScriptedFabric, path: string): readonly Asked[] =>
  fabric.asked.filter((one) => one.path === path);

test('a heartbeat brings the next token; one that gets lost ends nothing, a refused one ends all', async () => {
  const { fabric, client } = await start(20);
  fabric.reply(HEARTBEAT, ok({ token: 'ifs1.second' }), ok({}), problem('log.unavailable'));
  fabric.reply('/v1/tasks.claim', ok(grant('p/a')));
  const session = await client.openSession({ agent: 'ada' });
  const lease = await session.claim('p/a');
  await expect.poll(() => fabric.count(HEARTBEAT)).toBeGreaterThan(3);
  expect(session.token()).toBe('ifs1.second');
  expect(session.signal.aborted).toBe(false);
  fabric.reply(HEARTBEAT, problem('session.ended'));
  await expect.poll(() => session.signal.aborted).toBe(true);
  expect(lease.signal.reason).toBeInstanceOf(LeaseLostError);
  expect(session.leases()).toEqual([]);
  const [first, second] = sentTo(fabric, HEARTBEAT);
  expect(first?.headers.authorization).toBe('Bearer ifs1.first');
  expect(second?.headers.authorization).toBe('Bearer ifs1.second');
});

test('a session that has ended already is closed; another refusal is told, and it is over all the same', async () => {
  const { fabric, client } = await start();
  const first = await client.openSession({ agent: 'ada' });
  fabric.reply(CLOSE, problem('session.ended'));
  await first.close('done');
  expect(first.signal.aborted).toBe(true);
  const second = await client.openSession({ agent: 'ada' });
  fabric.reply(CLOSE, problem('auth.forbidden'));
  await expect(second.close()).rejects.toMatchObject({ code: 'auth.forbidden' });
  expect(second.signal.aborted).toBe(true);
});

test('grants that were waited for are confirmed before they are used, and dropped where they are not', async () => {
  const { fabric, client } = await start();
  const session = await client.openSession({ agent: 'ada' });
  const late =
    (taskId: string): Reply =>
    (one, response) =>
      void setTimeout(() => ok({ grants: [grant(taskId, 1_500)] })(one, response), 600);
  fabric.reply(NEXT, late('p/a'), late('p/b'));
  const confirmed = await session.next({ waitMs: 2_000 });
  expect(confirmed.map(({ taskId }) => taskId)).toEqual(['p/a']);
  const [renewal] = sentTo(fabric, '/v1/tasks.renew');
  expect(renewal?.input).toMatchObject({
    leases: [{ taskId: 'p/a', fencingToken: 'fence-of-p/a' }],
  });
  fabric.reply('/v1/tasks.renew', problem('log.unavailable'));
  expect(await session.next({ waitMs: 2_000 })).toEqual([]);
});

interface Crew {
  readonly crew: Worker;
  readonly events: readonly WorkerEvent[];
  /** Answers the poll that hangs. */
  readonly give: (reply: Reply) => void;
}

/** A worker whose standing wish is answered when the test says so. */
async function employ({ fabric, client }: Started, options: Partial<WorkerOptions>): Promise<Crew> {
  let polled: ((reply: Reply) => void) | undefined;
  const keep: Reply = (one: Asked, response: ServerResponse) => {
    polled = (reply) => reply(one, response);
  };
  fabric.reply(NEXT, keep);
  const events: WorkerEvent[] = [];
  const crew = await worker({
    client,
    agent: 'ada',
    run: async () => undefined,
    onEvent: (event) => events.push(event),
    ...options,
  });
  await expect.poll(() => polled).toBeDefined();
  return { crew, events, give: (reply) => polled?.(reply) };
}

const detailOf = (events: readonly WorkerEvent[], type: WorkerEvent['type']): string[] =>
  events.filter((event) => event.type === type).map(({ detail }) => detail ?? '');

test('a worker tells what became of each task: done, lost, refused, thrown', async () => {
  const started = await start();
  const { fabric } = started;
  const run = async ({ taskId }: Lease): Promise<void> => {
    if (taskId === 'p/throws') throw new Error('');
    // oxlint-disable-next-line typescript/only-throw-error -- programs of others throw anything
    if (taskId === 'p/text') throw 'a bare text';
  };
  fabric.reply('/v1/tasks.complete', (one, response) => {
    const replies: Readonly<Record<string, Reply>> = {
      'p/stale': problem('lease.stale'),
      'p/refused': problem('evidence.missing'),
    };
    (replies[String(one.input?.['taskId'])] ?? ok({ phase: 'done' }))(one, response);
  });
  fabric.reply('/v1/tasks.fail', (one, response) => {
    const isText = one.input?.['taskId'] === 'p/text';
    (isText ? problem('auth.forbidden') : ok({ phase: 'ready' }))(one, response);
  });
  const { crew, events, give } = await employ(started, { run, concurrency: 5, leaseMs: 60_000 });
  const tasks = ['p/done', 'p/stale', 'p/refused', 'p/throws', 'p/text'];
  give(ok({ grants: tasks.map((taskId) => grant(taskId)) }));
  await expect.poll(() => events.length).toBe(10);
  expect(await crew.drain()).toEqual({ completed: 1, failed: 3, lost: 1 });
  expect(detailOf(events, 'lost')).toEqual([expect.stringContaining('lease.stale')]);
  expect(detailOf(events, 'failed').toSorted()).toEqual([
    '',
    expect.stringContaining('evidence.missing'),
    expect.stringContaining('a bare text; FabricError: auth.forbidden'),
  ]);
  const reasons = sentTo(fabric, '/v1/tasks.fail').map(({ input }) => String(input?.['reason']));
  expect(reasons.toSorted()).toEqual(['a bare text', 'failed without a message']);
  expect(fabric.count(CLOSE)).toBe(1);
});

test('a task whose lease ends while it runs is lost, and nothing is written for it', async () => {
  const started = await start();
  const { fabric } = started;
  const run = ({ signal }: Lease): Promise<void> =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  const { crew, events, give } = await employ(started, { run });
  const lost = { taskId: 'p/a', detail: 'It is leased to s2.' };
  fabric.reply('/v1/tasks.renew', ok({ renewed: [], lost: [lost] }));
  give(ok({ grants: [grant('p/a')] }));
  await expect.poll(() => detailOf(events, 'lost')).toEqual(['p/a: It is leased to s2.']);
  expect(fabric.count('/v1/tasks.complete')).toBe(0);
  await crew.drain();
});

test('the end of its session ends the worker, and it closes nothing', async () => {
  const started = await start();
  const { crew, events, give } = await employ(started, { role: 'runner', swarm: 'w' });
  give(problem('session.ended'));
  expect(await crew.done).toEqual({ completed: 0, failed: 0, lost: 0 });
  expect(detailOf(events, 'ended')).toEqual([expect.stringContaining('session.ended')]);
  expect(started.fabric.count(CLOSE)).toBe(0);
  const [opened] = sentTo(started.fabric, '/v1/sessions.open');
  expect(opened?.input).toMatchObject({ agent: 'ada', role: 'runner', swarm: 'w', leasesMax: 1 });
});

test('a worker that was told to stop before it began takes nothing', async () => {
  const { fabric, client } = await start();
  fabric.reply(NEXT, hangs);
  const signal = AbortSignal.abort();
  const run = async (): Promise<void> => undefined;
  const crew = await worker({ client, agent: 'ada', capabilities: ['go'], signal, run });
  expect(await crew.done).toEqual({ completed: 0, failed: 0, lost: 0 });
  expect(fabric.count(CLOSE)).toBe(1);
});

test('a session that cannot be opened is told, also where the fabric is out of reach', async () => {
  const { fabric, client } = await start();
  fabric.reply('/v1/sessions.open', problem('auth.forbidden'));
  const run = async (): Promise<void> => undefined;
  await expect(worker({ client, agent: 'ada', run })).rejects.toMatchObject({
    code: 'auth.forbidden',
  });
  fabric.reply('/v1/sessions.open', proxy);
  const opening = worker({ client, agent: 'ada', run });
  await expect.poll(() => fabric.count('/v1/sessions.open')).toBeGreaterThan(1);
  client.close();
  await expect(opening).rejects.toMatchObject({ message: 'The client was closed.' });
});
