import { connect, FabricError, LeaseLostError, worker } from '@infrafabric/sdk';
import type { Client, Lease, WorkerEvent } from '@infrafabric/sdk';
import { afterEach, expect, test } from 'vitest';
import { systemClock, type Clock } from '../../packages/fabric/src/engine/clock.ts';
import { serve } from './surfaces-fabric.ts';
import type { Served } from './surfaces-fabric.ts';

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

type Wire = 'ws' | 'http';
const WIRES: readonly Wire[] = ['ws', 'http'];

async function start(options: Parameters<typeof serve>[0] = {}): Promise<Served> {
  const served = await serve(options);
  ending.push(() => served.close());
  return served;
}

async function clientOf(served: Served, transport: Wire): Promise<Client> {
  const client = await connect({ url: served.url, token: served.operatorToken, transport });
  ending.push(() => client.close());
  return client;
}

const submit = (client: Client, keys: readonly string[], more: object = {}) =>
  client.call('plans.submit', {
    plan: { id: 'p', tasks: keys.map((key) => ({ key, title: key, ...more })) },
  });

const phaseOf = async (client: Client, taskId: string) =>
  (await client.call('tasks.show', { taskId })).phase;

test.each(WIRES)(
  '%s: a refusal is thrown with its code, its remedy and its facts',
  async (wire) => {
    const client = await clientOf(await start(), wire);
    const refused = await client
      .call('tasks.show', { taskId: 'p/none' })
      .catch((cause: unknown) => cause);
    expect(refused).toBeInstanceOf(FabricError);
    expect(refused).toMatchObject({ code: 'task.not_found', remedy: 'fix-request' });
  },
);

test.each(WIRES)('%s: a wrong token is told at once, and nobody is waited for', async (wire) => {
  const served = await start();
  const connecting = connect({ url: served.url, token: 'ifo1.guess', transport: wire });
  await expect(connecting).rejects.toMatchObject({ code: 'auth.invalid' });
});

test.each(WIRES)('%s: a session takes, reports and completes as itself', async (wire) => {
  const client = await clientOf(await start(), wire);
  await submit(client, ['a', 'b']);
  const session = await client.openSession({ agent: 'ada', leasesMax: 5 });
  const [lease] = await session.next();
  expect(lease).toMatchObject({ taskId: 'p/a', task: { title: 'a' } });
  await lease?.progress({ note: 'half', percent: 50 });
  expect(await lease?.complete({ summary: 'done' })).toMatchObject({ phase: 'done' });
  const held = await session.claim('p/b');
  expect(session.leases()).toEqual([held]);
  await held.release('not mine');
  expect(await phaseOf(client, 'p/b')).toBe('ready');
  const who: string[] = [];
  for await (const { type, principal } of client.subscribe({ after: '0' })) {
    if (type.startsWith('task.')) who.push(`${type} ${principal}`);
    if (type === 'task.released') break;
  }
  expect(who).toContain('task.completed ada');
  expect(who).toContain('task.leased ada');
  await session.close();
  expect(session.signal.aborted).toBe(true);
  await expect(session.next()).rejects.toBeInstanceOf(FabricError);
});

test.each(WIRES)(
  '%s: a lease outlives its length while it is renewed, and is lost with its session',
  async (wire) => {
    const client = await clientOf(await start(), wire);
    await submit(client, ['a']);
    const session = await client.openSession({ agent: 'ada' });
    const lease = await session.claim('p/a', { leaseMs: 300 });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(lease.signal.aborted).toBe(false);
    expect(await phaseOf(client, 'p/a')).toBe('leased');
    await client.call('sessions.revoke', { sessionId: session.sessionId, reason: 'test' });
    await expect.poll(() => lease.signal.aborted, { timeout: 5_000 }).toBe(true);
    expect(lease.signal.reason).toBeInstanceOf(LeaseLostError);
    await expect(lease.complete()).rejects.toBeInstanceOf(LeaseLostError);
  },
);

/** Time at half the speed: by it the fabric ends leases late, and a busy machine cannot hide who was first. */
const slowClock: Clock = {
  ...systemClock,
  monotonic: () => systemClock.monotonic() / 2,
  setTimer: (at, fn) => systemClock.setTimer(at * 2, fn),
};

test('a lease ends here before another session can have it, when the fabric is out of reach', async () => {
  const served = await start({ engine: { clock: slowClock } });
  const client = await clientOf(served, 'ws');
  await submit(client, ['a']);
  const session = await client.openSession({ agent: 'ada' });
  const lease = await session.claim('p/a', { leaseMs: 600 });
  await served.http.close();
  await new Promise((resolve) => lease.signal.addEventListener('abort', resolve));
  // The leader still runs, without a listener: by its clock the lease lives.
  const { tasks } = await served.fabric
    .call('tasks.list', {}, { principal: { cred: 'operator', name: 'operator', role: 'operator' } })
    .then((reply) =>
      reply.kind === 'ok' ? (reply.output as { tasks: { phase: string }[] }) : { tasks: [] },
    );
  expect(tasks[0]?.phase).toBe('leased');
});

