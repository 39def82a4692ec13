/** Money: a cap of one dollar holds, and a swarm that burnt it is stopped until an operator lets it try again. */
import type { Client } from '../../packages/sdk/src/index.ts';
import { refusalOf } from './refusals.ts';
import type { Story } from './story.ts';

const SWARM = 'thrifty';
const PLAN = 'one-dollar';
const DOLLAR = 1_000_000;

/** Throws where the cap does not hold. */
export async function spendAndStop(client: Client, story: Story): Promise<void> {
  story.chapter('A swarm with one dollar, and work at forty cents');
  await client.call('swarms.register', {
    profile: {
      swarmId: SWARM,
      capabilities: ['docs:technical-writing'],
      costPerHourMicroUsd: DOLLAR,
      limitMicroUsd: DOLLAR,
    },
  });
  const tasks = ['one', 'two', 'three'].map((key) => ({
    key,
    title: `Write chapter ${key}`,
    needs: ['docs:technical-writing'],
    budget: { limitMicroUsd: 400_000 },
  }));
  await client.call('plans.submit', { plan: { id: PLAN, tasks } });
  const session = await client.openSession({ agent: 'thrifty-1', swarm: SWARM, leasesMax: 3 });
  const first = await session.claim(`${PLAN}/one`);
  const second = await session.claim(`${PLAN}/two`);
  story.good(
    `two leases: ${money(800_000)} of ${money(DOLLAR)} are set aside before anything is spent`,
  );
  story.refusal('the third claim', await refusalOf(() => session.claim(`${PLAN}/three`)));
  const { fencingToken } = first.grant;
  const used = await session.call('usage.record', {
    taskId: `${PLAN}/one`,
    fencingToken,
    microUsd: 1_300_000,
  });
  story.deed(
    `an agent reports a cost of ${money(1_300_000)} after the fact: ${money(used.chargedMicroUsd)} are covered, ${money(used.overrunMicroUsd)} are shown as overrun`,
  );
  await first.complete({ exitCode: 0, summary: 'written' });
  await second.release('nothing is left');
  story.refusal(`${SWARM} wants to go on`, await refusalOf(() => session.claim(`${PLAN}/two`)));
  await client.call('breakers.reset', {
    swarmId: SWARM,
    reason: 'the demonstration goes on',
    limitMicroUsd: 2 * DOLLAR,
  });
  const probe = await session.claim(`${PLAN}/two`);
  story.good('an operator resets the breaker with a reason and two dollars: one lease, as a probe');
  await probe.complete({ exitCode: 0, summary: 'written' });
  const third = await session.claim(`${PLAN}/three`);
  await third.complete({ exitCode: 0, summary: 'written' });
  await session.close('Its work is done.');
}

const money = (microUsd: number): string => `$${(microUsd / DOLLAR).toFixed(2)}`;
