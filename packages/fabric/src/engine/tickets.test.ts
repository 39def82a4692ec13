/** What others' calls and refusals do to who waits. Arrivals of ready work are in waiting.test.ts. */
import { reject, type Grant } from '@infrafabric/protocol';
import { afterEach, describe, expect, test } from 'vitest';

import { scriptedFaults, type AppendFault } from '../adapters/journal-memory/faults.ts';
import { ManualClock } from './clock.ts';
import type { Principal, Reply } from './fabric.ts';
import { createMemoryRealm, openMemoryFabric, type MemoryFabricOptions } from './open-memory.ts';
import type { LeadingFabric } from './open.ts';
import { TICKETS_MAX } from './limits.ts';
import { Tickets, type TicketRequest } from './tickets.ts';

const OPERATOR: Principal = { cred: 'operator', name: 'operator', role: 'operator' };
const SIP = 'integration:sip';
const NDI = 'integration:ndi';
const opened: LeadingFabric[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((fabric) => fabric.close()));
});

const ticks = async (count = 10): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

async function start(options: MemoryFabricOptions = {}) {
  const clock = new ManualClock();
  const realm = createMemoryRealm();
  const fabric = await openMemoryFabric(realm, { clock, ...options });
  opened.push(fabric);
  const reply = (op: string, input: unknown, more: object = {}): Promise<Reply> =>
    fabric.call(op, input, { principal: OPERATOR, ...more });
  const call = async <T = Record<string, unknown>>(op: string, input: unknown): Promise<T> => {
    const settled = await reply(op, input);
    if (settled.kind !== 'ok') throw new Error(`${op}: ${settled.code}: ${settled.detail}`);
    return settled.output as T;
  };
  const session = async (agent: string, more: object = {}): Promise<string> =>
    (await call<{ sessionId: string }>('sessions.open', { agent, ...more })).sessionId;
  const plan = (id: string, ...tasks: readonly object[]) =>
    call('plans.submit', {
      plan: { id, tasks: tasks.map((one, i) => ({ key: `t${i}`, title: 't', ...one })) },
    });
  /** A task that is held by ada, and how its holder raises a blocker. */
  const stuck = async () => {
    await plan('p', {});
    const ada = await session('ada');
    const { taskId, fencingToken } = await call<Grant>('tasks.claim', {
      sessionId: ada,
      taskId: 'p/t0',
    });
    return (needs: readonly string[]) =>
      call<{ blockerId: string; helpers: { taskId: string; sessionId: string }[] }>(
        'blockers.raise',
        { taskId, fencingToken, kind: 'capability', title: 'stuck', needs },
      );
  };
  return { fabric, clock, realm, reply, call, session, plan, stuck };
}

const grantsOf = (settled: Reply): readonly Grant[] => {
  if (settled.kind !== 'ok') throw new Error(settled.code);
  return (settled.output as { grants: Grant[] }).grants;
};