test('a fabric that goes and comes back: calls are answered once, waits and feeds go on', async () => {
  const served = await start();
  const { port } = served.http;
  const client = await clientOf(served, 'ws');
  const session = await client.openSession({ agent: 'ada', leasesMax: 9 });
  const taken: Lease[] = [];
  session.wait({}, (lease) => taken.push(lease));
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { event } of client.subscribe({ after: '0' })) {
      const [, name] = /"(n\d+)"/.exec(JSON.stringify(event)) ?? [];
      if (name !== undefined) seen.push(name);
      if (seen.length >= 40) return;
    }
  })();
  const note = (n: number) => client.call('witness.record', { component: 'c', operation: `n${n}` });
  await Promise.all(Array.from({ length: 10 }, (_, n) => note(n)));
  const size = served.size();
  for (let round = 0; round < 3; round += 1) {
    const asked = Array.from({ length: 10 }, (_, n) => note(10 + round * 10 + n));
    await served.http.close();
    const later = await serve({ realm: served.realm, fabric: served.fabric, port });
    served.http.close = () => later.http.close();
    await Promise.all(asked);
  }
  expect(served.size() - size).toBe(30);
  await submit(client, ['a']);
  await expect.poll(() => taken.map(({ taskId }) => taskId), { timeout: 10_000 }).toEqual(['p/a']);
  await watching;
  // Each once, though every one of them was sent while the listener went away.
  expect(seen.toSorted()).toEqual(Array.from({ length: 40 }, (_, n) => `n${n}`).toSorted());
});

test.each(WIRES)('%s: a worker does all there is, fails what throws, and drains', async (wire) => {
  const client = await clientOf(await start(), wire);
  const keys = Array.from({ length: 40 }, (_, n) => `t${n}`);
  await submit(client, keys, { attemptsMax: 1 });
  const events: WorkerEvent[] = [];
  let running = 0;
  let runningMost = 0;
  const crew = await worker({
    client,
    agent: 'ada',
    concurrency: 4,
    onEvent: (event) => events.push(event),
    run: async ({ task }) => {
      running += 1;
      runningMost = Math.max(runningMost, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (task.key === 't7') throw new Error('seven is out of order');
      return { summary: task.key };
    },
  });
  const counts = async () => (await client.call('realm.status', {})).tasks;
  await expect.poll(counts, { timeout: 30_000 }).toMatchObject({ done: 39, parked: 1, leased: 0 });
  expect(await crew.drain()).toEqual({ completed: 39, failed: 1, lost: 0 });
  expect(await crew.done).toEqual({ completed: 39, failed: 1, lost: 0 });
  expect(runningMost).toBeGreaterThan(1);
  expect(runningMost).toBeLessThanOrEqual(4);
  expect(events.filter(({ type }) => type === 'taken').length).toBe(40);
  expect(await client.call('sessions.list', { status: 'open' })).toMatchObject({ sessions: [] });
});

test.each(WIRES)(
  '%s: a grant that is refused for money ends no session: what runs goes on, and work is taken again',
  async (wire) => {
    const client = await clientOf(await start(), wire);
    await client.call('budgets.set', { account: 'realm', limitMicroUsd: 10 });
    const released = Promise.withResolvers<void>();
    const crew = await worker({
      client,
      agent: 'ada',
      concurrency: 2,
      run: async (lease) => {
        await released.promise;
        if (lease.signal.aborted) throw lease.signal.reason;
        return { summary: 'done' };
      },
    });
    // Each may cost all that there is: the second is refused while the first runs.
    await submit(client, ['a', 'b'], { budget: { limitMicroUsd: 10 } });
    await expect
      .poll(async () => [await phaseOf(client, 'p/a'), await phaseOf(client, 'p/b')])
      .toEqual(['leased', 'ready']);
    expect(crew.session.signal.aborted).toBe(false);
    expect(crew.session.leases()).toHaveLength(1);
    released.resolve();
    await expect.poll(() => phaseOf(client, 'p/b')).toBe('done');
    expect(await phaseOf(client, 'p/a')).toBe('done');
    expect(await crew.drain()).toEqual({ completed: 2, failed: 0, lost: 0 });
  },
);

test('a worker that is told to stop finishes what it holds and takes no more', async () => {
  const client = await clientOf(await start(), 'ws');
  await submit(client, ['a', 'b', 'c']);
  const stop = new AbortController();
  let finish = (): void => undefined;
  const crew = await worker({
    client,
    agent: 'ada',
    signal: stop.signal,
    run: () => new Promise((resolve) => (finish = () => resolve(undefined))),
  });
  await expect.poll(() => crew.session.leases().length).toBe(1);
  stop.abort();
  await expect.poll(() => crew.session.leases().length).toBe(1);
  finish();
  expect(await crew.done).toEqual({ completed: 1, failed: 0, lost: 0 });
  expect((await client.call('realm.status', {})).tasks).toMatchObject({
    done: 1,
    ready: 2,
    leased: 0,
  });
});
