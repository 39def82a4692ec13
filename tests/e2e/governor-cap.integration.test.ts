import { afterEach, beforeEach, expect, test } from 'vitest';
import { governedFabric } from './governor-fabric.ts';
import type { GovernedFabric } from './governor-fabric.ts';
import type { Answered } from './surfaces-fabric.ts';

/** A dollar, and what one claim sets aside of it. */
const CAP_MICRO_USD = 1_000_000;
const CLAIM_MICRO_USD = 400_000;
/** What the cap pays for. */
const LEASES = 2;

let fabric: GovernedFabric;
beforeEach(async () => {
  fabric = await governedFabric();
});
afterEach(() => fabric.close());

type Capped = 'swarm' | 'plan';
type Way = 'tasks.claim' | 'tasks.next';

interface Client {
  readonly sessionId: string;
  readonly token: string;
  readonly taskId: string;
}

/** Sessions, each with a task that it may claim, and together with one account that is too small for them. */
async function clientsOf(count: number, capped: Capped): Promise<readonly Client[]> {
  if (capped === 'swarm') {
    await fabric.call('swarms.register', {
      profile: {
        swarmId: 'capped',
        capabilities: ['integration:sip'],
        costPerHourMicroUsd: CLAIM_MICRO_USD,
        limitMicroUsd: CAP_MICRO_USD,
      },
    });
  }
  const budget = { limitMicroUsd: CLAIM_MICRO_USD };
  const keys = Array.from({ length: count }, (_, i) => `t${i}`);
  await fabric.call('plans.submit', {
    plan: {
      id: 'capped',
      tasks: keys.map((key) => ({ key, title: key, budget })),
      ...(capped === 'plan' ? { budget: { limitMicroUsd: CAP_MICRO_USD } } : {}),
    },
    confirmMicroUsd: count * CLAIM_MICRO_USD,
  });
  return Promise.all(
    keys.map(async (key) => {
      const swarm = capped === 'swarm' ? 'capped' : `swarm-${key}`;
      const opened = await fabric.call('sessions.open', { agent: `agent-${key}`, swarm });
      return { sessionId: opened.sessionId, token: opened.token, taskId: `capped/${key}` };
    }),
  );
}

const ask = ({ sessionId, token, taskId }: Client, way: Way): Promise<Answered> =>
  way === 'tasks.claim'
    ? fabric.post(way, { sessionId, taskId }, token)
    : fabric.post(way, { sessionId }, token);

const accountNamed = async (account: string) => {
  const { accounts } = await fabric.call('budgets.list', {});
  const found = accounts.find((one) => one.account === account);
  if (found === undefined) throw new Error(`there is no account ${account}`);
  return found;
};

/** What a granted answer leases, whichever way it was asked for. */
const leaseIn = (text: string): { readonly taskId: string; readonly fencingToken: string } => {
  const answer = JSON.parse(text);
  return 'grants' in answer ? answer.grants[0] : answer;
};

const CASES: readonly (readonly [number, Way, Capped])[] = [
  [64, 'tasks.claim', 'swarm'],
  [64, 'tasks.claim', 'plan'],
  [64, 'tasks.next', 'swarm'],
  [64, 'tasks.next', 'plan'],
  [8, 'tasks.claim', 'swarm'],
  [8, 'tasks.next', 'plan'],
];

test.each(CASES)(
  'G1: %i clients at once by %s against a %s of $1.00 at $0.40 each: two leases, all others told why',
  async (count, way, capped) => {
    const account = `${capped}:capped`;
    const clients = await clientsOf(count, capped);
    const answers = await Promise.all(clients.map((client) => ask(client, way)));
    const granted = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(granted).toHaveLength(LEASES);
    expect(new Set(granted.map(({ text }) => leaseIn(text).taskId)).size).toBe(LEASES);
    expect(refused).toHaveLength(count - LEASES);
    for (const { status, text, headers } of refused) {
      expect(status).toBe(402);
      expect(headers['content-type']).toBe('application/problem+json');
      expect(JSON.parse(text)).toMatchObject({
        code: 'budget.exceeded',
        remedy: 'give-up',
        facts: {
          account,
          neededMicroUsd: CLAIM_MICRO_USD,
          availableMicroUsd: CAP_MICRO_USD - LEASES * CLAIM_MICRO_USD,
          limitMicroUsd: CAP_MICRO_USD,
        },
      });
    }
    expect(await accountNamed(account)).toMatchObject({
      limitMicroUsd: CAP_MICRO_USD,
      reservedMicroUsd: LEASES * CLAIM_MICRO_USD,
      spentMicroUsd: 0,
      overrunMicroUsd: 0,
    });

    // All of it is spent and the leases end: nothing comes back, and nobody else gets in.
    for (const { text } of granted) {
      const { taskId, fencingToken } = leaseIn(text);
      const spent = { taskId, fencingToken, component: 'gateway', microUsd: CLAIM_MICRO_USD };
      await fabric.call('usage.record', spent);
      await fabric.call('tasks.complete', { taskId, fencingToken });
    }
    const later = await Promise.all(clients.map((client) => ask(client, way)));
    const codes = later.map(({ status, text }) => `${status} ${JSON.parse(text).code}`);
    const done = way === 'tasks.claim' ? LEASES : 0;
    expect(codes.filter((code) => code === '402 budget.exceeded')).toHaveLength(count - done);
    expect(codes.filter((code) => code === '409 task.done')).toHaveLength(done);
    const { reservedMicroUsd, spentMicroUsd, overrunMicroUsd } = await accountNamed(account);
    expect({ reservedMicroUsd, spentMicroUsd, overrunMicroUsd }).toEqual({
      reservedMicroUsd: 0,
      spentMicroUsd: LEASES * CLAIM_MICRO_USD,
      overrunMicroUsd: 0,
    });
  },
);

test('what a lease did not spend is there for the next one, and never more than that', async () => {
  const clients = await clientsOf(64, 'swarm');
  let leases = 0;
  let spent = 0;
  // A cent a lease: each round ends what it was given, and the cap lets two at a time through.
  for (let round = 0; round < 3; round += 1) {
    const answers = await Promise.all(clients.map((client) => ask(client, 'tasks.next')));
    const granted = answers.filter(({ status }) => status === 200);
    expect(granted).toHaveLength(LEASES);
    expect(answers.filter(({ status }) => status === 402)).toHaveLength(64 - LEASES);
    for (const { text } of granted) {
      const { taskId, fencingToken } = leaseIn(text);
      await fabric.call('usage.record', { taskId, fencingToken, microUsd: 10_000 });
      await fabric.call('tasks.complete', { taskId, fencingToken });
      leases += 1;
      spent += 10_000;
    }
    const { reservedMicroUsd, spentMicroUsd } = await accountNamed('swarm:capped');
    expect({ reservedMicroUsd, spentMicroUsd }).toEqual({
      reservedMicroUsd: 0,
      spentMicroUsd: spent,
    });
  }
  expect(leases).toBe(3 * LEASES);
});