describe('a lease of help is pushed to who waits', () => {
  test('once: the wait ends with it, as if it had been asked for', async () => {
    const { fabric, call, reply, session, stuck } = await start();
    const raise = await stuck();
    const bob = await session('bob', { capabilities: [SIP] });
    const waiting = reply('tasks.next', { sessionId: bob, waitMs: 20_000 });
    await ticks();
    const { blockerId, helpers } = await raise([SIP]);
    const [grant] = grantsOf(await waiting);
    expect(helpers).toMatchObject([{ taskId: grant?.taskId, sessionId: bob }]);
    expect(grant).toMatchObject({
      scope: { helps: blockerId, limitMicroUsd: 10_000_000, reservedMicroUsd: 10_000_000 },
    });
    expect(fabric.figures().tickets).toBe(0);
    // The token that was pushed is the lease's own.
    const { taskId, fencingToken } = grant ?? {};
    await expect(call('tasks.complete', { taskId, fencingToken })).resolves.toBeDefined();
  });

  test('standing: it is told with what is set aside for it, and waits on while there is room', async () => {
    const { fabric, call, session, stuck, plan } = await start();
    const raise = await stuck();
    await call('swarms.register', {
      profile: { swarmId: 'red', capabilities: [SIP], costPerHourMicroUsd: 2_000_000 },
    });
    const bob = await session('bob', { swarm: 'red', leasesMax: 2 });
    const told: Grant[] = [];
    const ended: string[] = [];
    fabric.wait(
      bob,
      {},
      (grants) => told.push(...grants),
      ({ code }) => ended.push(code),
    );
    await ticks();
    await raise([SIP]);
    await ticks();
    expect(told).toHaveLength(1);
    // All of its side's limit, which is that of the blocked task where one helper has it alone.
    expect(told[0]?.scope).toMatchObject({ reservedMicroUsd: 10_000_000 });
    expect(fabric.figures().tickets).toBe(1);
    await plan('q', { needs: [SIP] }, { needs: [SIP] });
    await ticks();
    expect(told.map(({ taskId }) => taskId).slice(1)).toEqual(['q/t0']);
    expect(fabric.figures().tickets).toBe(1);
    expect(ended).toEqual([]);
  });

  test('each of several helpers is told of its own side alone', async () => {
    const { call, reply, session, stuck } = await start();
    const raise = await stuck();
    const waits = await Promise.all(
      [SIP, NDI].map(async (capability) => {
        const sessionId = await session(`of-${capability.slice(-3)}`, {
          capabilities: [capability],
        });
        return { capability, reply: reply('tasks.next', { sessionId, waitMs: 20_000 }) };
      }),
    );
    await ticks();
    const { blockerId } = await raise([NDI, SIP]);
    const { blockers } = await call<{
      blockers: { help: { taskId: string; needs: string[] }[] }[];
    }>('blockers.list', {});
    for (const wait of waits) {
      const grants = grantsOf(await wait.reply);
      expect(grants).toHaveLength(1);
      const side = blockers[0]?.help.find(({ taskId }) => taskId === grants[0]?.taskId);
      expect(side?.needs).toEqual([wait.capability]);
      expect(grants[0]?.scope).toMatchObject({ helps: blockerId, reservedMicroUsd: 5_000_000 });
    }
  });

  test('to one whose own grant is on its way to disk: both are told, none twice', async () => {
    const gate = Promise.withResolvers<void>();
    const none: AppendFault = { kind: 'none' };
    const { call, fabric, session, stuck, plan } = await start({
      // Realm, plan, ada, claim, bob; then the batch with the work that bob is granted.
      faults: scriptedFaults([
        ...Array.from({ length: 5 }, () => none),
        { kind: 'slow', until: gate.promise },
      ]),
    });
    const raise = await stuck();
    const bob = await session('bob', { capabilities: [SIP], leasesMax: 3 });
    const told: string[] = [];
    fabric.wait(bob, {}, (grants) => told.push(...grants.map(({ taskId }) => taskId)));
    await ticks();
    const work = plan('q', { needs: [SIP] });
    await ticks();
    const blocked = raise([SIP]);
    await ticks();
    expect(told).toEqual([]);
    gate.resolve();
    await work;
    const { helpers } = await blocked;
    await ticks();
    expect(helpers).toHaveLength(1);
    expect(told.toSorted()).toEqual([helpers[0]?.taskId ?? '', 'q/t0'].toSorted());
    const { sessions } = await call<{ sessions: { sessionId: string; leases: string[] }[] }>(
      'sessions.list',
      {},
    );
    const held = sessions.find(({ sessionId }) => sessionId === bob)?.leases ?? [];
    expect(told.toSorted()).toEqual(held.toSorted());
  });

  test('to nobody where nobody waits: it stands open for who comes', async () => {
    const { fabric, call, session, stuck } = await start();
    const raise = await stuck();
    const bob = await session('bob', { capabilities: [SIP] });
    expect(await raise([SIP])).toMatchObject({ helpers: [], open: [expect.any(String)] });
    expect(fabric.figures().tickets).toBe(0);
    const { grants } = await call<{ grants: Grant[] }>('tasks.next', { sessionId: bob });
    expect(grants[0]?.scope.helps).toMatch(/^blk_/u);
  });
});

/** Realms in which whoever waits is refused what becomes ready, and why. */
const REFUSING = {
  'budget.exceeded': async ({ call }: Started) => {
    await call('budgets.set', { account: 'realm', limitMicroUsd: 1_000_000 });
  },
  'swarm.suspended': async ({ call }: Started) => {
    await call('breakers.trip', { swarmId: 'red', reason: 'by hand' });
  },
  'policy.denied': async ({ call }: Started) => {
    await call('policies.set', {
      policy: { format: 'ifab-policy/1', resource: {}, governs: ['task.claim'], rules: [] },
    });
  },
} as const;
type Started = Awaited<ReturnType<typeof start>>;
type Refusing = keyof typeof REFUSING;

describe('a wait whose grant is refused', () => {
  const refused = async (code: Refusing) => {
    const started = await start();
    await started.call('swarms.register', {
      profile: { swarmId: 'red', capabilities: [SIP], costPerHourMicroUsd: 2_000_000 },
    });
    const bob = await started.session('bob', { swarm: 'red' });
    await REFUSING[code](started);
    return { ...started, bob };
  };
  const work = { needs: [SIP], budget: { limitMicroUsd: 5_000_000 } };

  test.each(Object.keys(REFUSING) as Refusing[])('%s ends a wait for once', async (code) => {
    const { fabric, realm, reply, plan, bob } = await refused(code);
    const waiting = reply('tasks.next', { sessionId: bob, waitMs: 20_000 });
    await ticks();
    await plan('q', work);
    expect(await waiting).toMatchObject({ kind: 'reject', code });
    expect(fabric.figures().tickets).toBe(0);
    // It is not tried again: the log stands still.
    const { size } = realm.log.head;
    await ticks(50);
    expect(realm.log.head.size).toBe(size);
  });

  test.each(Object.keys(REFUSING) as Refusing[])('%s ends a standing wait', async (code) => {
    const { fabric, realm, plan, bob } = await refused(code);
    const ended: string[] = [];
    fabric.wait(
      bob,
      {},
      (grants) => ended.push(...grants.map(({ taskId }) => taskId)),
      (why) => ended.push(why.code),
    );
    await ticks();
    await plan('q', work);
    await ticks(50);
    expect(ended).toEqual([code]);
    expect(fabric.figures().tickets).toBe(0);
    const { size } = realm.log.head;
    await plan('r', work);
    await ticks(50);
    expect(ended).toEqual([code]);
    expect(realm.log.head.size).toBe(size + 1);
  });
});

describe('K2: work goes to whom it suits best', () => {
  const swarm = (swarmId: string, costPerHourMicroUsd: number, more: object = {}) => ({
    profile: { swarmId, capabilities: [SIP], costPerHourMicroUsd, ...more },
  });
  /** Sessions of these swarms, one each, that wait in this order; who was told of what. */
  const waiting = async (...swarms: readonly ReturnType<typeof swarm>[]) => {
    const started = await start();
    const told: string[] = [];
    for (const one of swarms) {
      const { swarmId } = one.profile;
      await started.call('swarms.register', one);
      const sessionId = await started.session(swarmId, { swarm: swarmId });
      started.fabric.wait(sessionId, {}, (grants) =>
        told.push(...grants.map(({ taskId }) => `${swarmId} ${taskId}`)),
      );
      await ticks(3);
    }
    return { ...started, told };
  };

  test('the cheaper of two that are able, though it came later; then the other', async () => {
    const { plan, told } = await waiting(swarm('dear', 9_000_000), swarm('cheap', 1_000_000));
    await plan('p', { needs: [SIP] });
    await ticks();
    expect(told).toEqual(['cheap p/t0']);
    await plan('q', { needs: [SIP] });
    await ticks();
    expect(told).toEqual(['cheap p/t0', 'dear q/t0']);
  });

  test('the one of better name, where they cost the same', async () => {
    const { plan, told } = await waiting(
      swarm('new', 1_000_000, { reputationPermille: 300 }),
      swarm('known', 1_000_000, { reputationPermille: 900 }),
    );
    await plan('p', { needs: [SIP] });
    await ticks();
    expect(told).toEqual(['known p/t0']);
  });

  test('the oldest among equals, and the most urgent work first', async () => {
    const { plan, told } = await waiting(swarm('one', 1_000_000), swarm('two', 1_000_000));
    await plan('p', { needs: [SIP], priority: 4 }, { needs: [SIP], priority: 0 });
    await ticks();
    expect(told).toEqual(['one p/t1', 'two p/t0']);
  });

  test('a swarm that is stopped is passed over, and told so by nobody', async () => {
    const { call, plan, told, fabric } = await waiting(
      swarm('cheap', 1_000_000),
      swarm('dear', 9_000_000),
    );
    await call('breakers.trip', { swarmId: 'cheap', reason: 'by hand' });
    await plan('p', { needs: [SIP] });
    await ticks();
    expect(told).toEqual(['dear p/t0']);
    expect(fabric.figures().tickets).toBeGreaterThanOrEqual(1);
  });
});

test('more tickets than may wait are refused, and those that wait are all told at the end', () => {
  const why = reject('fabric.starting', 'not yet');
  const tickets = new Tickets({ view: () => why, submit: () => undefined });
  let told = 0;
  let refused = 0;
  const request: TicketRequest = {
    sessionId: 'ses_0000000000000000',
    planId: undefined,
    // Never submitted: there is no world to match with.
    call: {} as TicketRequest['call'],
    kind: 'once',
    on: (outcome) => {
      if (outcome.kind === 'reject' && outcome.code === 'fabric.overloaded') refused += 1;
      else told += 1;
    },
  };
  for (let i = 0; i < TICKETS_MAX; i += 1) tickets.add(request);
  expect({ count: tickets.count, refused }).toEqual({ count: TICKETS_MAX, refused: 0 });
  expect(tickets.add(request)()).toBe(false);
  expect(refused).toBe(1);
  tickets.close(why);
  expect({ count: tickets.count, told }).toEqual({ count: 0, told: TICKETS_MAX });
});
